#include "commerce/request.h"
#include "server/core/json.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

enum kind { ORDER, PRODUCT, PATCH, ROOM, ROOM_PATCH, PIN };

/* What a stranger may send; member NULL: accepted. */
static const struct {
	enum kind kind;
	const char *json;
	const char *member;
} rows[] = {
	{ ORDER, "{\"sku\":\"A1\",\"qty\":1}", NULL },
	{ ORDER, "{\"sku\":\"A1\",\"qty\":999,\"price_rev\":7,\"shown_us\":5,\"more\":[]}", NULL },
	{ ORDER, "{\"items\":[{\"sku\":\"A\",\"qty\":1},{\"sku\":\"B\",\"qty\":2}]}", NULL },
	{ ORDER, "[]", "" },
	{ ORDER, "{}", "sku" },
	{ ORDER, "{\"sku\":\"A1\"}", "qty" },
	{ ORDER, "{\"sku\":\"A1\",\"qty\":0}", "qty" },
	{ ORDER, "{\"sku\":\"A1\",\"qty\":1000}", "qty" },
	{ ORDER, "{\"sku\":\"A1\",\"qty\":1.0}", "qty" },
	{ ORDER, "{\"sku\":\"A1\",\"qty\":\"1\"}", "qty" },
	{ ORDER, "{\"sku\":\"A 1\",\"qty\":1}", "sku" },
	{ ORDER, "{\"sku\":\"\",\"qty\":1}", "sku" },
	{ ORDER, "{\"sku\":\"A1\",\"qty\":1,\"price_rev\":0}", "price_rev" },
	{ ORDER, "{\"sku\":\"A1\",\"qty\":1,\"shown_us\":-1}", "shown_us" },
	{ ORDER, "{\"items\":[]}", "items" },
	{ ORDER, "{\"items\":{}}", "items" },
	{ ORDER, "{\"items\":[1]}", "items.0" },
	{ ORDER, "{\"items\":[{\"sku\":\"A\",\"qty\":1},{\"sku\":\"A\",\"qty\":-1}]}",
	  "items.1.qty" },
	{ PRODUCT,
	  "{\"sku\":\"A1\",\"title\":\"t\",\"price\":{\"minor\":0,\"cur\":\"CNY\"},\"stock\":0}",
	  NULL },
	{ PRODUCT,
	  "{\"sku\":\"A1\",\"title\":\"t\",\"image\":\"/files/a.png\",\"limit\":1000000000,"
	  "\"price\":{\"minor\":1,\"cur\":\"CNY\"},\"stock\":1000000000}",
	  NULL },
	{ PRODUCT,
	  "{\"sku\":\"A1\",\"title\":\"t\",\"price\":{\"minor\":-1,\"cur\":\"CNY\"},\"stock\":0}",
	  "price.minor" },
	{ PRODUCT,
	  "{\"sku\":\"A1\",\"title\":\"t\",\"price\":{\"minor\":1,\"cur\":\"cny\"},\"stock\":0}",
	  "price.cur" },
	{ PRODUCT, "{\"sku\":\"A1\",\"title\":\"t\",\"price\":5,\"stock\":0}", "price" },
	{ PRODUCT,
	  "{\"sku\":\"A1\",\"title\":\"t\",\"price\":{\"minor\":1,\"cur\":\"CNY\"},"
	  "\"stock\":1000000001}",
	  "stock" },
	{ PRODUCT, "{\"sku\":\"A1\",\"price\":{\"minor\":1,\"cur\":\"CNY\"},\"stock\":1}",
	  "title" },
	{ PRODUCT,
	  "{\"sku\":\"A1\",\"title\":\"t\",\"image\":\"http://x/\","
	  "\"price\":{\"minor\":1,\"cur\":\"CNY\"},\"stock\":1}",
	  "image" },
	{ PRODUCT,
	  "{\"sku\":\"A1\",\"title\":\"t\",\"image\":\"https://x/\\\"onload=\","
	  "\"price\":{\"minor\":1,\"cur\":\"CNY\"},\"stock\":1}",
	  "image" },
	{ PRODUCT,
	  "{\"sku\":\"A1\",\"title\":\"t\",\"limit\":0,"
	  "\"price\":{\"minor\":1,\"cur\":\"CNY\"},\"stock\":1}",
	  NULL },
	{ PATCH, "{\"limit\":0}", NULL },
	{ PATCH, "{\"limit\":-1}", "limit" },
	{ PATCH, "{\"image\":\"/files/../studio\"}", "image" },
	{ PATCH, "{\"image\":\"/files/\"}", "image" },
	{ PATCH, "{\"image\":\"\"}", "image" },
	{ PATCH, "{\"image\":null}", NULL },
	{ PATCH, "{\"image\":\"https://\"}", "image" },
	{ PATCH, "{\"image\":\"https://cdn.example/a/../b.jpg?w=1\"}", NULL },
	{ ORDER, "{\"items\":[{\"sku\":\"A\",\"qty\":1}],\"sku\":\"B\"}", "sku" },
	{ ORDER, "{\"items\":[{\"sku\":\"A\",\"qty\":1}],\"qty\":1}", "qty" },
	{ ROOM, "{\"id\":\"demo\",\"title\":\"\"}", "title" },
	{ ROOM, "{\"id\":\"demo\",\"title\":null}", NULL },
	{ PATCH, "{}", NULL },
	{ PATCH, "{\"restock\":-5,\"limit\":null}", NULL },
	{ PATCH, "{\"restock\":1000000001}", "restock" },
	{ PATCH, "{\"stock\":5}", "stock" },
	{ PATCH, "{\"title\":\"\"}", "title" },
	{ PATCH, "{\"price\":{\"minor\":1}}", "price.cur" },
	{ ROOM, "{\"id\":\"demo\"}", NULL },
	{ ROOM, "{\"id\":\"demo\",\"title\":\"T\",\"access\":\"token\",\"hold_s\":60}", NULL },
	{ ROOM, "{\"id\":\"de/mo\"}", "id" },
	{ ROOM, "{\"title\":\"demo\"}", "id" },
	{ ROOM, "{\"id\":\"demo\",\"access\":\"secret\"}", "access" },
	{ ROOM, "{\"id\":\"demo\",\"guest_orders\":1}", "guest_orders" },
	{ ROOM, "{\"id\":\"demo\",\"hold_s\":0}", "hold_s" },
	{ ROOM_PATCH, "{\"price_grace_ms\":0}", NULL },
	{ ROOM_PATCH, "{\"price_grace_ms\":-1}", "price_grace_ms" },
	{ ROOM_PATCH, "{\"record\":\"yes\"}", "record" },
	{ PIN, "{\"sku\":\"A1\",\"at_us\":1795226035123456}", NULL },
	{ PIN, "{\"at_us\":1}", "sku" },
	{ PIN, "{\"sku\":\"A1\",\"at_us\":\"now\"}", "at_us" },
};

static int parse(enum kind kind, const json_t *body, struct problem *problem)
{
	static union {
		struct order_request order;
		struct product_request product;
		struct product_patch patch;
		struct room_request room;
		struct room_patch room_patch;
		struct pin_request pin;
	} out;
	switch (kind) {
	case ORDER:
		return order_request_parse(&out.order, body, problem);
	case PRODUCT:
		return product_parse(&out.product, body, problem);
	case PATCH:
		return product_patch_parse(&out.patch, body, problem);
	case ROOM:
		return room_parse(&out.room, body, problem);
	case ROOM_PATCH:
		return room_patch_parse(&out.room_patch, body, problem);
	default:
		return pin_parse(&out.pin, body, problem);
	}
}

Test(request, each_body_is_accepted_or_its_bad_member_named)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct problem problem = { 0 };
		json_t *body = json_parse(rows[i].json, strlen(rows[i].json));
		const int err = parse(rows[i].kind, body, &problem);
		json_decref(body);
		cr_expect(err == (rows[i].member ? -22 : 0), "%s", rows[i].json);
		cr_expect_str_eq(problem.member, rows[i].member ? rows[i].member : "", "%s",
				 rows[i].json);
		cr_expect(problem.status == (err ? 400 : 0), "%s", rows[i].json);
	}
}

static int parse_title(const char *character, int count, struct problem *problem)
{
	char text[1024] = "{\"id\":\"demo\",\"title\":\"";
	for (int i = 0; i < count; i++)
		strcat(text, character);
	strcat(text, "\"}");
	json_t *body = json_parse(text, strlen(text));
	struct room_request room;
	const int err = room_parse(&room, body, problem);
	cr_expect(err || strlen(room.settings.title) == strlen(character) * (size_t)count);
	json_decref(body);
	return err;
}

Test(request, a_title_has_200_characters_whatever_their_size)
{
	static const char *const characters[] = { "a", "\u00e9", "\u8336", "\U0001f375" };
	for (size_t i = 0; i < 4; i++) {
		struct problem problem = { 0 };
		cr_expect(eq(int, parse_title(characters[i], 200, &problem), 0));
		cr_expect(eq(int, parse_title(characters[i], 201, &problem), -22));
		cr_expect(eq(str, problem.detail, "must be 1 to 200 characters"));
	}
}

Test(request, what_is_wrong_is_said)
{
	static const struct {
		enum kind kind;
		const char *json, *detail;
	} told[] = {
		{ ORDER, "{\"sku\":\"A1\"}", "is missing" },
		{ ORDER, "{\"sku\":\"A1\",\"qty\":1.5}", "must be an integer, 1 to 999" },
		{ ORDER, "{\"items\":[{\"sku\":\"A\",\"qty\":0}]}",
		  "must be an integer, 1 to 999" },
		{ ORDER, "{\"items\":[1]}", "must be an object" },
		{ PATCH, "{\"price\":5}", "must be an object" },
		{ PATCH, "{\"stock\":5}", "changes by restock alone" },
		{ ROOM, "{\"id\":\"a b\"}", "must be 1 to 64 of A-Z a-z 0-9 _ -" },
		{ ROOM, "{\"id\":\"a\",\"record\":1}", "must be true or false" },
		{ PIN, "{\"sku\":\"A1\",\"at_us\":-1}", "must be an integer from 0 on" },
	};
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		struct problem problem = { 0 };
		json_t *body = json_parse(told[i].json, strlen(told[i].json));
		cr_expect(eq(int, parse(told[i].kind, body, &problem), -22));
		cr_expect(eq(str, problem.detail, (char *)told[i].detail));
		json_decref(body);
	}
}

Test(request, twenty_items_are_the_most)
{
	char text[1024] = "{\"items\":[";
	for (int i = 0; i < 20; i++)
		strcat(text, i ? ",{\"sku\":\"A\",\"qty\":1}" : "{\"sku\":\"A\",\"qty\":1}");
	struct problem problem = { 0 };
	struct order_request order;
	char full[1100];
	snprintf(full, sizeof(full), "%s]}", text);
	json_t *body = json_parse(full, strlen(full));
	cr_assert(eq(int, order_request_parse(&order, body, &problem), 0));
	cr_assert(eq(uint, order.count, 20));
	json_decref(body);
	snprintf(full, sizeof(full), "%s,{\"sku\":\"A\",\"qty\":1}]}", text);
	body = json_parse(full, strlen(full));
	cr_assert(eq(int, order_request_parse(&order, body, &problem), -22));
	json_decref(body);
}

Test(request, idempotency_key_is_visible_ascii)
{
	char key[NAME_MAX_LEN + 1];
	char longest[66];
	memset(longest, 'k', sizeof(longest));
	longest[64] = '\0';
	struct problem problem = { 0 };
	cr_expect(eq(int, idempotency_key_parse(key, "!~a", &problem), 0));
	cr_expect(eq(int, idempotency_key_parse(key, longest, &problem), 0));
	longest[64] = 'k';
	longest[65] = '\0';
	cr_expect(eq(int, idempotency_key_parse(key, longest, &problem), -22));
	cr_expect(eq(int, idempotency_key_parse(key, "", &problem), -22));
	cr_expect(eq(int, idempotency_key_parse(key, NULL, &problem), -22));
	cr_expect(eq(int, idempotency_key_parse(key, "a b", &problem), -22));
	cr_expect(eq(int, idempotency_key_parse(key, "\xc3\xa9", &problem), -22));
	cr_expect_str_eq(problem.member, "Idempotency-Key");
}

Test(request, pages_have_bounds)
{
	struct page_request page;
	struct problem problem = { 0 };
	cr_expect(eq(int, page_parse(&page, NULL, NULL, &problem), 0));
	cr_expect(eq(uint, page.limit, 50));
	cr_expect(eq(int, page_parse(&page, "A1", "200", &problem), 0));
	cr_expect(eq(uint, page.limit, 200));
	static const char *const bad[] = { "0", "201", "-1", "x", "", "1x", "99999999999" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect(eq(int, page_parse(&page, NULL, bad[i], &problem), -22), "%s", bad[i]);
	cr_expect(eq(int, page_parse(&page, "a/b", NULL, &problem), -22));
}

Test(request, our_ids_are_lower_case_uuids)
{
	cr_expect(uuid_valid("0192f3a0-0000-7000-8000-00000000abcd"));
	cr_expect(not(uuid_valid("0192f3a0-0000-7000-8000-00000000ABCD")));
	cr_expect(not(uuid_valid("0192f3a0-0000-7000-8000-00000000abc")));
	cr_expect(not(uuid_valid("0192f3a0-0000-7000-8000-00000000abcde")));
}
