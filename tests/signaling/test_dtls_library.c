#include "signaling/dtls_library.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

enum { DER_MAX = 2048, DAY_S = 24 * 3600, RSA_BITS = 2048, MTU = 1200, FLIGHTS = 6 };

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

/* ---- handshakes, the other side with OpenSSL's default ---- */

static void use_certificate(SSL_CTX *context, OSSL_LIB_CTX *of, bool rsa)
{
	EVP_PKEY *key = rsa ? EVP_PKEY_Q_keygen(of, NULL, "RSA", (size_t)RSA_BITS)
			    : EVP_PKEY_Q_keygen(of, NULL, "EC", "P-256");
	X509 *certificate = X509_new_ex(of, NULL);
	X509_set_version(certificate, 2);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), DAY_S);
	X509_set_pubkey(certificate, key);
	X509_sign(certificate, key, EVP_sha256());
	cr_assert(SSL_CTX_use_certificate(context, certificate));
	cr_assert(SSL_CTX_use_PrivateKey(context, key));
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static int trust_all(X509_STORE_CTX *store, void *arg)
{
	(void)store;
	(void)arg;
	return 1;
}

static SSL *open_end(OSSL_LIB_CTX *of, const char *suite, const char *groups, bool rsa)
{
	SSL_CTX *context = SSL_CTX_new_ex(of, NULL, DTLS_method());
	cr_assert(ne(ptr, context, NULL));
	cr_assert(SSL_CTX_set_cipher_list(context, suite));
	cr_assert(SSL_CTX_set1_groups_list(context, groups));
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(context, trust_all, NULL);
	use_certificate(context, of, rsa);
	SSL *ssl = SSL_new(context);
	SSL_set_mtu(ssl, MTU);
	SSL_CTX_free(context);
	return ssl;
}

static BIO *wire(void)
{
	BIO *bio = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(bio, -1);
	return bio;
}

static bool agree(SSL *server, SSL *client)
{
	BIO *to_server = wire(), *to_client = wire();
	BIO_up_ref(to_server);
	BIO_up_ref(to_client);
	SSL_set_bio(server, to_server, to_client);
	SSL_set_bio(client, to_client, to_server);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	int done = 0;
	for (int flight = 0; flight < FLIGHTS && done < 2; flight++)
		done = (SSL_do_handshake(client) == 1) + (SSL_do_handshake(server) == 1);
	SSL_free(server);
	SSL_free(client);
	return done == 2;
}

static const struct {
	const char *suite, *groups;
	bool rsa;
} handshakes[] = {
	{ "ECDHE-ECDSA-AES128-GCM-SHA256", "X25519:P-256", false },
	{ "ECDHE-ECDSA-AES128-GCM-SHA256", "P-256", false },
	{ "ECDHE-ECDSA-AES128-GCM-SHA256", "P-384:P-256", false },
	{ "ECDHE-ECDSA-CHACHA20-POLY1305", "X25519:P-256", false },
	{ "ECDHE-ECDSA-AES256-GCM-SHA384", "X25519:P-256", false },
	{ "ECDHE-ECDSA-AES128-SHA", "X25519:P-256", false },
	{ "ECDHE-RSA-AES128-GCM-SHA256", "X25519:P-256", true },
};

Test(dtls_library, all_suites_and_groups_that_we_offer_can_be_agreed_on)
{
	for (size_t i = 0; i < sizeof(handshakes) / sizeof(*handshakes); i++) {
		const char *suite = handshakes[i].suite, *groups = handshakes[i].groups;
		const bool rsa = handshakes[i].rsa;
		cr_expect(agree(open_end(NULL, suite, groups, rsa),
				open_end(library.context, suite, groups, rsa)),
			  "as client, %s with %s", suite, groups);
		cr_expect(agree(open_end(library.context, suite, groups, rsa),
				open_end(NULL, suite, groups, rsa)),
			  "as server, %s with %s", suite, groups);
	}
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
