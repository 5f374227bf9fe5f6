/*
 * The answer to a request: the same for HTTP and for `order.result`. Also the rendering of problems
 * (RFC 9457), which the server uses for its own refusals. Pure functions; any thread.
 */
#ifndef SOUK_COMMERCE_ANSWER_H
#define SOUK_COMMERCE_ANSWER_H

#include "server/core/json.h"

#include <stdbool.h>
#include <stddef.h>

/* What a parser or a verb refuses; `code` is a literal of design section 9. */
struct problem {
	int status;
	const char *code;
	char member[64]; /* the bad member ("price.minor"); may be empty */
	char detail[128]; /* may be empty */
};

struct answer {
	int status;
	const char *code; /* of a problem; NULL when it went well */
	char *body; /* JSON text, exactly what HTTP sends; NULL for 204. A problem's is
		       application/problem+json */
	size_t body_len;
	char location[192]; /* for 201; empty when there is none */
	bool replayed; /* Idempotency-Replayed: true */
	int retry_after_s; /* 0: none */
};

/* 400 bad_request naming a member. Keeps the first fault. */
void problem_bad_request(struct problem *problem, const char *member, const char *detail);

/* Complete problem object as text; the caller frees. Member and detail may be NULL or empty. */
char *problem_text(int status, const char *code, const char *member, const char *detail)
	__attribute__((warn_unused_result));
char *problem_render(const struct problem *problem) __attribute__((warn_unused_result));

/* Sets status, code and body. `extra` (may be NULL) is an object whose members are added to the
 * problem; its reference stays the caller's. */
void answer_refuse(struct answer *answer, const struct problem *problem, const json_t *extra);

/* Sets status and the body; takes the reference of `body` (NULL: no body). */
void answer_give(struct answer *answer, int status, json_t *body);

/* Frees the body and zeroes the answer. */
void answer_finish(struct answer *answer);

#endif
