#include "commerce/answer.h"

#include "server/core/http_status.h"
#include "server/core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void problem_bad_request(struct problem *problem, const char *member, const char *detail)
{
	if (problem->status)
		return;
	*problem = (struct problem){ .status = 400, .code = "bad_request" };
	snprintf(problem->member, sizeof(problem->member), "%s", member ? member : "");
	snprintf(problem->detail, sizeof(problem->detail), "%s", detail ? detail : "");
}

/* RFC 9457 §3.1: with "about:blank" the title is the status phrase. */
static json_t *problem_object(int status, const char *code, const char *member, const char *detail)
{
	json_t *object = json_object();
	json_object_set_new(object, "type", json_string("about:blank"));
	json_object_set_new(object, "title", json_string(http_reason(status)));
	json_object_set_new(object, "status", json_integer(status));
	json_object_set_new(object, "code", json_string(code));
	if (member && member[0])
		json_object_set_new(object, "member", json_string(member));
	if (detail && detail[0])
		json_object_set_new(object, "detail", json_string(detail));
	return object;
}

char *problem_text(int status, const char *code, const char *member, const char *detail)
{
	json_t *object = problem_object(status, code, member, detail);
	char *text = json_text(object);
	json_decref(object);
	return text;
}

char *problem_render(const struct problem *problem)
{
	return problem_text(problem->status, problem->code, problem->member, problem->detail);
}

static void set_body(struct answer *answer, json_t *body)
{
	free(answer->body);
	answer->body = body ? json_text(body) : NULL;
	answer->body_len = answer->body ? strlen(answer->body) : 0;
	json_decref(body);
}

void answer_refuse(struct answer *answer, const struct problem *problem, const json_t *extra)
{
	json_t *object =
		problem_object(problem->status, problem->code, problem->member, problem->detail);
	if (extra)
		json_object_update(object, (json_t *)(uintptr_t)extra);
	answer->status = problem->status;
	answer->code = problem->code;
	set_body(answer, object);
}

void answer_give(struct answer *answer, int status, json_t *body)
{
	answer->status = status;
	answer->code = NULL;
	set_body(answer, body);
}

void answer_finish(struct answer *answer)
{
	free(answer->body);
	*answer = (struct answer){ 0 };
}
