#include "server/reply.h"

#include "commerce/answer.h"
#include "server/core/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reply_add(struct reply_headers *headers, const char *name, const char *value)
{
	assert(headers->count + 1 < REPLY_HEADERS_MAX); /* the last one stays NULL */
	headers->list[headers->count++] = (struct http_header){ name, value };
}

void reply_add_cors(struct reply_headers *headers)
{
	reply_add(headers, "Access-Control-Allow-Origin", "*");
	reply_add(headers, "Access-Control-Expose-Headers",
		  "Location, ETag, Link, Retry-After, Allow, Accept-Post, Accept-Patch, "
		  "WWW-Authenticate, Idempotency-Replayed");
}

void reply_problem(struct http_request *request, const struct problem_text *problem)
{
	struct reply_headers headers = { 0 };
	char retry_after[16];
	reply_add(&headers, "Content-Type", "application/problem+json");
	reply_add(&headers, "Cache-Control", "no-store");
	reply_add_cors(&headers);
	if (problem->allow)
		reply_add(&headers, "Allow", problem->allow);
	if (problem->status == 401)
		reply_add(&headers, "WWW-Authenticate", "Bearer");
	if (problem->retry_after_s) {
		snprintf(retry_after, sizeof(retry_after), "%d", problem->retry_after_s);
		reply_add(&headers, "Retry-After", retry_after);
	}
	char *text = problem_text(problem->status, problem->code, problem->member, problem->detail);
	http_reply(request, problem->status, headers.list, text, text ? strlen(text) : 0);
	free(text);
}

void reply_error(struct http_request *request, int status, const char *code)
{
	reply_refusal(request, status, code, NULL);
}

void reply_refusal(struct http_request *request, int status, const char *code, const char *detail)
{
	reply_problem(request,
		      &(struct problem_text){ .status = status, .code = code, .detail = detail });
}

static void json_headers(struct reply_headers *headers)
{
	reply_add(headers, "Content-Type", "application/json");
	reply_add(headers, "Cache-Control", "no-store");
	reply_add_cors(headers);
}

void reply_json_text(struct http_request *request, int status, const char *text, size_t len)
{
	struct reply_headers headers = { 0 };
	json_headers(&headers);
	http_reply(request, status, headers.list, text, len);
}

void reply_json_buf(struct http_request *request, struct buf *json)
{
	struct reply_headers headers = { 0 };
	json_headers(&headers);
	http_reply_buf(request, 200, headers.list, json);
}

void reply_options(struct http_request *request, const char *allow)
{
	struct reply_headers headers = { 0 };
	reply_add(&headers, "Allow", allow);
	http_reply(request, 204, headers.list, NULL, 0);
}

void reply_preflight(struct http_request *request)
{
	struct reply_headers headers = { 0 };
	reply_add_cors(&headers);
	reply_add(&headers, "Access-Control-Allow-Methods",
		  "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	reply_add(&headers, "Access-Control-Allow-Headers",
		  "Authorization, Content-Type, If-Match, Idempotency-Key, Range, Last-Event-ID");
	reply_add(&headers, "Access-Control-Max-Age", "86400");
	http_reply(request, 204, headers.list, NULL, 0);
}
