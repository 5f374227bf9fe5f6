#include "signaling/srtp_libsrtp.h"

#include "server/core/alloc.h"

#include <errno.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 1024 };

struct srtp_libsrtp {
	srtp_t srtp;
};

static void start_library(void)
{
	srtp_init();
}

int srtp_libsrtp_create(struct srtp_libsrtp **out, const struct srtp_master *master)
{
	/* The library has one state for the process, which somebody must set up once. */
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, start_library);
	uint8_t key[SRTP_KEY + SRTP_SALT];
	srtp_policy_t policy = {
		.ssrc = { .type = ssrc_any_inbound },
		.key = key,
		.window_size = WINDOW,
	};
	const srtp_profile_t profile = master->profile == DTLS_SRTP_AEAD_AES_128_GCM
					       ? srtp_profile_aead_aes_128_gcm
					       : srtp_profile_aes128_cm_sha1_80;
	if (srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile) ||
	    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile))
		return -ENOTSUP;
	memcpy(key, master->key, SRTP_KEY);
	memcpy(key + SRTP_KEY, master->salt, SRTP_SALT);
	struct srtp_libsrtp *library = xcalloc(1, sizeof(*library));
	const srtp_err_status_t status = srtp_create(&library->srtp, &policy);
	explicit_bzero(key, sizeof(key));
	if (status) {
		free(library);
		return -ENOMEM;
	}
	*out = library;
	return 0;
}

int srtp_libsrtp_open(struct srtp_libsrtp *library, uint8_t *packet, size_t *len)
{
	int size = (int)*len;
	switch (srtp_unprotect(library->srtp, packet, &size)) {
	case srtp_err_status_ok:
		*len = (size_t)size;
		return 0;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
		return -EALREADY;
	default:
		return -EBADMSG;
	}
}

void srtp_libsrtp_destroy(struct srtp_libsrtp *library)
{
	if (!library)
		return;
	srtp_dealloc(library->srtp);
	free(library);
}
