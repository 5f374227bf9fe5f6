/*
 * Cost of SRTP for a crowd of sessions by the crypto of several libraries. Each backend seals the
 * same payload for one session after the other, as a fan-out does. One thread.
 */
#ifndef SOUK_LOAD_TESTS_MICRO_CRYPTO_COST_H
#define SOUK_LOAD_TESTS_MICRO_CRYPTO_COST_H

#include "signaling/srtp.h"

struct meter;

enum {
	CRYPTO_BATCH = 32, /* packets that a backend gets at once */
	CRYPTO_HEADER = 12,
	CRYPTO_PAYLOAD = 1188,
	CRYPTO_PACKET = CRYPTO_HEADER + CRYPTO_PAYLOAD,
};

struct crypto_packet {
	size_t session;
	uint32_t ssrc;
	uint64_t index; /* RFC 3711 §3.3.1 */
	uint8_t header[CRYPTO_HEADER];
	size_t len; /* of `sealed`, set by the backend */
	uint8_t sealed[CRYPTO_PACKET + SRTP_OVERHEAD_MAX];
};

struct crypto_backend {
	const char *name;
	enum dtls_srtp profile;
	const char *missing; /* why it cannot run here; NULL: it can */
	/* A session for each master key. */
	int (*create)(void **out, const struct srtp_master *masters, size_t sessions);
	/* All of them before it returns, each with `payload`. */
	int (*seal)(void *crowd, struct crypto_packet packets[CRYPTO_BATCH],
		    const uint8_t payload[CRYPTO_PAYLOAD]);
	void (*destroy)(void *crowd); /* takes NULL */
};

/* Pairs: AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80. */
extern const struct crypto_backend crypto_libsrtp[2], crypto_evp[2], crypto_ipsec_mb[2],
	crypto_seam[2];

void crypto_cost(struct meter *meter);

#endif
