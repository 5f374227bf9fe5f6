/*
 * Private to http_server.c and http_reply.c: one connection and the exchange on it. A connection is
 * never freed inside a callback: connection_end() closes it and frees it from the loop.
 */
#ifndef SOUK_CORE_HTTP_CONNECTION_H
#define SOUK_CORE_HTTP_CONNECTION_H

#include "server/core/addr.h"
#include "server/core/bytes.h"
#include "server/core/http1.h"
#include "server/core/http_server.h"
#include "server/core/list.h"
#include "server/core/log.h"
#include "server/core/loop.h"

struct metric;

struct http_server {
	struct loop *loop;
	struct log log;
	struct http_server_opts opts;
	struct list connections; // http_connection.link
	size_t count;
	bool draining;
	unsigned refusals; /* since they were last told */
	int64_t refusal_told_us;
	struct metric *requests; /* all NULL without a registry */
	struct metric *refused;
	struct metric *timeouts;
	struct metric *open;
	struct metric *replies[4]; /* by class: 2xx to 5xx */
};

enum http_phase {
	HTTP_READING, /* between requests, or collecting one */
	HTTP_HANDLING, /* the request is with the user */
	HTTP_STREAMING, /* so is its reply */
	HTTP_FLUSHING, /* the reply is complete but not yet sent; then READING */
	HTTP_CLOSING, /* the last reply is on its way out */
	HTTP_OVER, /* waits to be freed */
};

struct http_request {
	struct http_connection *connection;
	char *segments; /* the path, cut at its slashes */
	void (*gone)(void *arg);
	const struct http_stream_ops *stream_ops;
	void *arg; /* of gone or stream_ops */
	bool chunked;
	bool is_head;
};

/* What each write of a stream touches stands together in front. */
struct http_connection {
	struct http_request request;
	struct stream *stream;
	enum http_phase phase;
	bool tls;
	struct http_server *server;
	struct list link;
	struct addr peer;
	struct http1 http;
	struct bytes waiting; /* input behind the current request */
	struct timer limit;
	struct deferred next; /* goes on with what waits after a reply that came later */
	struct deferred ending;
	void (*sent)(void *arg); /* of the last reply; NULL: told, or nobody asked */
	void *sent_arg;
	size_t stalled_at; /* backlog when the stall timer was last looked at */
	bool parsing; /* advance() is on the stack */
	bool told; /* the request's first byte started its time limit */
	bool eof;
};

/* Closes at once, frees soon; nobody is told. */
void connection_end(struct http_connection *connection);
/* The reply is complete: on to the next request, or close. */
void connection_replied(struct http_connection *connection, bool keep_alive);
/* Whether the reply being made may leave the connection open. */
bool connection_keeps(const struct http_connection *connection);

#endif
