/*
 * A library context of OpenSSL with what DTLS needs (without session tickets) and nothing else. For
 * each certificate that it reads OpenSSL 3.0 asks every decoder of its providers about every type
 * of key, which takes as long as all cryptography of a handshake; of few it has asked soon. Each
 * time it copies the list of all algorithms of all kinds, too. The algorithms are those of the
 * default provider. Any thread.
 */
#ifndef SOUK_SIGNALING_DTLS_LIBRARY_H
#define SOUK_SIGNALING_DTLS_LIBRARY_H

#include <openssl/types.h>

struct dtls_library {
	OSSL_LIB_CTX *context; /* NULL: OpenSSL's default, which does the same more slowly */
	OSSL_PROVIDER *provider;
};

/* Stays zeroed where OpenSSL is set up so that it cannot be made. */
void dtls_library_init(struct dtls_library *library);
/* Nothing that was made with it may be left. */
void dtls_library_finish(struct dtls_library *library);

#endif
