#include "server/core/tls.h"

#include "server/core/alloc.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Mozilla "intermediate" 5.7, TLS 1.2 part; all TLS 1.3 suites are AEAD. */
static const char ciphers_1_2[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
				  "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
				  "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

struct tls_context {
	atomic_uint refs;
	SSL_CTX *ssl_ctx;
	BIO_METHOD *socket_bio;
	char *cert_file;
	char *key_file;
	/* Of a client's context for one server. */
	char *host;
	struct tls_context *trust; /* whose ssl_ctx and socket_bio these are; a reference */
};

struct tls {
	SSL *ssl;
	struct tls_context
		*context; /* its BIO_METHOD is used to the end; OpenSSL keeps no reference */
};

/* A socket BIO of our own, because OpenSSL's writes with write() and a peer that left would raise
 * SIGPIPE. The fd is kept as the BIO's data + 1, which makes 0 distinct from NULL. */
static int bio_fd(BIO *bio)
{
	return (int)((intptr_t)BIO_get_data(bio) - 1);
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static int on_bio_write(BIO *bio, const char *data, int len)
{
	BIO_clear_retry_flags(bio);
	const ssize_t sent = send(bio_fd(bio), data, (size_t)len, MSG_NOSIGNAL);
	if (sent < 0 && would_block())
		BIO_set_retry_write(bio);
	return (int)sent;
}

static int on_bio_read(BIO *bio, char *out, int len)
{
	BIO_clear_retry_flags(bio);
	const ssize_t got = recv(bio_fd(bio), out, (size_t)len, 0);
	if (got < 0 && would_block())
		BIO_set_retry_read(bio);
	return (int)got;
}

static long on_bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *socket_bio_create(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
	if (!method)
		return NULL;
	BIO_meth_set_write(method, on_bio_write);
	BIO_meth_set_read(method, on_bio_read);
	BIO_meth_set_ctrl(method, on_bio_ctrl);
	return method;
}

/* RFC 7301 §3.2: a client that lists protocols gets http/1.1 if it can speak it (a browser would
 * otherwise be free to try HTTP/2); RTMPS clients list none. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		   const unsigned char *in, unsigned in_len, void *arg)
{
	(void)ssl;
	(void)arg;
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen = NULL;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int configure(SSL_CTX *ssl_ctx)
{
	SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	/* The content is retried from the same queue but at another address, and idle connections
	 * give their buffers back: thousands of viewers hold one each. */
	SSL_CTX_set_mode(ssl_ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(ssl_ctx, on_alpn, NULL);
	if (!SSL_CTX_set_min_proto_version(ssl_ctx, TLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(ssl_ctx, ciphers_1_2) ||
	    !SSL_CTX_set1_groups_list(ssl_ctx, "X25519:P-256:P-384"))
		return -EINVAL;
	return 0;
}

static int load(SSL_CTX *ssl_ctx, const char *cert_file, const char *key_file)
{
	if (access(cert_file, R_OK) || access(key_file, R_OK))
		return -errno;
	const bool fits = SSL_CTX_use_certificate_chain_file(ssl_ctx, cert_file) == 1 &&
			  SSL_CTX_use_PrivateKey_file(ssl_ctx, key_file, SSL_FILETYPE_PEM) == 1 &&
			  SSL_CTX_check_private_key(ssl_ctx) == 1;
	ERR_clear_error();
	return fits ? 0 : -EINVAL;
}

int tls_context_create(struct tls_context **out, const char *cert_file, const char *key_file)
{
	struct tls_context *context = xcalloc(1, sizeof(*context));
	atomic_init(&context->refs, 1);
	context->cert_file = xstrdup(cert_file);
	context->key_file = xstrdup(key_file);
	context->ssl_ctx = SSL_CTX_new(TLS_server_method());
	context->socket_bio = socket_bio_create();
	int err = context->ssl_ctx && context->socket_bio ? 0 : -ENOMEM;
	if (!err)
		err = configure(context->ssl_ctx);
	if (!err)
		err = load(context->ssl_ctx, cert_file, key_file);
	if (err) {
		tls_context_unref(context);
		return err;
	}
	*out = context;
	return 0;
}

int tls_context_reload(struct tls_context **out, const struct tls_context *old)
{
	struct tls_context *context;
	int err = tls_context_create(&context, old->cert_file, old->key_file);
	if (err)
		return err;
	unsigned char tickets[80];
	const long len = SSL_CTX_get_tlsext_ticket_keys(old->ssl_ctx, NULL, 0);
	if (len > 0 && (size_t)len <= sizeof(tickets) &&
	    SSL_CTX_get_tlsext_ticket_keys(old->ssl_ctx, tickets, len) == 1)
		SSL_CTX_set_tlsext_ticket_keys(context->ssl_ctx, tickets, len);
	OPENSSL_cleanse(tickets, sizeof(tickets));
	*out = context;
	return 0;
}

static int trust(SSL_CTX *ssl_ctx, const char *ca_file)
{
	SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ssl_ctx,
			 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(ssl_ctx, SSL_VERIFY_PEER, NULL);
	const bool loaded = ca_file ? SSL_CTX_load_verify_file(ssl_ctx, ca_file) == 1
				    : SSL_CTX_set_default_verify_paths(ssl_ctx) == 1;
	const bool fits = loaded && SSL_CTX_set_min_proto_version(ssl_ctx, TLS1_2_VERSION) == 1 &&
			  SSL_CTX_set_cipher_list(ssl_ctx, ciphers_1_2) == 1;
	ERR_clear_error();
	return fits ? 0 : -EINVAL;
}

int tls_client_create(struct tls_context **out, const char *ca_file)
{
	struct tls_context *context = xcalloc(1, sizeof(*context));
	atomic_init(&context->refs, 1);
	context->ssl_ctx = SSL_CTX_new(TLS_client_method());
	context->socket_bio = socket_bio_create();
	int err = context->ssl_ctx && context->socket_bio ? 0 : -ENOMEM;
	if (!err)
		err = trust(context->ssl_ctx, ca_file);
	if (err) {
		tls_context_unref(context);
		return err;
	}
	*out = context;
	return 0;
}

struct tls_context *tls_client_for(struct tls_context *client, const char *host)
{
	struct tls_context *context = xcalloc(1, sizeof(*context));
	atomic_init(&context->refs, 1);
	context->trust = tls_context_ref(client);
	context->ssl_ctx = client->ssl_ctx;
	context->socket_bio = client->socket_bio;
	context->host = xstrdup(host);
	return context;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
	atomic_fetch_add_explicit(&context->refs, 1, memory_order_relaxed);
	return context;
}

void tls_context_unref(struct tls_context *context)
{
	if (!context || atomic_fetch_sub_explicit(&context->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (!context->trust) {
		SSL_CTX_free(context->ssl_ctx);
		BIO_meth_free(context->socket_bio);
	}
	tls_context_unref(context->trust);
	free(context->host);
	free(context->cert_file);
	free(context->key_file);
	free(context);
}

/* Names are told to the server (RFC 6066 §3), numbers are not. */
static bool expect_host(SSL *ssl, const char *host)
{
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
		return true;
	ERR_clear_error();
	return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

int tls_create(struct tls **out, struct tls_context *context, int fd)
{
	SSL *ssl = SSL_new(context->ssl_ctx);
	BIO *bio = BIO_new(context->socket_bio);
	if (!ssl || !bio) {
		SSL_free(ssl);
		BIO_free(bio);
		return -ENOMEM;
	}
	BIO_set_data(bio, (void *)((intptr_t)fd + 1));
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	if (!context->host) {
		SSL_set_accept_state(ssl);
	} else if (expect_host(ssl, context->host)) {
		SSL_set_connect_state(ssl);
	} else {
		SSL_free(ssl);
		return -EINVAL;
	}
	struct tls *tls = xcalloc(1, sizeof(*tls));
	tls->ssl = ssl;
	tls->context = tls_context_ref(context);
	*out = tls;
	return 0;
}

static int failure(struct tls *tls, int result)
{
	const int reason = SSL_get_error(tls->ssl, result);
	ERR_clear_error();
	if (reason == SSL_ERROR_WANT_READ)
		return TLS_WANT_READ;
	if (reason == SSL_ERROR_WANT_WRITE)
		return TLS_WANT_WRITE;
	return TLS_FAILED;
}

bool tls_is_client(const struct tls *tls)
{
	return tls->context->host != NULL;
}

int tls_handshake(struct tls *tls)
{
	const int result = SSL_do_handshake(tls->ssl);
	return result == 1 ? 0 : failure(tls, result);
}

long tls_read(struct tls *tls, void *out, size_t len)
{
	const int got = SSL_read(tls->ssl, out, (int)len);
	if (got > 0)
		return got;
	if (SSL_get_error(tls->ssl, got) == SSL_ERROR_ZERO_RETURN)
		return 0;
	return failure(tls, got);
}

long tls_write(struct tls *tls, const void *data, size_t len)
{
	const int sent = SSL_write(tls->ssl, data, (int)len);
	return sent > 0 ? sent : failure(tls, sent);
}

void tls_shutdown(struct tls *tls)
{
	if (SSL_is_init_finished(tls->ssl))
		SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

void tls_destroy(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	tls_context_unref(tls->context);
	free(tls);
}
