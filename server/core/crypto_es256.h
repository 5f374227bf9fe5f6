/* ECDSA on P-256 with SHA-256 (RFC 7518 §3.4), verification only, over OpenSSL. A key is immutable:
 * any thread may verify with it. */
#ifndef SOUK_CORE_CRYPTO_ES256_H
#define SOUK_CORE_CRYPTO_ES256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ES256_SIGNATURE_SIZE = 64 }; /* R and S, 32 bytes each */

struct es256_key;

/* A PEM public key ("BEGIN PUBLIC KEY") on P-256; -EINVAL for anything else. */
int es256_key_create(struct es256_key **out, const char *pem, size_t len)
	__attribute__((warn_unused_result));
bool es256_verify(const struct es256_key *key, const void *data, size_t len,
		  const uint8_t signature[ES256_SIGNATURE_SIZE]);
void es256_key_destroy(struct es256_key *key); /* takes NULL */

#endif
