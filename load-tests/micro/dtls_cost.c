#include "load-tests/micro/dtls_cost.h"

#include "load-tests/micro/dtls_openssl.h"
#include "load-tests/micro/meter.h"
#include "server/core/alloc.h"
#include "signaling/dtls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char GROUP[] = "DTLS 1.2, ECDSA P-256 and X25519, ns of the server";

enum { WIRE_CAP = 16, DATAGRAM = 1500 };

struct datagram {
	size_t len;
	uint8_t data[DATAGRAM];
};

/* One end of a connection, and what it has sent that has not been delivered. */
struct end {
	struct dtls *dtls;
	struct datagram wire[WIRE_CAP];
	unsigned waiting;
	bool lost, connected;
};

struct pair {
	struct dtls_context *context;
	struct end server, client;
};

static void on_send(void *arg, const uint8_t *datagram, size_t len)
{
	struct end *end = arg;
	if (end->waiting == WIRE_CAP || len > DATAGRAM) {
		end->lost = true;
		return;
	}
	struct datagram *next = &end->wire[end->waiting++];
	memcpy(next->data, datagram, len);
	next->len = len;
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
}

static void on_event(void *arg, enum dtls_event event)
{
	((struct end *)arg)->connected = event == DTLS_CONNECTED;
}

static const struct dtls_ops ops = { .send = on_send, .data = on_data, .event = on_event };

static int open_end(struct pair *pair, struct end *end, bool client)
{
	struct dtls_options options = { .client = client, .ops = &ops, .arg = end };
	memcpy(options.fingerprint, dtls_context_fingerprint_bytes(pair->context),
	       sizeof(options.fingerprint));
	end->waiting = 0;
	end->connected = false;
	return dtls_create(&end->dtls, pair->context, &options);
}

static bool deliver(struct end *from, struct end *to)
{
	const bool any = from->waiting > 0;
	for (unsigned i = 0; i < from->waiting; i++)
		dtls_feed(to->dtls, from->wire[i].data, from->wire[i].len);
	from->waiting = 0;
	return any;
}

static bool serve(struct pair *pair, struct stopwatch *watch)
{
	stopwatch_start(watch);
	const bool any = deliver(&pair->client, &pair->server);
	stopwatch_stop(watch);
	return any;
}

static int shake_hands(struct pair *pair, struct stopwatch *watch)
{
	struct dtls_keys keys;
	stopwatch_start(watch);
	int err = open_end(pair, &pair->server, false);
	stopwatch_stop(watch);
	if (err)
		return err;
	err = open_end(pair, &pair->client, true);
	if (err)
		return err;
	dtls_start(pair->client.dtls);
	while (serve(pair, watch))
		deliver(&pair->server, &pair->client);
	stopwatch_start(watch);
	err = dtls_export_keys(pair->server.dtls, &keys);
	stopwatch_stop(watch);
	return err || !pair->client.connected ? -EPROTO : 0;
}

static int run(void *arg, uint64_t operations, struct stopwatch *watch)
{
	struct pair *pair = arg;
	int err = 0;
	for (; operations && !err; operations--) {
		err = shake_hands(pair, watch);
		stopwatch_start(watch);
		dtls_destroy(pair->server.dtls);
		stopwatch_stop(watch);
		dtls_destroy(pair->client.dtls);
		pair->server.dtls = pair->client.dtls = NULL;
	}
	return err;
}

static void measure_ours(struct meter *meter)
{
	struct pair *pair = xcalloc(1, sizeof(*pair));
	const struct trial trial = {
		.group = GROUP,
		.name = "a handshake, signaling/dtls",
		.column = "",
		.step = 1,
		.run = run,
		.arg = pair,
	};
	if (dtls_context_create(&pair->context))
		meter_skip(meter, GROUP, trial.name, "no context");
	else
		meter_measure(meter, &trial);
	dtls_context_destroy(pair->context);
	free(pair);
}

void dtls_cost(struct meter *meter)
{
	struct dtls_openssl *bare;
	if (dtls_openssl_create(&bare)) {
		meter_skip(meter, GROUP, "OpenSSL", "no keys");
	} else {
		const struct {
			const char *name;
			int (*run)(void *, uint64_t, struct stopwatch *);
		} rows[] = {
			{ "X25519: a key pair and a secret", dtls_openssl_agree },
			{ "ECDSA P-256: a signature", dtls_openssl_sign },
			{ "ECDSA P-256: a verification", dtls_openssl_verify },
			{ "all three, what a handshake needs", dtls_openssl_all },
			{ "a handshake, OpenSSL as it comes", dtls_openssl_handshake },
		};
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
			meter_measure(meter, &(struct trial){ .group = GROUP,
							      .name = rows[i].name,
							      .column = "",
							      .step = 1,
							      .run = rows[i].run,
							      .arg = bare });
		dtls_openssl_destroy(bare);
	}
	measure_ours(meter);
}
