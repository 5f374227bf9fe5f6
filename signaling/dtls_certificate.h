/*
 * The certificate of a process: ECDSA P-256, self-signed, known to peers by its SHA-256 alone.
 * Pure; any thread.
 */
#ifndef SOUK_SIGNALING_DTLS_CERTIFICATE_H
#define SOUK_SIGNALING_DTLS_CERTIFICATE_H

#include "signaling/dtls.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* The caller frees both. `library` NULL: OpenSSL's default. */
int dtls_certificate_create(OSSL_LIB_CTX *library, X509 **certificate, EVP_PKEY **key,
			    uint8_t fingerprint[DTLS_FINGERPRINT])
	__attribute__((warn_unused_result));

void dtls_fingerprint_format(const uint8_t fingerprint[DTLS_FINGERPRINT],
			     char out[DTLS_FINGERPRINT_TEXT]);

#endif
