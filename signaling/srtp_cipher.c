#include "signaling/srtp_cipher.h"

#include <stddef.h>
#include <string.h>

void srtp_cipher_iv(const uint8_t salt[SRTP_SALT], const struct srtp_job *job, enum srtp_iv_at at,
		    uint8_t iv[SRTP_IV])
{
	memset(iv, 0, SRTP_IV);
	for (int i = 0; i < 4; i++)
		iv[at + i] = (uint8_t)(job->ssrc >> (24 - 8 * i));
	for (int i = 0; i < 6; i++)
		iv[at + 4 + i] = (uint8_t)(job->index >> (40 - 8 * i));
	for (unsigned i = 0; i < at + 10; i++)
		iv[i] ^= salt[i];
}

#ifndef SOUK_IPSEC_MB
const struct srtp_cipher_ops *srtp_ipsec_mb_gcm(void)
{
	return NULL;
}
#endif

const struct srtp_cipher_ops *srtp_cipher_find(enum dtls_srtp profile)
{
	const struct srtp_cipher_ops *fast = NULL;
	switch (profile) {
	case DTLS_SRTP_AEAD_AES_128_GCM:
		fast = srtp_ipsec_mb_gcm();
		return fast ? fast : &srtp_evp_gcm;
	case DTLS_SRTP_AES128_CM_SHA1_80:
		return &srtp_evp_cm;
	case DTLS_SRTP_NONE:
		break;
	}
	return NULL;
}
