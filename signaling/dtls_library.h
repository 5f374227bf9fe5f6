/*
 * A library context of OpenSSL with what DTLS needs and nothing else. For each certificate that it
 * reads OpenSSL 3.0 asks every decoder of its providers about every type of key, which takes as
 * long as all cryptography of a handshake; of few it has asked soon. The algorithms are those of
 * the default provider. Any thread.
 */
#ifndef SOUK_SIGNALING_DTLS_LIBRARY_H
#define SOUK_SIGNALING_DTLS_LIBRARY_H

#include <openssl/types.h>

/* NULL where OpenSSL is set up so that it cannot be made; its default context, NULL as well, does
 * the same more slowly. */
OSSL_LIB_CTX *dtls_library_create(void);
/* Nothing that was made with it may be left. Takes NULL. */
void dtls_library_destroy(OSSL_LIB_CTX *library);

#endif
