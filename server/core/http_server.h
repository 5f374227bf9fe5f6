/*
 * HTTP/1.1 server of one worker: connections come from listeners by http_server_accept(), requests
 * go to one callback, replies come at once or later. One request at a time per connection: what is
 * pipelined behind it waits. Bad framing, oversize and slow peers are answered and closed here.
 * Owner thread: the loop's, for everything in this header.
 *
 * A struct http_request is valid from on_request until exactly one of: http_reply*() returns,
 * http_stream_end()/http_stream_abort() returns, http_upgrade() returns, or its `gone` callback
 * returns (the connection died first). Who keeps it beyond on_request registers http_on_gone().
 */
#ifndef SOUK_CORE_HTTP_SERVER_H
#define SOUK_CORE_HTTP_SERVER_H

#include "server/core/http1.h" /* struct http_header */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr;
struct buf;
struct http_request;
struct http_server;
struct log;
struct loop;
struct metrics;
struct proxies;
struct stream;
struct tls_context;

enum {
	HTTP_BODY_CAP = 64 * 1024, /* default body cap: 413 */
	HTTP_PIPELINE_CAP = 16 * 1024, /* input that waits behind a request before reading stops */
	HTTP_CONNECTIONS_CAP = 20000, /* default per server: 503 and closed */
	HTTP_SEGMENTS_MAX = 12,
	HTTP_REQUEST_S = 10, /* a request must be complete after this (slowloris) */
	HTTP_KEEP_ALIVE_S = 60, /* idle between requests */
	HTTP_STALL_S = 10, /* a reply of which the peer takes nothing for this long is given up */
	HTTP_UNSENT_CAP = 128 * 1024, /* unsent in the kernel, for each connection */
};

struct http_server_opts {
	const struct log *log; /* may be NULL */
	void (*on_request)(struct http_request *request, void *arg);
	/* Body cap for a route, asked before the body is read; NULL: HTTP_BODY_CAP for all. */
	size_t (*body_cap)(const char *method, const char *path, void *arg);
	void *arg;
	const struct proxies *proxies; /* whose word about clients counts; NULL: nobody's */
	size_t connections_cap; /* 0: HTTP_CONNECTIONS_CAP */
	struct metrics *metrics; /* souk_http_*; may be NULL */
	const char *labels; /* of those metrics: "worker=\"0\"" */
};

int http_server_create(struct http_server **out, struct loop *loop,
		       const struct http_server_opts *opts) __attribute__((warn_unused_result));

/* Takes over `fd`. `tls` NULL: plain. */
void http_server_accept(struct http_server *server, int fd, const struct addr *peer,
			struct tls_context *tls);

/* Instead: 503 where the client can read it, and closed. */
void http_server_turn_away(struct http_server *server, int fd, bool tls);

size_t http_server_connections(const struct http_server *server);

/* Replies in progress end with "Connection: close", idle connections are closed. */
void http_server_drain(struct http_server *server);

/* Drops all connections; `gone` callbacks fire. Never inside a callback of it. Takes NULL. */
void http_server_destroy(struct http_server *server);

/* The request. Text is valid as long as the request. */
const char *http_method(const struct http_request *request);
const char *http_path(const struct http_request *request); /* decoded */
const char *http_query_text(const struct http_request *request); /* as sent, "" if none */
/* "/api/rooms/demo" is {"api","rooms","demo"}, "/" is none, "/a/" ends in an empty one. Returns how
 * many; HTTP_SEGMENTS_MAX + 1 when there are more than fit. */
size_t http_segments(struct http_request *request, const char *out[HTTP_SEGMENTS_MAX]);
long http_query(const struct http_request *request, const char *name, char *out,
		size_t size); /* as percent_query() */
const char *http_header(const struct http_request *request, const char *name); /* or NULL */
bool http_header_has(const struct http_request *request, const char *name, const char *token);
bool http_accepts(const struct http_request *request, const char *name, const char *token);
const uint8_t *http_body(const struct http_request *request, size_t *len);
/* Who asks, as far as trusted proxies tell; without a port. */
void http_client(const struct http_request *request, struct addr *out);
bool http_is_tls(const struct http_request *request);
struct loop *http_loop(const struct http_request *request);

/* At most one; called once if the connection is gone before the request was finished. */
void http_on_gone(struct http_request *request, void (*gone)(void *arg), void *arg);

/* Told once when nothing of the reply waits any more, or the connection is gone: what a reply holds
 * can be counted. Asked for before the reply; it may come inside of it. */
void http_on_sent(struct http_request *request, void (*sent)(void *arg), void *arg);

/* Complete reply. `headers` end with a NULL name, or NULL for none; Content-Length, Connection and
 * Date are added here. HEAD, 204 and 304 send no body. Ends the request. */
void http_reply(struct http_request *request, int status, const struct http_header *headers,
		const void *body, size_t len);
/* The same with shared bytes, which are not copied; `body` stays the caller's reference. */
void http_reply_buf(struct http_request *request, int status, const struct http_header *headers,
		    struct buf *body);

/* 200 to a HEAD of what streams without an end: no Content-Length, for it would be a wrong one (RFC
 * 9110 §8.6). */
void http_reply_head(struct http_request *request, const struct http_header *headers);

/* Several, in order, at most STREAM_BUFS_MAX: 200, or 206 or 416 when a Range is asked for, as
 * players do to begin a file in its middle. */
void http_reply_ranges(struct http_request *request, const struct http_header *headers,
		       struct buf *const *bufs, size_t count);

/*
 * Streaming reply. HTTP_UNTIL_CLOSE puts nothing around the bytes and closes at the end (FLV:
 * shared tags go out untouched); HTTP_CHUNKED keeps the connection (falls back to the former for
 * HTTP/1.0). Writes return what stream_write() returns. To a HEAD request the writes are swallowed.
 */
enum http_framing { HTTP_UNTIL_CLOSE, HTTP_CHUNKED };
struct http_stream_ops {
	void (*drained)(void *arg); /* backlog went to 0; may be NULL */
	void (*gone)(void *arg); /* replaces http_on_gone() */
};
void http_stream_begin(struct http_request *request, int status, const struct http_header *headers,
		       enum http_framing framing, const struct http_stream_ops *ops, void *arg);
/* What an HTTP_UNTIL_CLOSE reply goes to, for who writes very often; as long as the reply is not
 * ended and `gone` not told. NULL for every other reply. */
struct stream *http_stream_direct(const struct http_request *request);
int http_stream_write(struct http_request *request, const void *data, size_t len);
int http_stream_write_bufs(struct http_request *request, struct buf *const *bufs, size_t count);
size_t http_stream_backlog(const struct http_request *request);
void http_stream_end(struct http_request *request); /* after the backlog is flushed */
void http_stream_abort(struct http_request *request); /* at once */

/* Takes the connection out of HTTP (RFC 9110 §7.8). `rest` gets the input behind the head and is
 * the caller's to finish. The caller sets new ops at once. */
struct stream *http_upgrade(struct http_request *request, struct bytes *rest);

#endif
