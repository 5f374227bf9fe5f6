/*
 * TLS: certificates or trust (struct tls_context) and one connection over a non-blocking socket
 * (struct tls), as a server or as a client. TLS 1.2 and 1.3, ECDHE with AEAD only (Mozilla
 * "intermediate" 5.7). OpenSSL stays inside. A context is immutable and reference counted: any
 * thread may ref and unref; a struct tls belongs to the thread of its stream.
 */
#ifndef SOUK_CORE_TLS_H
#define SOUK_CORE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_context;
struct tls;

/* PEM files: the certificate with its chain, the key. -ENOENT, -EACCES… for the files; -EINVAL when
 * they hold no matching pair. One reference. */
int tls_context_create(struct tls_context **out, const char *cert_file, const char *key_file)
	__attribute__((warn_unused_result));

/*
 * A new context from the same files as they are now, with the old one's session tickets. The caller
 * gives it to its listeners and drops the old one, which lives on with the connections that use it.
 */
int tls_context_reload(struct tls_context **out, const struct tls_context *old)
	__attribute__((warn_unused_result));

/* For clients: trusts the system's authorities, or those in `ca_file` (PEM) alone when it is not
 * NULL. Connections are made with a context for one server. -EINVAL for the file. */
int tls_client_create(struct tls_context **out, const char *ca_file)
	__attribute__((warn_unused_result));

/* Of a client's context one for the server `host`, a name or an IP: its certificate must be for
 * that (RFC 6125). */
struct tls_context *tls_client_for(struct tls_context *client, const char *host);

struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context); /* takes NULL */

/* Answers of the calls below, besides byte counts. */
enum { TLS_WANT_READ = -10001, TLS_WANT_WRITE = -10002, TLS_FAILED = -10003 };

/* Does not own `fd`. */
int tls_create(struct tls **out, struct tls_context *context, int fd)
	__attribute__((warn_unused_result));

/* Who speaks first. */
bool tls_is_client(const struct tls *tls);

/* 0 when through. */
int tls_handshake(struct tls *tls);

/* Bytes read; 0 at the peer's orderly end. A socket that just ends is TLS_FAILED (truncation). */
long tls_read(struct tls *tls, void *out, size_t len);

/* Bytes taken, at most one record. After TLS_WANT_WRITE the next call must start with the same
 * bytes and bring at least as many. */
long tls_write(struct tls *tls, const void *data, size_t len);

/* Sends close_notify if the socket takes it. */
void tls_shutdown(struct tls *tls);
void tls_destroy(struct tls *tls); /* takes NULL */

#endif
