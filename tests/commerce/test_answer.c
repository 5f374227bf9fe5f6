#include "commerce/answer.h"
#include "commerce/caller.h"
#include "tests/commerce/engine_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

Test(answer, problem_is_that_of_rfc_9457)
{
	char *text = problem_text(409, "sold_out", NULL, "not enough left");
	cr_expect_str_eq(text, "{\"type\":\"about:blank\",\"title\":\"Conflict\",\"status\":409,"
			       "\"code\":\"sold_out\",\"detail\":\"not enough left\"}");
	free(text);
	text = problem_text(400, "bad_request", "price.minor", "");
	cr_expect_str_eq(text, "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
			       "\"code\":\"bad_request\",\"member\":\"price.minor\"}");
	free(text);
}

Test(answer, each_status_of_the_contract_has_a_title)
{
	static const int statuses[] = { 400, 401, 403, 404, 405, 406, 409, 410, 412,
					413, 415, 422, 428, 429, 431, 500, 503 };
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		char *text = problem_text(statuses[i], "x", NULL, NULL);
		cr_expect(strstr(text, "\"Error\"") == NULL, "%d", statuses[i]);
		free(text);
	}
}

Test(answer, first_fault_is_kept)
{
	struct problem problem = { 0 };
	problem_bad_request(&problem, "sku", "first");
	problem_bad_request(&problem, "qty", "second");
	cr_expect_str_eq(problem.member, "sku");
	cr_expect_str_eq(problem.detail, "first");
}

Test(answer, refusal_takes_more_members_and_can_be_replaced)
{
	struct answer answer = { 0 };
	struct problem problem = { .status = 409, .code = "price_changed" };
	json_t *extra = json_pack("{s:s}", "sku", "A1");
	answer_refuse(&answer, &problem, extra);
	json_decref(extra);
	cr_expect(eq(sz, answer.body_len, strlen(answer.body)));
	cr_expect(strstr(answer.body, "\"sku\":\"A1\"") != NULL);
	cr_expect_str_eq(answer.code, "price_changed");
	answer_give(&answer, 200, json_pack("{s:i}", "v", 1));
	cr_expect(eq(int, answer.status, 200));
	cr_expect(answer.code == NULL);
	cr_expect_str_eq(answer.body, "{\"v\":1}");
	answer_give(&answer, 204, NULL);
	cr_expect(answer.body == NULL);
	answer_finish(&answer);
}

Test(answer, token_is_for_its_room_or_for_all)
{
	const struct caller one = viewer("demo", "ann");
	const struct caller all = host("*", "root");
	cr_expect(caller_in_room(&one, "demo"));
	cr_expect(not(caller_in_room(&one, "demo2")));
	cr_expect(caller_in_room(&all, "anything"));
}
