#include "signaling/dtls_library.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

enum { DER_MAX = 2048, DAY_S = 24 * 3600, RSA_BITS = 2048 };

static struct dtls_library library;

static void setup(void)
{
	dtls_library_init(&library);
	cr_assert(ne(ptr, library.context, NULL));
}

static void teardown(void)
{
	dtls_library_finish(&library);
}

TestSuite(dtls_library, .init = setup, .fini = teardown);

/* A self-signed certificate as another program makes it. Takes the key. */
static int foreign_certificate(EVP_PKEY *key, uint8_t *der)
{
	X509 *certificate = X509_new();
	X509_set_version(certificate, 2);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), DAY_S);
	X509_set_pubkey(certificate, key);
	X509_sign(certificate, key, EVP_sha256());
	const int len = i2d_X509(certificate, &der);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return len;
}

/* As TLS does it with what the peer shows. */
static bool is_understood(EVP_PKEY *key)
{
	uint8_t der[DER_MAX];
	const uint8_t *at = der;
	const int len = foreign_certificate(key, der);
	X509 *certificate = X509_new_ex(library.context, NULL);
	const bool good = len > 0 && len < DER_MAX && d2i_X509(&certificate, &at, len) &&
			  X509_verify(certificate, X509_get0_pubkey(certificate)) == 1;
	X509_free(certificate);
	return good;
}

Test(dtls_library, certificates_of_browsers_and_of_others_are_understood)
{
	cr_expect(is_understood(EVP_EC_gen("P-256")));
	cr_expect(is_understood(EVP_EC_gen("P-384")));
	cr_expect(is_understood(EVP_RSA_gen(RSA_BITS)));
}

Test(dtls_library, the_groups_of_tls_are_known)
{
	SSL_CTX *ssl = SSL_CTX_new_ex(library.context, NULL, DTLS_method());
	cr_assert(ne(ptr, ssl, NULL));
	cr_expect(eq(int, SSL_CTX_set1_groups_list(ssl, "X25519:P-256:P-384"), 1));
	SSL_CTX_free(ssl);
}

Test(dtls_library, two_of_them_live_side_by_side)
{
	struct dtls_library other;
	dtls_library_init(&other);
	cr_expect(ne(ptr, other.context, NULL));
	cr_expect(ne(ptr, other.context, library.context));
	dtls_library_finish(&other);
	cr_expect(is_understood(EVP_EC_gen("P-256")));
}
