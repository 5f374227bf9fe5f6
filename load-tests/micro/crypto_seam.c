/* Our own SRTP as the server uses it, with the fastest cipher that it finds. */
#include "load-tests/micro/crypto_cost.h"
#include "server/core/alloc.h"

#include <stdlib.h>

struct seam {
	size_t sessions;
	struct srtp_tx *tx[];
};

static void destroy(void *arg)
{
	struct seam *seam = arg;
	for (size_t i = 0; seam && i < seam->sessions; i++)
		srtp_tx_destroy(seam->tx[i]);
	free(seam);
}

static int create(void **out, const struct srtp_master *masters, size_t sessions)
{
	struct seam *seam = xcalloc(1, sizeof(*seam) + sessions * sizeof(struct srtp_tx *));
	seam->sessions = sessions;
	for (size_t i = 0; i < sessions; i++) {
		const int err = srtp_tx_create(&seam->tx[i], &masters[i]);
		if (err) {
			destroy(seam);
			return err;
		}
	}
	*out = seam;
	return 0;
}

static int seal(void *arg, struct crypto_packet packets[CRYPTO_BATCH],
		const uint8_t payload[CRYPTO_PAYLOAD])
{
	struct seam *seam = arg;
	for (int i = 0; i < CRYPTO_BATCH; i++) {
		struct crypto_packet *packet = &packets[i];
		const long len =
			srtp_tx_rtp(seam->tx[packet->session], packet->sealed, packet->header,
				    CRYPTO_HEADER, payload, CRYPTO_PAYLOAD);
		if (len < 0)
			return (int)len;
		packet->len = (size_t)len;
	}
	return 0;
}

const struct crypto_backend crypto_seam[2] = {
	{
		.name = "GCM-128, signaling/srtp",
		.profile = DTLS_SRTP_AEAD_AES_128_GCM,
		.create = create,
		.seal = seal,
		.destroy = destroy,
	},
	{
		.name = "CM-SHA1-80, signaling/srtp",
		.profile = DTLS_SRTP_AES128_CM_SHA1_80,
		.create = create,
		.seal = seal,
		.destroy = destroy,
	},
};
