#include "server/core/tls.h"

#include "server/core/buf.h"
#include "server/core/loop.h"
#include "server/core/stream.h"
#include "tests/support/fake_clock.h"
#include "tests/support/loopback_client.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BIG = 4 * 1024 * 1024, TURNS = 5000 };

struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	char dir[32];
	char cert[64];
	char key[64];
	struct tls_context *context;
	struct loopback_client client;
	SSL_CTX *ssl_ctx;
	SSL *ssl; /* the client's side */
	struct stream *stream;
	struct bytes got;
	int drained;
	int closed;
	int err;
};

static struct fixture f;

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	bytes_put(&f.got, data, len);
}

static void on_drained(void *arg)
{
	(void)arg;
	f.drained++;
}

static void on_closed(void *arg, int err)
{
	(void)arg;
	f.closed++;
	f.err = err;
}

static const struct stream_ops ops = { on_data, on_drained, on_closed };

/* A self-signed certificate for `name` and its key, as files. */
static void write_pair(const char *name)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	X509 *x509 = X509_new();
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
	X509_NAME *subject = X509_get_subject_name(x509);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(x509, subject);
	X509_set_pubkey(x509, pkey);
	cr_assert(gt(int, X509_sign(x509, pkey, EVP_sha256()), 0));
	FILE *file = fopen(f.cert, "w");
	PEM_write_X509(file, x509);
	fclose(file);
	file = fopen(f.key, "w");
	PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	X509_free(x509);
	EVP_PKEY_free(pkey);
}

static void setup(void)
{
	f = (struct fixture){ 0 };
	fake_clock_init(&f.fake);
	bytes_init(&f.got, 2 * BIG);
	strcpy(f.dir, "/tmp/souk-tls-XXXXXX");
	cr_assert(ne(ptr, mkdtemp(f.dir), NULL));
	snprintf(f.cert, sizeof(f.cert), "%s/cert.pem", f.dir);
	snprintf(f.key, sizeof(f.key), "%s/key.pem", f.dir);
	write_pair("one.example");
	f.client.fd = -1;
	f.ssl_ctx = SSL_CTX_new(TLS_client_method());
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	cr_assert(eq(int, tls_context_create(&f.context, f.cert, f.key), 0));
}

static void teardown(void)
{
	SSL_free(f.ssl);
	SSL_CTX_free(f.ssl_ctx);
	stream_destroy(f.stream);
	loopback_client_close(&f.client);
	tls_context_unref(f.context);
	loop_destroy(f.loop);
	bytes_finish(&f.got);
	unlink(f.cert);
	unlink(f.key);
	rmdir(f.dir);
}

TestSuite(tls, .init = setup, .fini = teardown);

static void dial(void)
{
	const int fd = loopback_client_open(&f.client);
	cr_assert(eq(int, stream_create(&f.stream, f.loop, fd, f.context, &ops, NULL), 0));
	fcntl(f.client.fd, F_SETFL, O_NONBLOCK);
	f.ssl = SSL_new(f.ssl_ctx);
	SSL_set_fd(f.ssl, f.client.fd);
	SSL_set_connect_state(f.ssl);
}

static bool shake(void)
{
	for (int i = 0; i < TURNS && !f.closed; i++) {
		if (SSL_do_handshake(f.ssl) == 1) {
			loop_poll(f.loop);
			return true;
		}
		loop_poll(f.loop);
	}
	return false;
}

/* Reads from the server until `len` bytes have come or the end. */
static bool hear(size_t len)
{
	char chunk[16 * 1024];
	for (int i = 0; i < 20 * TURNS && f.client.in.len < len; i++) {
		loop_poll(f.loop);
		const int got = SSL_read(f.ssl, chunk, sizeof(chunk));
		if (got > 0)
			bytes_put(&f.client.in, chunk, (size_t)got);
		else if (SSL_get_error(f.ssl, got) != SSL_ERROR_WANT_READ)
			break;
	}
	return f.client.in.len >= len;
}

static void turn(void)
{
	for (int i = 0; i < 20; i++)
		loop_poll(f.loop);
}

static void say(const char *text)
{
	cr_assert(eq(int, SSL_write(f.ssl, text, (int)strlen(text)), (int)strlen(text)));
	turn();
}

static void common_name(char out[64])
{
	X509 *x509 = SSL_get1_peer_certificate(f.ssl);
	X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_commonName, out, 64);
	X509_free(x509);
}

Test(tls, carries_both_directions)
{
	dial();
	cr_assert(shake());
	say("hello");
	cr_assert(eq(str, (char *)bytes_string(&f.got), "hello"));
	cr_assert(eq(int, stream_write(f.stream, "welcome", 7), 0));
	cr_assert(hear(7));
	cr_assert(eq(str, (char *)bytes_string(&f.client.in), "welcome"));
	cr_assert(eq(str, (char *)SSL_get_version(f.ssl), "TLSv1.3"));
}

/* As much as the sockets hold, in whole records. */
static size_t pour(void)
{
	static const char record[16 * 1024];
	const int room = 1 << 20;
	size_t sent = 0;
	setsockopt(f.client.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	while (sent < BIG && SSL_write(f.ssl, record, sizeof(record)) > 0)
		sent += sizeof(record);
	return sent;
}

Test(tls, who_sends_without_a_pause_leaves_others_their_turn)
{
	enum { TURN_MAX = 2 * 4 * 16 * 1024 }; /* four records by the event, four by the call */
	dial();
	cr_assert(shake());
	const size_t sent = pour();
	cr_assert(gt(sz, sent, 2 * TURN_MAX));
	for (size_t had = 0; had < sent; had = f.got.len) {
		loop_turn(f.loop);
		cr_assert(le(sz, f.got.len - had, TURN_MAX));
		cr_assert(gt(sz, f.got.len, had));
	}
}

Test(tls, a_paused_stream_reads_on_when_it_is_resumed)
{
	dial();
	cr_assert(shake());
	const size_t sent = pour();
	loop_turn(f.loop);
	const size_t had = f.got.len;
	stream_pause(f.stream);
	turn();
	cr_assert(eq(sz, f.got.len, had));
	stream_resume(f.stream);
	turn();
	cr_assert(eq(sz, f.got.len, sent));
}

Test(tls, what_is_written_before_the_handshake_waits_for_it)
{
	dial();
	cr_assert(eq(int, stream_write(f.stream, "early", 5), 0));
	cr_assert(eq(sz, stream_backlog(f.stream), 5));
	cr_assert(shake());
	cr_assert(hear(5));
	cr_assert(eq(sz, stream_backlog(f.stream), 0));
}

Test(tls, a_slow_reader_gets_every_byte_in_order)
{
	struct buf *big = buf_create(BIG);
	for (size_t i = 0; i < BIG; i++)
		big->data[i] = (uint8_t)(i * 31 + i / 251);
	struct buf *bufs[] = { big };
	const struct stream_frame frame = {
		.head = "head", .head_len = 4, .tail = "tail", .tail_len = 4
	};
	dial();
	cr_assert(shake());
	stream_set_backlog_cap(f.stream, 2 * BIG);
	cr_assert(eq(int, stream_write_framed(f.stream, &frame, bufs, 1), 0));
	cr_assert(gt(sz, stream_backlog(f.stream), 0));
	cr_assert(eq(int, stream_write(f.stream, "last", 4), 0));
	cr_assert(hear(BIG + 12));
	turn();
	cr_assert(not(memcmp(f.client.in.data + 4, big->data, BIG)));
	cr_assert(not(memcmp(f.client.in.data + 4 + BIG, "taillast", 8)));
	cr_assert(eq(uint, big->refs, 1));
	cr_assert(eq(int, f.drained, 1));
	buf_unref(big);
}

Test(tls, bytes_decrypted_while_paused_come_after_resume)
{
	dial();
	cr_assert(shake());
	stream_pause(f.stream);
	say("one");
	say("two");
	cr_assert(eq(sz, f.got.len, 0));
	stream_resume(f.stream);
	turn();
	cr_assert(eq(str, (char *)bytes_string(&f.got), "onetwo"));
}

Test(tls, speaks_1_2_with_forward_secrecy_and_refuses_less)
{
	SSL_CTX_set_max_proto_version(f.ssl_ctx, TLS1_2_VERSION);
	dial();
	cr_assert(shake());
	cr_assert(eq(str, (char *)SSL_get_version(f.ssl), "TLSv1.2"));
	cr_assert(ne(ptr, strstr(SSL_get_cipher_name(f.ssl), "ECDHE-"), NULL));
}

Test(tls, old_versions_and_weak_ciphers_fail_the_handshake)
{
	SSL_CTX_set_max_proto_version(f.ssl_ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(f.ssl_ctx, "ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256");
	dial();
	cr_assert(not(shake()));
	turn();
	cr_assert(eq(int, f.err, -EPROTO));
	cr_assert(eq(int, f.closed, 1));
}

Test(tls, browsers_are_told_http_1_1)
{
	static const unsigned char offered[] = "\x02h2\x08http/1.1";
	const unsigned char *chosen;
	unsigned len;
	SSL_CTX_set_alpn_protos(f.ssl_ctx, offered, sizeof(offered) - 1);
	dial();
	cr_assert(shake());
	SSL_get0_alpn_selected(f.ssl, &chosen, &len);
	cr_assert(eq(uint, len, 8));
	cr_assert(not(memcmp(chosen, "http/1.1", 8)));
}

Test(tls, plain_text_on_a_tls_port_is_a_failed_handshake)
{
	dial();
	loopback_client_text(&f.client, "GET / HTTP/1.1\r\n\r\n");
	turn();
	cr_assert(eq(int, f.closed, 1));
	cr_assert(eq(int, f.err, -EPROTO));
}

Test(tls, an_orderly_end_and_a_truncated_one_are_told_apart)
{
	dial();
	cr_assert(shake());
	SSL_shutdown(f.ssl);
	turn();
	cr_assert(eq(int, f.closed, 1));
	cr_assert(eq(int, f.err, 0));
	SSL_free(f.ssl);
	stream_destroy(f.stream);
	loopback_client_close(&f.client);
	f.closed = 0;
	dial();
	cr_assert(shake());
	loopback_client_shut(&f.client);
	turn();
	cr_assert(eq(int, f.closed, 1));
	cr_assert(lt(int, f.err, 0));
}

Test(tls, finish_flushes_and_says_goodbye)
{
	dial();
	cr_assert(shake());
	stream_write(f.stream, "bye", 3);
	stream_finish(f.stream);
	cr_assert(hear(3));
	char byte;
	const int got = SSL_read(f.ssl, &byte, 1);
	cr_assert(eq(int, SSL_get_error(f.ssl, got), SSL_ERROR_ZERO_RETURN));
}

Test(tls, reload_serves_the_new_certificate_and_spares_the_living)
{
	char name[64];
	dial();
	cr_assert(shake());
	common_name(name);
	cr_assert(eq(str, name, "one.example"));
	write_pair("two.example");
	struct tls_context *fresh;
	cr_assert(eq(int, tls_context_reload(&fresh, f.context), 0));
	tls_context_unref(f.context);
	f.context = fresh;
	say("still here");
	cr_assert(eq(sz, f.got.len, 10));
	SSL_free(f.ssl);
	stream_destroy(f.stream);
	loopback_client_close(&f.client);
	dial();
	cr_assert(shake());
	common_name(name);
	cr_assert(eq(str, name, "two.example"));
}

Test(tls, a_broken_reload_leaves_the_old_context)
{
	struct tls_context *fresh = NULL;
	FILE *file = fopen(f.cert, "w");
	fputs("nonsense", file);
	fclose(file);
	cr_assert(eq(int, tls_context_reload(&fresh, f.context), -EINVAL));
	cr_assert(zero(ptr, fresh));
	dial();
	cr_assert(shake());
}

Test(tls, missing_and_foreign_files_are_refused)
{
	struct tls_context *context;
	char other[80];
	cr_assert(eq(int, tls_context_create(&context, "/nonexistent", f.key), -ENOENT));
	snprintf(other, sizeof(other), "%s/other.pem", f.dir);
	cr_assert(eq(int, rename(f.key, other), 0));
	write_pair("three.example");
	cr_assert(eq(int, tls_context_create(&context, f.cert, other), -EINVAL));
	unlink(other);
}
