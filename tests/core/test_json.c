#include "server/core/json.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

static const char *const refused[] = {
	"",
	"{",
	"{} x",
	"{\"a\":1,\"a\":2}",
	"{\"a\":1e400,}",
	"{\"a\":1e400e}",
	"\"text\"",
	"nul",
	"{\"a\":\"\\ud800\"}",
	"{\"a\":\"\\u0000\"}",
	"{\"a\":099999999999999999999}",
	"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
};

Test(json, refuses_what_is_not_one_bounded_value)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		cr_assert(eq(ptr, json_parse(refused[i], strlen(refused[i])), NULL), "%s",
			  refused[i]);
}

static struct json_reader read_text(const char *text, json_t **value)
{
	struct json_reader reader;
	*value = json_parse(text, strlen(text));
	json_reader_init(&reader, *value);
	return reader;
}

Test(json, names_the_first_member_at_fault)
{
	json_t *value;
	struct json_reader reader = read_text("{\"price\":{\"minor\":1.5},\"qty\":\"1\"}", &value);
	struct json_reader price = json_enter(&reader, "price");
	json_int(&price, "minor", 0, 100);
	json_leave(&reader, &price, "price");
	json_int(&reader, "qty", 1, 999);
	cr_assert(reader.bad);
	cr_assert(eq(str, reader.member, "price.minor"));
	json_decref(value);
}

static const char *const too_large[] = { "9223372036854775808", "-9223372036854775809",
					 "99999999999999999999999999999999", "1e400", "-1.5E+999" };

Test(json, a_number_that_nobody_can_hold_is_the_fault_of_its_member)
{
	for (size_t i = 0; i < sizeof(too_large) / sizeof(*too_large); i++) {
		char text[120];
		snprintf(text, sizeof(text), "{\"no\\\"1e400\":[%s],\"ok\":7,\"qty\":%s}",
			 too_large[i], too_large[i]);
		json_t *value;
		struct json_reader reader = read_text(text, &value);
		cr_assert(eq(i64, json_int(&reader, "ok", 1, 999), 7), "%s", text);
		json_int(&reader, "qty", 1, 999);
		cr_assert(eq(str, reader.member, "qty"));
		json_decref(value);
	}
	static const char cut[] = "{\"a\":1e400}\0";
	cr_assert(eq(ptr, json_parse(cut, sizeof(cut)), NULL));
}

Test(json, null_counts_as_absent_and_ranges_are_kept)
{
	json_t *value;
	struct json_reader reader = read_text("{\"limit\":null,\"qty\":1000}", &value);
	cr_assert(eq(i64, json_int_or(&reader, "limit", 1, 9, 5), 5));
	cr_assert(not(reader.bad));
	json_int(&reader, "qty", 1, 999);
	cr_assert(eq(str, reader.member, "qty"));
	json_decref(value);
}

Test(json, says_where_and_why_a_text_is_refused)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "{\"a\":1,\"a\":2}", "line 1, column 10: duplicate object key" },
		{ "{\n\"a\":1,\"a\":2}", "line 2, column 9: duplicate object key" },
		{ "{\"a\":\"\xff\"}", "line 1, column 6: unable to decode byte 0xff" },
		{ "{} x", "line 1, column 4: end of file expected" },
		{ "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "more than 16 levels" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char why[JSON_WHY_SIZE] = "";
		cr_expect(eq(ptr, json_parse_why(rows[i].text, strlen(rows[i].text), why), NULL));
		cr_expect(eq(str, why, (char *)rows[i].why));
	}
}
