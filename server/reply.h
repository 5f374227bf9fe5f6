/*
 * Replies in the forms that the whole API shares: JSON, problem+json (RFC 9457), the CORS fields of
 * docs/api.md. Worker's thread.
 */
#ifndef SOUK_SERVER_REPLY_H
#define SOUK_SERVER_REPLY_H

#include "server/core/http_server.h"

#include <stddef.h>

struct buf;

enum { REPLY_HEADERS_MAX = 32 };

/* Header fields of a reply, built up; values are borrowed until the reply is made. */
struct reply_headers {
	struct http_header list[REPLY_HEADERS_MAX];
	size_t count;
};
void reply_add(struct reply_headers *headers, const char *name, const char *value);
/* Access-Control-Allow-Origin and what may be read across origins. */
void reply_add_cors(struct reply_headers *headers);

struct problem_text {
	int status;
	const char *code; /* "not_found" */
	const char *detail; /* NULL: none */
	const char *member; /* NULL: none */
	int retry_after_s; /* 0: none */
	const char *allow; /* of a 405; NULL: none */
};
void reply_problem(struct http_request *request, const struct problem_text *problem);
/* The common case, without detail and with it. */
void reply_error(struct http_request *request, int status, const char *code);
void reply_refusal(struct http_request *request, int status, const char *code, const char *detail);

void reply_json_text(struct http_request *request, int status, const char *text, size_t len);
void reply_json_buf(struct http_request *request, struct buf *json);

/* 204: OPTIONS where there is no preflight. */
void reply_options(struct http_request *request, const char *allow);

/* 204 with what a preflight asks for (Fetch standard, CORS-preflight). */
void reply_preflight(struct http_request *request);

#endif
