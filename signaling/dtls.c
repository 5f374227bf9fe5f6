#include "signaling/dtls.h"

#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "signaling/dtls_certificate.h"
#include "signaling/dtls_library.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

/* GCM first: it costs half of CM with SHA-1 and browsers take what the server prefers. */
#define SRTP_PROFILES "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"
/* RSA only matters when we are the client of a server with an RSA certificate. */
#define CIPHERS \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:" \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA"

enum {
	/* The path is known to work (ICE), so a lost flight is repeated sooner than after the 1 s
	 * of RFC 6347 §4.2.4.1. */
	FIRST_TIMEOUT_US = 200000,
	MAX_TIMEOUT_US = 3200000,
	PLAINTEXT_MAX = 16384,
	RECORD_ALERT = 21, /* RFC 5246 §6.2.1 */
	/* A forged packet may ruin a handshake, so it starts anew; the session's own timeout ends
	 * what never succeeds. */
	RESTARTS_MAX = 4,
};

struct dtls_context {
	struct dtls_library library;
	SSL_CTX *ssl;
	BIO_METHOD *bio;
	uint8_t fingerprint[DTLS_FINGERPRINT];
	char text[DTLS_FINGERPRINT_TEXT];
};

struct dtls {
	struct dtls_context *context;
	struct dtls_options options;
	SSL *ssl;
	const uint8_t *input; /* the datagram being fed */
	size_t input_len;
	bool connected;
	bool bad_fingerprint;
	bool over;
	int restarts;
};

/* ---- datagrams in and out: a BIO that holds at most the one being fed ---- */

static int bio_read(BIO *bio, char *out, int size)
{
	struct dtls *dtls = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (!dtls->input_len) {
		BIO_set_retry_read(bio);
		return -1;
	}
	const int len = dtls->input_len < (size_t)size ? (int)dtls->input_len : size;
	memcpy(out, dtls->input, (size_t)len);
	dtls->input_len = 0;
	return len;
}

static int bio_write(BIO *bio, const char *data, int len)
{
	struct dtls *dtls = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	/* A forged hello must not make us break off the handshake of the real peer, so only the
	 * certificate's judgement is announced (CVE-2023-49786). */
	const bool early_alert =
		!dtls->connected && !dtls->bad_fingerprint && len > 0 && data[0] == RECORD_ALERT;
	if (!early_alert)
		dtls->options.ops->send(dtls->options.arg, (const uint8_t *)data, (size_t)len);
	return len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	switch (command) {
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return DTLS_MTU;
	default:
		return 0;
	}
}

static BIO_METHOD *bio_method_new(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram");
	if (!method)
		return NULL;
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
	return method;
}

/* ---- context ---- */

/* The certificate is self-signed; what counts is its hash, which came with the SDP (RFC 8122 §5).
 */
static int on_verify(X509_STORE_CTX *store, void *arg)
{
	(void)arg;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct dtls *dtls = SSL_get_app_data(ssl);
	uint8_t hash[DTLS_FINGERPRINT];
	unsigned len = 0;
	X509 *certificate = X509_STORE_CTX_get0_cert(store);
	if (certificate && X509_digest(certificate, EVP_sha256(), hash, &len) &&
	    len == sizeof(hash) && crypto_equal(hash, dtls->options.fingerprint, sizeof(hash)))
		return 1;
	dtls->bad_fingerprint = true;
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

static bool configure(SSL_CTX *ssl)
{
	SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(ssl, 1);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ssl, on_verify, NULL);
	return SSL_CTX_set_min_proto_version(ssl, DTLS1_2_VERSION) &&
	       SSL_CTX_set_max_proto_version(ssl, DTLS1_2_VERSION) &&
	       SSL_CTX_set_cipher_list(ssl, CIPHERS) &&
	       SSL_CTX_set1_groups_list(ssl, "X25519:P-256:P-384") &&
	       SSL_CTX_set_tlsext_use_srtp(ssl, SRTP_PROFILES) == 0;
}

int dtls_context_create(struct dtls_context **out)
{
	struct dtls_context *context = xcalloc(1, sizeof(*context));
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL;
	int err = -ENOMEM;
	dtls_library_init(&context->library);
	context->ssl = SSL_CTX_new_ex(context->library.context, NULL, DTLS_method());
	context->bio = bio_method_new();
	if (!context->ssl || !context->bio || !configure(context->ssl))
		goto out;
	err = dtls_certificate_create(context->library.context, &certificate, &key,
				      context->fingerprint);
	if (err)
		goto out;
	if (!SSL_CTX_use_certificate(context->ssl, certificate) ||
	    !SSL_CTX_use_PrivateKey(context->ssl, key))
		err = -EIO;
	dtls_fingerprint_format(context->fingerprint, context->text);
out:
	EVP_PKEY_free(key);
	X509_free(certificate);
	if (err)
		dtls_context_destroy(context);
	else
		*out = context;
	return err;
}

void dtls_context_destroy(struct dtls_context *context)
{
	if (!context)
		return;
	SSL_CTX_free(context->ssl);
	BIO_meth_free(context->bio);
	dtls_library_finish(&context->library);
	free(context);
}

const char *dtls_context_fingerprint(const struct dtls_context *context)
{
	return context->text;
}

const uint8_t *dtls_context_fingerprint_bytes(const struct dtls_context *context)
{
	return context->fingerprint;
}

/* ---- connection ---- */

static unsigned on_timeout_wanted(SSL *ssl, unsigned last_us)
{
	(void)ssl;
	if (!last_us)
		return FIRST_TIMEOUT_US;
	return last_us * 2 < MAX_TIMEOUT_US ? last_us * 2 : MAX_TIMEOUT_US;
}

static SSL *ssl_create(struct dtls *dtls)
{
	SSL *ssl = SSL_new(dtls->context->ssl);
	BIO *bio = BIO_new(dtls->context->bio);
	if (!ssl || !bio) {
		SSL_free(ssl);
		BIO_free(bio);
		return NULL;
	}
	BIO_set_data(bio, dtls);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_app_data(ssl, dtls);
	SSL_set_mtu(ssl, DTLS_MTU);
	DTLS_set_timer_cb(ssl, on_timeout_wanted);
	if (dtls->options.client)
		SSL_set_connect_state(ssl);
	else
		SSL_set_accept_state(ssl);
	return ssl;
}

int dtls_create(struct dtls **out, struct dtls_context *context, const struct dtls_options *options)
{
	struct dtls *dtls = xcalloc(1, sizeof(*dtls));
	dtls->context = context;
	dtls->options = *options;
	dtls->ssl = ssl_create(dtls);
	if (!dtls->ssl) {
		free(dtls);
		return -ENOMEM;
	}
	*out = dtls;
	return 0;
}

static void finish(struct dtls *dtls, enum dtls_event event)
{
	dtls->over = true;
	dtls->options.ops->event(dtls->options.arg, event);
}

static void handshake_failed(struct dtls *dtls)
{
	if (dtls->bad_fingerprint) {
		finish(dtls, DTLS_BAD_FINGERPRINT);
		return;
	}
	SSL *fresh =
		dtls->options.client || dtls->restarts++ >= RESTARTS_MAX ? NULL : ssl_create(dtls);
	if (!fresh) {
		finish(dtls, DTLS_FAILED);
		return;
	}
	SSL_free(dtls->ssl);
	dtls->ssl = fresh;
}

static void handshake(struct dtls *dtls)
{
	ERR_clear_error();
	const int result = SSL_do_handshake(dtls->ssl);
	const int error = SSL_get_error(dtls->ssl, result);
	if (result == 1) {
		dtls->connected = true;
		dtls->options.ops->event(dtls->options.arg, DTLS_CONNECTED);
	} else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
		handshake_failed(dtls);
	}
}

static void read_data(struct dtls *dtls)
{
	uint8_t data[PLAINTEXT_MAX];
	while (!dtls->over) {
		ERR_clear_error();
		const int len = SSL_read(dtls->ssl, data, sizeof(data));
		if (len > 0) {
			dtls->options.ops->data(dtls->options.arg, data, (size_t)len);
			continue;
		}
		const int error = SSL_get_error(dtls->ssl, len);
		if (error == SSL_ERROR_ZERO_RETURN)
			finish(dtls, DTLS_CLOSED);
		else if (error == SSL_ERROR_SSL)
			finish(dtls, DTLS_FAILED);
		return;
	}
}

void dtls_start(struct dtls *dtls)
{
	if (dtls->options.client && !dtls->connected && !dtls->over)
		handshake(dtls);
}

void dtls_feed(struct dtls *dtls, const uint8_t *datagram, size_t len)
{
	if (dtls->over)
		return;
	dtls->input = datagram;
	dtls->input_len = len;
	if (!dtls->connected)
		handshake(dtls);
	/* The datagram may carry data behind the last message of the handshake. */
	if (dtls->connected && !dtls->over)
		read_data(dtls);
	dtls->input = NULL;
	dtls->input_len = 0;
}

bool dtls_tick(struct dtls *dtls)
{
	if (dtls->over)
		return false;
	ERR_clear_error();
	const long handled = DTLSv1_handle_timeout(dtls->ssl);
	if (handled < 0 && !dtls->connected)
		handshake_failed(dtls);
	return handled > 0;
}

bool dtls_connected(const struct dtls *dtls)
{
	return dtls->connected && !dtls->over;
}

static enum dtls_srtp profile_of(SSL *ssl)
{
	const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(ssl);
	if (!profile)
		return DTLS_SRTP_NONE;
	return profile->id == SRTP_AEAD_AES_128_GCM ? DTLS_SRTP_AEAD_AES_128_GCM
						    : DTLS_SRTP_AES128_CM_SHA1_80;
}

int dtls_export_keys(struct dtls *dtls, struct dtls_keys *out)
{
	static const char label[] = "EXTRACTOR-dtls_srtp";
	if (!dtls->connected)
		return -ENOTCONN;
	struct dtls_keys keys = { .profile = profile_of(dtls->ssl) };
	const size_t key = sizeof(keys.local_key);
	const size_t salt = keys.profile == DTLS_SRTP_AEAD_AES_128_GCM ? 12 : 14;
	uint8_t material[2 * (16 + 14)];
	if (SSL_export_keying_material(dtls->ssl, material, 2 * (key + salt), label,
				       sizeof(label) - 1, NULL, 0, 0) != 1)
		return -EIO;
	/* RFC 5764 §4.2: client key, server key, client salt, server salt */
	const int client = dtls->options.client ? 0 : 1;
	const int server = 1 - client;
	memcpy(keys.local_key, material + (size_t)client * key, key);
	memcpy(keys.remote_key, material + (size_t)server * key, key);
	memcpy(keys.local_salt, material + 2 * key + (size_t)client * salt, salt);
	memcpy(keys.remote_salt, material + 2 * key + (size_t)server * salt, salt);
	*out = keys;
	OPENSSL_cleanse(material, sizeof(material));
	OPENSSL_cleanse(&keys, sizeof(keys));
	return 0;
}

int dtls_send(struct dtls *dtls, const void *data, size_t len)
{
	if (!dtls_connected(dtls))
		return -ENOTCONN;
	if (len > DTLS_PAYLOAD_MAX)
		return -EMSGSIZE;
	ERR_clear_error();
	return SSL_write(dtls->ssl, data, (int)len) > 0 ? 0 : -EIO;
}

void dtls_close(struct dtls *dtls)
{
	if (dtls_connected(dtls)) {
		ERR_clear_error();
		SSL_shutdown(dtls->ssl);
	}
	dtls->over = true;
}

void dtls_destroy(struct dtls *dtls)
{
	if (!dtls)
		return;
	SSL_free(dtls->ssl);
	free(dtls);
}
