/*
 * Incremental HTTP/1.1 request parser (RFC 9112), pure: bytes in, one request out. Stricter than
 * the RFC where leniency has let requests be smuggled: whatever two parties could frame differently
 * is 400. How the bytes are cut into calls never changes the result. One owner, one thread.
 */
#ifndef SOUK_CORE_HTTP1_H
#define SOUK_CORE_HTTP1_H

#include "server/core/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP1_HEAD_MAX = 8 * 1024, /* request line and headers; beyond: 431, or 414 in the line */
	HTTP1_HEADERS_MAX = 100, /* beyond: 431 */
	HTTP1_BODY_MAX = 64 * 1024 * 1024, /* whatever a route asks for */
	HTTP1_EXTENSIONS_MAX = 1024, /* bytes of chunk extensions in a body; beyond: 400 */
	HTTP1_TRAILERS_MAX = 1024, /* bytes behind the last chunk, discarded; beyond: 431 */
};

struct http_header {
	const char *name;
	const char *value;
};

enum http1_event {
	HTTP1_MORE, /* all input taken, more is needed */
	HTTP1_HEAD, /* the head is there: set the body cap and go on feeding */
	HTTP1_DONE, /* head and body are there; what follows was not touched */
	HTTP1_FAILED, /* answer `status` and close */
};

/* All text lives as long as the request: until http1_reset() or http1_finish(). */
struct http1 {
	const char *method;
	const char *path; /* percent-decoded UTF-8, starts with '/'; "*" for OPTIONS */
	const char *query; /* as sent, without '?'; "" if there is none */
	struct http_header headers[HTTP1_HEADERS_MAX];
	size_t header_count;
	struct bytes body;
	bool keep_alive; /* the request allows another one behind it */
	bool version_1_0;
	bool expects_continue;
	int status; /* after HTTP1_FAILED: 400, 413, 414, 417, 431, 505 */
	const char *why; /* then, for people */

	/* private */
	int state;
	struct bytes head;
	size_t line_at; /* where the current line of the head starts */
	size_t body_cap;
	uint64_t left; /* of the body or chunk */
	unsigned digits; /* of the chunk size so far */
	unsigned extensions; /* bytes so far */
	unsigned trailers; /* bytes so far */
	struct bytes trailer; /* the one that is being read */
	bool in_extension;
	bool chunked;
	bool after_cr;
	bool in_request_line;
	bool blank; /* an empty line was skipped before the request line */
};

void http1_init(struct http1 *http);
void http1_finish(struct http1 *http);
void http1_reset(struct http1 *http); /* ready for the next request of the connection */

/* Between HTTP1_HEAD and the next feed. Default 0: any body is 413. */
void http1_set_body_cap(struct http1 *http, size_t cap);

/* Takes from the front of *data until something happened. Call again (also with *len 0) after
 * HTTP1_HEAD. */
enum http1_event http1_feed(struct http1 *http, const uint8_t **data, size_t *len);

/* Nothing of a request has arrived yet. */
bool http1_idle(const struct http1 *http);

/* Case-insensitive; the first of several; NULL when absent. */
const char *http1_header(const struct http1 *http, const char *name);

/* Whether a comma-separated list header (all its lines) holds `token`, case-insensitive. */
bool http1_header_has(const struct http1 *http, const char *name, const char *token);

/* Whether a list of what the client takes (Accept-Encoding) holds `token` with a weight above 0. */
bool http1_accepts(const struct http1 *http, const char *name, const char *token);

#endif
