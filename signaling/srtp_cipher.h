/*
 * The seam between SRTP's bookkeeping and its crypto: one cipher opens or seals the RTP or the RTCP
 * of one direction. A backend is a table of functions; srtp_cipher_find() chooses. One thread.
 */
#ifndef SOUK_SIGNALING_SRTP_CIPHER_H
#define SOUK_SIGNALING_SRTP_CIPHER_H

#include "signaling/srtp.h"

enum { SRTP_AUTH_KEY = 20, SRTP_TAG_GCM = 16, SRTP_TAG_SHA1_80 = 10, SRTP_IV = 16 };

/* Session keys (RFC 3711 §4.3). */
struct srtp_session_keys {
	uint8_t key[SRTP_KEY];
	uint8_t auth[SRTP_AUTH_KEY];
	uint8_t salt[SRTP_SALT];
};

/* Derives those of RTP or of RTCP, with a key derivation rate of 0. */
int srtp_derive(struct srtp_session_keys *out, const struct srtp_master *master, bool rtcp)
	__attribute__((warn_unused_result));

struct srtp_job {
	uint32_t ssrc;
	uint64_t index; /* 48 bits: ROC and sequence number, or the SRTCP index */
	const uint8_t *header; /* authenticated, not encrypted */
	size_t header_len;
	const uint8_t *in;
	uint8_t *out; /* may be `in` */
	size_t len;
	/* Authenticated too: ROC (CM alone), or the E bit and index of SRTCP. */
	uint8_t word[4];
	uint8_t *tag; /* written by seal, compared by open */
};

/* Where SSRC and index stand in the initialization vector: RFC 7714 §8.1 and §9.1, of 12 bytes;
 * RFC 3711 §4.1.1. */
enum srtp_iv_at { SRTP_IV_AT_GCM = 2, SRTP_IV_AT_CM = 4 };

/* They xored with the salt, and zeros up to SRTP_IV. */
void srtp_cipher_iv(const uint8_t salt[SRTP_SALT], const struct srtp_job *job, enum srtp_iv_at at,
		    uint8_t iv[SRTP_IV]);

struct srtp_cipher;

struct srtp_cipher_ops {
	size_t size; /* of the cipher's own memory */
	size_t tag_len;
	bool word_before_tag; /* in SRTCP: CM has the index word before the tag, GCM behind it */
	int (*create)(struct srtp_cipher **out, const struct srtp_session_keys *keys, bool rtcp,
		      bool seal);
	int (*seal)(struct srtp_cipher *cipher, const struct srtp_job *job);
	/* -EBADMSG when the tag is wrong; `out` is then undefined. */
	int (*open)(struct srtp_cipher *cipher, const struct srtp_job *job);
	void (*destroy)(struct srtp_cipher *cipher); /* takes NULL */
};

extern const struct srtp_cipher_ops srtp_evp_gcm; /* AEAD_AES_128_GCM */
extern const struct srtp_cipher_ops srtp_evp_cm; /* AES_CM_128_HMAC_SHA1_80 */

/* AEAD_AES_128_GCM by intel-ipsec-mb; NULL where there is none: another processor family, one
 * without AES instructions, or a build without the library. */
const struct srtp_cipher_ops *srtp_ipsec_mb_gcm(void);

/* The fastest that there is; NULL for a profile that we do not have. */
const struct srtp_cipher_ops *srtp_cipher_find(enum dtls_srtp profile);

#endif
