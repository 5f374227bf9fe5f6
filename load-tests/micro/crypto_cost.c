#include "load-tests/micro/crypto_cost.h"

#include "load-tests/micro/meter.h"
#include "server/core/alloc.h"
#include "server/core/crypto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char GROUP[] = "SRTP, ns a packet of 1200 B; sessions:";

static const struct {
	size_t sessions;
	const char *column;
} sizes[] = { { 1, "1" }, { 1000, "1000" }, { 5000, "5000" } };

enum { SIZES = sizeof(sizes) / sizeof(*sizes) };

struct crypto_trial {
	const struct crypto_backend *backend;
	void *crowd;
	struct srtp_master *masters;
	size_t sessions;
	uint64_t sent;
	struct crypto_packet packets[CRYPTO_BATCH];
	uint8_t payload[CRYPTO_PAYLOAD];
};

static void next_packet(struct crypto_trial *trial, struct crypto_packet *packet)
{
	const uint64_t number = trial->sent++;
	packet->session = number % trial->sessions;
	packet->index = number / trial->sessions + 1;
	packet->ssrc = 0x1000000 + (uint32_t)packet->session;
	/* RFC 3550 §5.1: version 2, payload type 96 */
	packet->header[0] = 0x80;
	packet->header[1] = 96;
	packet->header[2] = (uint8_t)(packet->index >> 8);
	packet->header[3] = (uint8_t)packet->index;
	for (int i = 0; i < 4; i++)
		packet->header[8 + i] = (uint8_t)(packet->ssrc >> (24 - 8 * i));
}

static int seal_batch(struct crypto_trial *trial)
{
	for (int i = 0; i < CRYPTO_BATCH; i++)
		next_packet(trial, &trial->packets[i]);
	return trial->backend->seal(trial->crowd, trial->packets, trial->payload);
}

/* What is not SRTP that others can open, has no price. */
static int check_packet(const struct crypto_trial *trial, const struct crypto_packet *packet)
{
	struct srtp_rx *rx = NULL;
	uint8_t copy[sizeof(packet->sealed)];
	size_t len = packet->len;
	int err = srtp_rx_create(&rx, &trial->masters[packet->session], false);
	if (err)
		return err;
	memcpy(copy, packet->sealed, sizeof(copy));
	err = srtp_rx_rtp(rx, copy, &len);
	if (!err && (len != CRYPTO_PACKET || memcmp(copy, packet->header, CRYPTO_HEADER) != 0 ||
		     memcmp(copy + CRYPTO_HEADER, trial->payload, CRYPTO_PAYLOAD) != 0))
		err = -EBADMSG;
	srtp_rx_destroy(rx);
	return err;
}

static int start(struct crypto_trial *trial, const struct crypto_backend *backend, size_t sessions)
{
	trial->backend = backend;
	trial->sessions = sessions;
	trial->masters = xcalloc(sessions, sizeof(*trial->masters));
	crypto_random(trial->payload, sizeof(trial->payload));
	for (size_t i = 0; i < sessions; i++) {
		crypto_random(trial->masters[i].key, sizeof(trial->masters[i].key));
		crypto_random(trial->masters[i].salt, sizeof(trial->masters[i].salt));
		trial->masters[i].profile = backend->profile;
	}
	int err = backend->create(&trial->crowd, trial->masters, sessions);
	if (!err)
		err = seal_batch(trial);
	for (int i = 0; i < CRYPTO_BATCH && !err; i++)
		err = check_packet(trial, &trial->packets[i]);
	return err;
}

static void finish(struct crypto_trial *trial)
{
	trial->backend->destroy(trial->crowd);
	free(trial->masters);
	free(trial);
}

static int run(void *arg, uint64_t operations, struct stopwatch *watch)
{
	struct crypto_trial *trial = arg;
	int err = 0;
	stopwatch_start(watch);
	for (uint64_t done = 0; done < operations && !err; done += CRYPTO_BATCH)
		err = seal_batch(trial);
	stopwatch_stop(watch);
	return err;
}

/* Who could not even start fails as a trial does, and has its row. */
static int fail(void *arg, uint64_t operations, struct stopwatch *watch)
{
	(void)operations;
	(void)watch;
	return *(int *)arg;
}

static void measure(struct meter *meter, const struct crypto_backend *backend)
{
	if (backend->missing) {
		meter_skip(meter, GROUP, backend->name, backend->missing);
		return;
	}
	for (int i = 0; i < SIZES; i++) {
		if (meter_quick(meter) && sizes[i].sessions > 1)
			break;
		struct crypto_trial *state = xcalloc(1, sizeof(*state));
		int err = start(state, backend, sizes[i].sessions);
		const struct trial trial = {
			.group = GROUP,
			.name = backend->name,
			.column = sizes[i].column,
			.step = CRYPTO_BATCH,
			.run = err ? fail : run,
			.arg = err ? (void *)&err : state,
		};
		meter_measure(meter, &trial);
		finish(state);
	}
}

void crypto_cost(struct meter *meter)
{
	for (int i = 0; i < 2; i++) {
		measure(meter, &crypto_libsrtp[i]);
		measure(meter, &crypto_evp[i]);
		measure(meter, &crypto_ipsec_mb[i]);
		measure(meter, &crypto_seam[i]);
	}
}
