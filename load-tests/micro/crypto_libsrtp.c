/* libsrtp as the system ships it. It seals in place, so the copy is part of its price. */
#include "load-tests/micro/crypto_cost.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

struct library {
	size_t sessions;
	srtp_t srtp[];
};

static void destroy(void *arg)
{
	struct library *library = arg;
	if (!library)
		return;
	for (size_t i = 0; i < library->sessions; i++)
		if (library->srtp[i])
			srtp_dealloc(library->srtp[i]);
	free(library);
	srtp_shutdown();
}

static int create_session(srtp_t *out, const struct srtp_master *master)
{
	uint8_t key[SRTP_KEY + SRTP_SALT];
	srtp_policy_t policy = { .ssrc = { .type = ssrc_any_outbound }, .key = key };
	const srtp_profile_t profile = master->profile == DTLS_SRTP_AEAD_AES_128_GCM
					       ? srtp_profile_aead_aes_128_gcm
					       : srtp_profile_aes128_cm_sha1_80;
	memcpy(key, master->key, SRTP_KEY);
	memcpy(key + SRTP_KEY, master->salt, SRTP_SALT);
	if (srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile) ||
	    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile))
		return -ENOTSUP;
	return srtp_create(out, &policy) ? -ENOMEM : 0;
}

static int create(void **out, const struct srtp_master *masters, size_t sessions)
{
	struct library *library = xcalloc(1, sizeof(*library) + sessions * sizeof(srtp_t));
	library->sessions = sessions;
	int err = srtp_init() ? -EIO : 0;
	for (size_t i = 0; i < sessions && !err; i++)
		err = create_session(&library->srtp[i], &masters[i]);
	if (err) {
		destroy(library);
		return err;
	}
	*out = library;
	return 0;
}

static int seal(void *arg, struct crypto_packet packets[CRYPTO_BATCH],
		const uint8_t payload[CRYPTO_PAYLOAD])
{
	struct library *library = arg;
	for (int i = 0; i < CRYPTO_BATCH; i++) {
		struct crypto_packet *packet = &packets[i];
		int len = CRYPTO_PACKET;
		memcpy(packet->sealed, packet->header, CRYPTO_HEADER);
		memcpy(packet->sealed + CRYPTO_HEADER, payload, CRYPTO_PAYLOAD);
		if (srtp_protect(library->srtp[packet->session], packet->sealed, &len))
			return -EIO;
		packet->len = (size_t)len;
	}
	return 0;
}

const struct crypto_backend crypto_libsrtp[2] = {
	{
		.name = "GCM-128, libsrtp of the system",
		.profile = DTLS_SRTP_AEAD_AES_128_GCM,
		.create = create,
		.seal = seal,
		.destroy = destroy,
	},
	{
		.name = "CM-SHA1-80, libsrtp of the system",
		.profile = DTLS_SRTP_AES128_CM_SHA1_80,
		.create = create,
		.seal = seal,
		.destroy = destroy,
	},
};
