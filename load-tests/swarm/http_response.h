/*
 * Incremental HTTP/1.1 response parser of the load client (RFC 9112 §6.3), pure: bytes in, head and
 * pieces of the body out, in place. How the bytes are cut into calls changes only how the body is
 * cut. One owner, one thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_HTTP_RESPONSE_H
#define SOUK_LOAD_TESTS_SWARM_HTTP_RESPONSE_H

#include "server/core/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_RESPONSE_HEAD_MAX = 16 * 1024 };

enum http_response_event {
	HTTP_RESPONSE_MORE, /* all input taken */
	HTTP_RESPONSE_HEAD, /* status and headers are known */
	HTTP_RESPONSE_BODY, /* `piece` holds bytes of the body, pointing into the input */
	HTTP_RESPONSE_DONE, /* what follows was not touched */
	HTTP_RESPONSE_FAILED,
};

struct http_response {
	int status;
	bool keep_alive;
	bool until_close; /* the body ends with the connection */
	const uint8_t *piece;
	size_t piece_len;

	/* private */
	int state;
	struct bytes head;
	struct bytes line; /* of chunk sizes and trailers */
	uint64_t left;
	bool chunked;
	bool has_length;
};

void http_response_init(struct http_response *response);
void http_response_finish(struct http_response *response);
void http_response_reset(struct http_response *response); /* for the next one */

/* Takes from the front of *data until something happened. */
enum http_response_event http_response_feed(struct http_response *response, const uint8_t **data,
					    size_t *len);

/* After HEAD: copies the first header of that name, case-insensitive; false when it is absent or
 * longer than `size`. */
bool http_response_header(const struct http_response *response, const char *name, char *out,
			  size_t size);

#endif
