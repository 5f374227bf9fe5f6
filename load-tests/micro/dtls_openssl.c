#include "load-tests/micro/dtls_openssl.h"

#include "load-tests/micro/meter.h"
#include "server/core/alloc.h"
#include "signaling/dtls.h"
#include "signaling/dtls_certificate.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdlib.h>

enum { DIGEST = 32, SIGNATURE_MAX = 80, SECRET = 32 };

struct dtls_openssl {
	EVP_PKEY *key; /* P-256 */
	X509 *certificate;
	EVP_PKEY *other; /* X25519, of the other side */
	uint8_t digest[DIGEST], signature[SIGNATURE_MAX];
	size_t signature_len;
	SSL_CTX *context;
};

static int on_verify(X509_STORE_CTX *store, void *arg)
{
	(void)store;
	(void)arg;
	return 1;
}

/* As little as it can be, with what peers agree on with signaling/dtls. */
static bool configure(struct dtls_openssl *bare)
{
	SSL_CTX *context = SSL_CTX_new(DTLS_method());
	bare->context = context;
	if (!context)
		return false;
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(context, on_verify, NULL);
	return SSL_CTX_use_certificate(context, bare->certificate) &&
	       SSL_CTX_use_PrivateKey(context, bare->key) &&
	       SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256") &&
	       SSL_CTX_set1_groups_list(context, "X25519:P-256") &&
	       SSL_CTX_set_tlsext_use_srtp(context, "SRTP_AEAD_AES_128_GCM") == 0;
}

static int sign(struct dtls_openssl *bare)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(bare->key, NULL);
	bare->signature_len = sizeof(bare->signature);
	const bool ok = context && EVP_PKEY_sign_init(context) > 0 &&
			EVP_PKEY_sign(context, bare->signature, &bare->signature_len, bare->digest,
				      DIGEST) > 0;
	EVP_PKEY_CTX_free(context);
	return ok ? 0 : -EIO;
}

static int verify(struct dtls_openssl *bare)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(bare->key, NULL);
	const bool ok = context && EVP_PKEY_verify_init(context) > 0 &&
			EVP_PKEY_verify(context, bare->signature, bare->signature_len, bare->digest,
					DIGEST) > 0;
	EVP_PKEY_CTX_free(context);
	return ok ? 0 : -EIO;
}

static int agree(struct dtls_openssl *bare)
{
	uint8_t secret[SECRET];
	size_t len = sizeof(secret);
	EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	EVP_PKEY_CTX *context = own ? EVP_PKEY_CTX_new(own, NULL) : NULL;
	const bool ok = context && EVP_PKEY_derive_init(context) > 0 &&
			EVP_PKEY_derive_set_peer(context, bare->other) > 0 &&
			EVP_PKEY_derive(context, secret, &len) > 0;
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(own);
	return ok ? 0 : -EIO;
}

int dtls_openssl_create(struct dtls_openssl **out)
{
	struct dtls_openssl *bare = xcalloc(1, sizeof(*bare));
	uint8_t fingerprint[DTLS_FINGERPRINT];
	int err = dtls_certificate_create(NULL, &bare->certificate, &bare->key, fingerprint);
	bare->other = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	if (!err && (!bare->other || !configure(bare)))
		err = -ENOMEM;
	if (!err)
		err = sign(bare);
	if (err)
		dtls_openssl_destroy(bare);
	else
		*out = bare;
	return err;
}

void dtls_openssl_destroy(struct dtls_openssl *bare)
{
	SSL_CTX_free(bare->context);
	X509_free(bare->certificate);
	EVP_PKEY_free(bare->key);
	EVP_PKEY_free(bare->other);
	free(bare);
}

static int repeat(int (*operation)(struct dtls_openssl *), void *arg, uint64_t operations,
		  struct stopwatch *watch)
{
	int err = 0;
	stopwatch_start(watch);
	for (; operations && !err; operations--)
		err = operation(arg);
	stopwatch_stop(watch);
	return err;
}

int dtls_openssl_agree(void *arg, uint64_t operations, struct stopwatch *watch)
{
	return repeat(agree, arg, operations, watch);
}

int dtls_openssl_sign(void *arg, uint64_t operations, struct stopwatch *watch)
{
	return repeat(sign, arg, operations, watch);
}

int dtls_openssl_verify(void *arg, uint64_t operations, struct stopwatch *watch)
{
	return repeat(verify, arg, operations, watch);
}

static int all(struct dtls_openssl *bare)
{
	int err = agree(bare);
	if (!err)
		err = sign(bare);
	return err ? err : verify(bare);
}

int dtls_openssl_all(void *arg, uint64_t operations, struct stopwatch *watch)
{
	return repeat(all, arg, operations, watch);
}

static SSL *open_end(struct dtls_openssl *bare, BIO *in, BIO *out)
{
	SSL *ssl = SSL_new(bare->context);
	if (!ssl)
		abort();
	/* Each end frees both, the other one still has its own reference. */
	BIO_up_ref(in);
	BIO_up_ref(out);
	SSL_set_bio(ssl, in, out);
	SSL_set_mtu(ssl, DTLS_MTU);
	return ssl;
}

static BIO *wire(void)
{
	BIO *bio = BIO_new(BIO_s_mem());
	if (!bio)
		abort();
	BIO_set_mem_eof_return(bio, -1);
	return bio;
}

static int shake_hands(struct dtls_openssl *bare, struct stopwatch *watch)
{
	static const char label[] = "EXTRACTOR-dtls_srtp";
	uint8_t material[56];
	BIO *to_server = wire(), *to_client = wire();
	SSL *client = open_end(bare, to_client, to_server);
	SSL_set_connect_state(client);
	stopwatch_start(watch);
	SSL *server = open_end(bare, to_server, to_client);
	SSL_set_accept_state(server);
	stopwatch_stop(watch);
	int done = 0;
	for (int flights = 0; flights < 4 && done != 1; flights++) {
		SSL_do_handshake(client);
		stopwatch_start(watch);
		done = SSL_do_handshake(server);
		stopwatch_stop(watch);
	}
	stopwatch_start(watch);
	if (done == 1)
		done = SSL_export_keying_material(server, material, sizeof(material), label,
						  sizeof(label) - 1, NULL, 0, 0);
	SSL_free(server);
	stopwatch_stop(watch);
	SSL_free(client);
	BIO_free(to_server);
	BIO_free(to_client);
	return done == 1 ? 0 : -EPROTO;
}

int dtls_openssl_handshake(void *arg, uint64_t operations, struct stopwatch *watch)
{
	int err = 0;
	for (; operations && !err; operations--)
		err = shake_hands(arg, watch);
	return err;
}
