/*
 * Small cryptography and its encodings, over OpenSSL. All functions are pure or thread safe.
 * Failures of the library itself end the process: there is no sensible way on without random
 * numbers or hashes.
 */
#ifndef SOUK_CORE_CRYPTO_H
#define SOUK_CORE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32, SHA1_SIZE = 20, UUID_TEXT = 37 };

void crypto_random(void *out, size_t len);
void crypto_sha256(const void *data, size_t len, uint8_t out[SHA256_SIZE]);
/* Only for protocols that demand it (RFC 6455 §4.2.2). */
void crypto_sha1(const void *data, size_t len, uint8_t out[SHA1_SIZE]);
void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
			uint8_t out[SHA256_SIZE]);
void crypto_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len,
		      uint8_t out[SHA1_SIZE]);

/* In time that depends on `len` alone. */
bool crypto_equal(const void *a, const void *b, size_t len);

/* Base64url without padding (RFC 4648 §5). Encoding writes a NUL; `out` holds base64url_len(len)
 * + 1. */
static inline size_t base64url_len(size_t len)
{
	return (len * 4 + 2) / 3;
}
void base64url_encode(const void *data, size_t len, char *out);

/* The number of bytes, or -EINVAL: foreign characters, padding, non-canonical tail, too long for
 * cap. */
long base64url_decode(const char *text, size_t len, uint8_t *out, size_t cap);

/* Ordinary base64 with padding (RFC 4648 §4), as WebSocket and SDP want it. NUL written. */
static inline size_t base64_len(size_t len)
{
	return (len + 2) / 3 * 4;
}
void base64_encode(const void *data, size_t len, char *out);
long base64_decode(const char *text, size_t len, uint8_t *out, size_t cap);

void hex_encode(const void *data, size_t len, char *out); /* lower case, NUL written */

/* UUIDv7 (RFC 9562 §5.7) with the given UTC milliseconds and 74 random bits. */
void uuid7(int64_t utc_us, char out[UUID_TEXT]);

/* `len` characters of [A-Za-z0-9] from the system's generator, NUL written. */
void random_token(char *out, size_t len);

#endif
