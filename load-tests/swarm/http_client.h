/*
 * One HTTP/1.1 client connection, non-blocking: one request at a time, kept alive between them and
 * opened again when the server has closed it. Owner thread: the loop's.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_HTTP_CLIENT_H
#define SOUK_LOAD_TESTS_SWARM_HTTP_CLIENT_H

#include "load-tests/swarm/http_response.h"
#include "server/core/addr.h"

struct http_client;
struct loop;

struct http_client_ops {
	/* Status and headers are known. As body(). */
	void (*head)(void *arg);
	/* A piece of the body. The client must not be destroyed in here. May be NULL. */
	void (*body)(void *arg, const uint8_t *data, size_t len);
	/*
	 * The request is over. 0: the response is whole, http_client_response() tells of it;
	 * negative: the connection failed, the outcome is unknown. The next request may start, or
	 * the client be destroyed, inside.
	 */
	void (*done)(void *arg, int err);
};

/* `server` and `ops` must outlive the client. */
void http_client_create(struct http_client **out, struct loop *loop, const struct addr *server,
			const struct http_client_ops *ops, void *arg);

/* From the next connection on, the end of the client is a reset: what a dying process leaves. */
void http_client_reset_at_end(struct http_client *client);

struct http_request_line {
	const char *method;
	const char *path;
	const char *token; /* NULL: none */
	const char *headers; /* whole lines with their CRLF; "" for none */
	const char *body; /* NULL: none */
	size_t body_len;
	int64_t timeout_us; /* until the response is whole; 0: none */
};

/* The answer comes by done(), also when not even a connection could be made. */
void http_client_start(struct http_client *client, const struct http_request_line *request);

/* After a response 101 its body is what the connection carries from then on; this is the way back.
 * As stream_write(); -ENOTCONN without a connection. */
int http_client_send(struct http_client *client, const void *data, size_t len)
	__attribute__((warn_unused_result));

bool http_client_busy(const struct http_client *client);
const struct http_response *http_client_response(const struct http_client *client);

/* Closes at once; no callback follows. Takes NULL. */
void http_client_destroy(struct http_client *client);

#endif
