/* The ciphers over OpenSSL's EVP that signaling/srtp falls back to, without its bookkeeping. */
#include "load-tests/micro/crypto_cost.h"
#include "server/core/alloc.h"
#include "signaling/srtp_cipher.h"

#include <stdlib.h>
#include <string.h>

struct evp {
	const struct srtp_cipher_ops *ops;
	size_t sessions;
	struct srtp_cipher *ciphers[];
};

static void destroy(void *arg)
{
	struct evp *evp = arg;
	for (size_t i = 0; evp && i < evp->sessions; i++)
		evp->ops->destroy(evp->ciphers[i]);
	free(evp);
}

static int create(void **out, const struct srtp_master *masters, size_t sessions)
{
	struct evp *evp = xcalloc(1, sizeof(*evp) + sessions * sizeof(struct srtp_cipher *));
	int err = 0;
	evp->sessions = sessions;
	evp->ops = masters->profile == DTLS_SRTP_AEAD_AES_128_GCM ? &srtp_evp_gcm : &srtp_evp_cm;
	for (size_t i = 0; i < sessions && !err; i++) {
		struct srtp_session_keys keys;
		err = srtp_derive(&keys, &masters[i], false);
		if (!err)
			err = evp->ops->create(&evp->ciphers[i], &keys, false, true);
	}
	if (err) {
		destroy(evp);
		return err;
	}
	*out = evp;
	return 0;
}

static int seal(void *arg, struct crypto_packet packets[CRYPTO_BATCH],
		const uint8_t payload[CRYPTO_PAYLOAD])
{
	struct evp *evp = arg;
	int err = 0;
	for (int i = 0; i < CRYPTO_BATCH && !err; i++) {
		struct crypto_packet *packet = &packets[i];
		const uint32_t roc = (uint32_t)(packet->index >> 16);
		struct srtp_job job = {
			.ssrc = packet->ssrc,
			.index = packet->index,
			.header = packet->sealed,
			.header_len = CRYPTO_HEADER,
			.in = payload,
			.out = packet->sealed + CRYPTO_HEADER,
			.len = CRYPTO_PAYLOAD,
			.tag = packet->sealed + CRYPTO_PACKET,
		};
		for (int at = 0; at < 4; at++)
			job.word[at] = (uint8_t)(roc >> (24 - 8 * at));
		memcpy(packet->sealed, packet->header, CRYPTO_HEADER);
		err = evp->ops->seal(evp->ciphers[packet->session], &job);
		packet->len = CRYPTO_PACKET + evp->ops->tag_len;
	}
	return err;
}

const struct crypto_backend crypto_evp[2] = {
	{
		.name = "GCM-128, OpenSSL EVP",
		.profile = DTLS_SRTP_AEAD_AES_128_GCM,
		.create = create,
		.seal = seal,
		.destroy = destroy,
	},
	{
		.name = "CM-SHA1-80, OpenSSL EVP",
		.profile = DTLS_SRTP_AES128_CM_SHA1_80,
		.create = create,
		.seal = seal,
		.destroy = destroy,
	},
};
