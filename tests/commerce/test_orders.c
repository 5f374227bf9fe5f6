#include "tests/commerce/engine_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

static struct engine_fixture f;

static void setup(void)
{
	fixture_start(&f);
	cr_assert(eq(int, ask_room(&f, "{\"id\":\"demo\",\"hold_s\":60}"), 201));
	cr_assert(eq(int,
		     ask_product(&f, "demo",
				 "{\"sku\":\"A1\",\"title\":\"Tea\",\"stock\":10,\"limit\":4,"
				 "\"price\":{\"minor\":500,\"cur\":\"CNY\"}}"),
		     201));
	cr_assert(eq(int,
		     ask_product(&f, "demo",
				 "{\"sku\":\"B2\",\"title\":\"Pot\",\"stock\":3,"
				 "\"price\":{\"minor\":2000,\"cur\":\"CNY\"}}"),
		     201));
}

static void teardown(void)
{
	cr_expect(eq(int, check_faults(f.dir, NULL), 0));
	fixture_stop(&f);
}

TestSuite(orders, .init = setup, .fini = teardown);

static int order_one(const char *sub, const char *key, int qty)
{
	char json[64];
	snprintf(json, sizeof(json), "{\"sku\":\"A1\",\"qty\":%d}", qty);
	return ask_order(&f, "demo", sub, key, json);
}

static void copy_id(char id[40])
{
	snprintf(id, 40, "%s", body_at(&f, "id"));
}

static void expect_stock(int left, int held, int sold)
{
	fixture_advance(&f, 50000);
	cr_expect(eq(i64, shown(&f, "A1", "left"), left));
	cr_expect(eq(i64, shown(&f, "A1", "held"), held));
	cr_expect(eq(i64, shown(&f, "A1", "sold"), sold));
}

Test(orders, placed_order_tells_what_is_charged)
{
	cr_assert(eq(int,
		     ask_order(&f, "demo", "ann", "k1",
			       "{\"items\":[{\"sku\":\"A1\",\"qty\":2,\"price_rev\":1},"
			       "{\"sku\":\"B2\",\"qty\":1}]}"),
		     201));
	cr_expect_str_eq(body_at(&f, "state"), "reserved");
	cr_expect_str_eq(body_at(&f, "room"), "demo");
	cr_expect_str_eq(body_at(&f, "total.minor"), "3000");
	cr_expect_str_eq(body_at(&f, "items.0.price.rev"), "1");
	cr_expect_str_eq(body_at(&f, "items.1.sku"), "B2");
	cr_expect_str_eq(body_at(&f, "shown_us"), "null");
	char id[40];
	copy_id(id);
	cr_expect(uuid_valid(id));
	cr_expect_str_eq(f.answer.location + strlen("/api/orders/"), id);
	expect_stock(8, 2, 0);
}

/* Each refusal, and that it leaves everything as it was. */
static const struct {
	const char *json;
	int status;
	const char *code;
	const char *member;
} refusals[] = {
	{ "{\"sku\":\"nope\",\"qty\":1}", 404, "not_found", "sku" },
	{ "{\"items\":[{\"sku\":\"A1\",\"qty\":99},{\"sku\":\"nope\",\"qty\":1}]}", 404,
	  "not_found", "sku" },
	{ "{\"sku\":\"A1\",\"qty\":5}", 409, "limit_reached", "" },
	{ "{\"items\":[{\"sku\":\"A1\",\"qty\":2},{\"sku\":\"A1\",\"qty\":3}]}", 409,
	  "limit_reached", "" },
	{ "{\"sku\":\"B2\",\"qty\":4}", 409, "sold_out", "" },
	{ "{\"items\":[{\"sku\":\"B2\",\"qty\":2},{\"sku\":\"B2\",\"qty\":2}]}", 409, "sold_out",
	  "" },
	{ "{\"items\":[{\"sku\":\"A1\",\"qty\":1},{\"sku\":\"B2\",\"qty\":4}]}", 409, "sold_out",
	  "" },
	{ "{\"sku\":\"A1\",\"qty\":1,\"price_rev\":9}", 409, "price_changed", "" },
	{ "{\"sku\":\"A1\",\"qty\":0}", 400, "bad_request", "qty" },
};

Test(orders, each_refusal_has_its_code_and_takes_nothing)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const int status = ask_order(&f, "demo", "ann", "same key", refusals[i].json);
		cr_expect(status == refusals[i].status, "%s", refusals[i].json);
		cr_expect_str_eq(body_at(&f, "code"), refusals[i].code, "%s", refusals[i].json);
		cr_expect_str_eq(body_at(&f, "member"), refusals[i].member, "%s", refusals[i].json);
		if (!strcmp(refusals[i].code, "limit_reached"))
			cr_expect_str_eq(body_at(&f, "limit"), "4");
	}
	expect_stock(10, 0, 0);
	cr_expect(eq(int, ask_order(&f, "none", "ann", "k", "{\"sku\":\"A1\",\"qty\":1}"), 404));
}

Test(orders, items_of_two_currencies_are_refused)
{
	ask_product(&f, "demo",
		    "{\"sku\":\"C3\",\"title\":\"x\",\"stock\":1,"
		    "\"price\":{\"minor\":1,\"cur\":\"EUR\"}}");
	cr_expect(
		eq(int,
		   ask_order(&f, "demo", "ann", "k",
			     "{\"items\":[{\"sku\":\"A1\",\"qty\":1},{\"sku\":\"C3\",\"qty\":1}]}"),
		   400));
	cr_expect_str_eq(body_at(&f, "member"), "items");
}

Test(orders, repeated_key_gets_the_same_answer)
{
	cr_assert(eq(int, order_one("ann", "k1", 2), 201));
	char first[1024];
	char id[40];
	copy_id(id);
	snprintf(first, sizeof(first), "%s", f.answer.body);
	cr_expect(not(f.answer.replayed));
	const struct caller ann = viewer("demo", "ann");
	cr_assert(eq(int, ask_change(&f, ORDER_PAY, id, "k2", &ann), 200));
	cr_assert(eq(int, order_one("ann", "k1", 2), 201));
	cr_expect_str_eq(f.answer.body, first);
	cr_expect(f.answer.replayed);
	cr_expect_str_eq(f.answer.location + strlen("/api/orders/"), id);
	/* shown_us is not compared, items are. */
	cr_expect(eq(int,
		     ask_order(&f, "demo", "ann", "k1",
			       "{\"items\":[{\"sku\":\"A1\",\"qty\":2}],\"shown_us\":1}"),
		     201));
	cr_expect(eq(int, order_one("ann", "k1", 1), 409));
	cr_expect_str_eq(body_at(&f, "code"), "key_reused");
	cr_expect(eq(int, ask_change(&f, ORDER_CANCEL, id, "k1", &ann), 409));
	cr_expect_str_eq(body_at(&f, "code"), "key_reused");
	cr_expect(eq(int, order_one("bob", "k1", 1), 201));
	cr_expect(not(f.answer.replayed));
	expect_stock(7, 1, 2);
}

Test(orders, refusal_does_not_bind_the_key)
{
	cr_assert(eq(int, order_one("ann", "k1", 5), 409));
	cr_assert(eq(int, order_one("ann", "k1", 4), 201));
	cr_expect(not(f.answer.replayed));
}

Test(orders, key_is_free_again_after_a_day)
{
	cr_assert(eq(int, order_one("ann", "k1", 1), 201));
	f.fake.now_us += INT64_C(24) * 3600 * 1000000 - 1000;
	fixture_settle(&f);
	cr_assert(eq(int, order_one("ann", "k1", 1), 201));
	cr_expect(f.answer.replayed);
	f.fake.now_us += 1000000;
	cr_assert(eq(int, order_one("ann", "k1", 2), 201));
	cr_expect(not(f.answer.replayed));
}

Test(orders, copies_in_flight_are_one_order)
{
	struct order_request request = { .room = "demo", .key = "k1", .shown_us = -1, .count = 1 };
	const struct caller ann = viewer("demo", "ann");
	snprintf(request.items[0].sku, sizeof(request.items[0].sku), "A1");
	request.items[0].qty = 1;
	for (int i = 0; i < 3; i++)
		engine_place_order(f.engine, &request, &ann, fixture_reply(&f));
	const int before = f.answers;
	fixture_settle(&f);
	cr_expect(eq(int, f.answers - before, 3));
	cr_expect(f.answer.replayed);
	cr_expect(eq(int, f.answer.status, 201));
	expect_stock(9, 1, 0);
}

Test(orders, seen_price_is_honoured_for_its_grace_and_a_cheaper_one_charged)
{
	ask_patch(&f, "demo", "A1", "{\"price\":{\"minor\":600,\"cur\":\"CNY\"}}");
	cr_expect_str_eq(body_at(&f, "price.rev"), "2");
	f.fake.now_us += 5000000; /* price_grace_ms */
	cr_assert(
		eq(int,
		   ask_order(&f, "demo", "ann", "k1", "{\"sku\":\"A1\",\"qty\":1,\"price_rev\":1}"),
		   201));
	cr_expect_str_eq(body_at(&f, "total.minor"), "500");
	f.fake.now_us += 1000;
	cr_assert(
		eq(int,
		   ask_order(&f, "demo", "ann", "k2", "{\"sku\":\"A1\",\"qty\":1,\"price_rev\":1}"),
		   409));
	cr_expect_str_eq(body_at(&f, "code"), "price_changed");
	cr_expect_str_eq(body_at(&f, "price.minor"), "600");
	cr_expect_str_eq(body_at(&f, "price.rev"), "2");
	ask_patch(&f, "demo", "A1", "{\"price\":{\"minor\":100,\"cur\":\"CNY\"}}");
	cr_assert(
		eq(int,
		   ask_order(&f, "demo", "ann", "k3", "{\"sku\":\"A1\",\"qty\":1,\"price_rev\":2}"),
		   201));
	cr_expect_str_eq(body_at(&f, "items.0.price.minor"), "100");
	cr_expect_str_eq(body_at(&f, "items.0.price.rev"), "3");
}

Test(orders, what_was_shown_is_clamped_and_marked)
{
	const int64_t now_us = f.fake.now_us + f.fake.clock.utc_offset_us;
	const struct {
		int64_t sent, kept;
		const char *clamped;
	} rows[] = {
		{ now_us - 1000, now_us - 1000, "false" },
		{ now_us - 61000000, now_us - 60000000, "true" },
		{ now_us + 1, now_us - 200000, "true" },
		{ INT64_MAX, now_us - 200000, "true" },
	};
	char json[128];
	char key[8];
	char kept[24];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (i == 2)
			engine_room_clock(f.engine, "demo", now_us - 200000, 4000);
		snprintf(json, sizeof(json), "{\"sku\":\"A1\",\"qty\":1,\"shown_us\":%lld}",
			 (long long)rows[i].sent);
		snprintf(key, sizeof(key), "k%zu", i);
		snprintf(kept, sizeof(kept), "%lld", (long long)rows[i].kept);
		cr_assert(eq(int, ask_order(&f, "demo", "ann", key, json), 201));
		cr_expect_str_eq(body_at(&f, "shown_us"), kept);
		cr_expect_str_eq(body_at(&f, "shown_clamped"), rows[i].clamped);
	}
}

Test(orders, cancelled_stock_and_limit_come_back)
{
	char id[40];
	const struct caller ann = viewer("demo", "ann");
	cr_assert(eq(int, order_one("ann", "k1", 4), 201));
	copy_id(id);
	cr_assert(eq(int, order_one("ann", "k2", 1), 409));
	cr_assert(eq(int, ask_change(&f, ORDER_CANCEL, id, "c1", &ann), 200));
	cr_expect_str_eq(body_at(&f, "state"), "cancelled");
	cr_assert(eq(int, ask_change(&f, ORDER_CANCEL, id, "c1", &ann), 200));
	cr_expect(f.answer.replayed);
	cr_assert(eq(int, ask_change(&f, ORDER_CANCEL, id, "c2", &ann), 409));
	cr_expect_str_eq(body_at(&f, "code"), "bad_state");
	cr_assert(eq(int, ask_change(&f, ORDER_PAY, id, "c3", &ann), 409));
	cr_assert(eq(int, order_one("ann", "k2", 4), 201));
	expect_stock(6, 4, 0);
}

Test(orders, hold_expires_by_the_clock)
{
	char id[40];
	const struct caller ann = viewer("demo", "ann");
	cr_assert(eq(int, order_one("ann", "k1", 3), 201));
	copy_id(id);
	fixture_advance(&f, 59900000);
	expect_stock(7, 3, 0);
	fixture_advance(&f, 200000);
	expect_stock(10, 0, 0);
	cr_assert(eq(int, ask_get(&f, id, &ann), 200));
	cr_expect_str_eq(body_at(&f, "state"), "expired");
}

Test(orders, late_payment_takes_the_stock_again_or_is_refused)
{
	char first[40];
	char second[40];
	const struct caller ann = viewer("demo", "ann");
	const struct caller bob = viewer("demo", "bob");
	cr_assert(eq(int, order_one("ann", "k1", 4), 201));
	copy_id(first);
	cr_assert(eq(int, order_one("bob", "k1", 4), 201));
	copy_id(second);
	fixture_advance(&f, 61000000);
	cr_assert(eq(int, ask_change(&f, ORDER_PAY, first, "p", &ann), 200));
	cr_expect_str_eq(body_at(&f, "state"), "paid");
	cr_assert(eq(int, ask_patch(&f, "demo", "A1", "{\"restock\":-4}"), 200));
	cr_assert(eq(int, ask_change(&f, ORDER_PAY, second, "p", &bob), 409));
	cr_expect_str_eq(body_at(&f, "code"), "sold_out");
	expect_stock(2, 0, 4);
}

Test(orders, life_of_a_paid_order)
{
	char id[40];
	const struct caller ann = viewer("demo", "ann");
	const struct caller boss = host("demo", "boss");
	cr_assert(eq(int, order_one("ann", "k1", 2), 201));
	copy_id(id);
	cr_expect(eq(int, ask_change(&f, ORDER_REFUND, id, "r", &boss), 409));
	cr_assert(eq(int, ask_change(&f, ORDER_PAY, id, "p", &ann), 200));
	expect_stock(8, 0, 2);
	cr_expect(eq(int, ask_change(&f, ORDER_REFUND, id, "r", &ann), 403));
	cr_expect(eq(int, ask_change(&f, ORDER_FULFIL, id, "", &ann), 403));
	cr_expect(eq(int, ask_change(&f, ORDER_CANCEL, id, "c", &ann), 409));
	cr_assert(eq(int, ask_change(&f, ORDER_REFUND, id, "r", &boss), 200));
	cr_expect_str_eq(body_at(&f, "state"), "refunded");
	cr_assert(eq(int, ask_change(&f, ORDER_REFUND, id, "r", &boss), 200));
	cr_expect(f.answer.replayed);
	expect_stock(10, 0, 0);
	cr_assert(eq(int, order_one("ann", "k2", 1), 201));
	copy_id(id);
	cr_assert(eq(int, ask_change(&f, ORDER_PAY, id, "p2", &ann), 200));
	cr_assert(eq(int, ask_change(&f, ORDER_FULFIL, id, "", &boss), 200));
	cr_expect_str_eq(body_at(&f, "state"), "fulfilled");
	cr_expect(eq(int, ask_change(&f, ORDER_FULFIL, id, "", &boss), 409));
	expect_stock(9, 0, 1);
}

Test(orders, only_the_buyer_and_the_host_see_an_order)
{
	char id[40];
	cr_assert(eq(int, order_one("ann", "k1", 1), 201));
	copy_id(id);
	const struct caller callers[] = { viewer("demo", "ann"), host("demo", "boss"),
					  host("*", "root"),     viewer("demo", "bob"),
					  host("other", "boss"), viewer("other", "ann") };
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
		const int expected = i < 3 ? 200 : 404;
		cr_expect(eq(int, ask_get(&f, id, &callers[i]), expected));
		cr_expect(eq(int, ask_list(&f, &callers[i], "", 10), 200));
		cr_expect_str_eq(body_at(&f, "items.0.id"), i < 3 ? id : "");
		if (expected == 404)
			cr_expect(eq(int, ask_change(&f, ORDER_CANCEL, id, "c", &callers[i]), 404));
	}
}

Test(orders, lists_come_in_pages_newest_first)
{
	char key[16];
	const struct caller ann = viewer("demo", "ann");
	const struct caller boss = host("demo", "boss");
	char cursor[40] = "";
	char ids[3][40];
	for (int i = 0; i < 3; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		cr_assert(eq(int, order_one("ann", key, 1), 201));
		copy_id(ids[i]);
		cr_assert(eq(int, order_one("bob", key, 1), 201));
	}
	cr_assert(eq(int, ask_list(&f, &ann, "", 2), 200));
	cr_expect(eq(sz, json_array_size(json_object_get(f.body, "items")), 2));
	cr_expect_str_eq(body_at(&f, "items.0.id"), ids[2]);
	cr_expect_str_eq(body_at(&f, "items.1.id"), ids[1]);
	snprintf(cursor, sizeof(cursor), "%s", body_at(&f, "next"));
	cr_expect_str_eq(cursor, body_at(&f, "items.1.id"));
	cr_assert(eq(int, ask_list(&f, &ann, cursor, 2), 200));
	cr_expect(eq(sz, json_array_size(json_object_get(f.body, "items")), 1));
	cr_expect_str_eq(body_at(&f, "items.0.id"), ids[0]);
	cr_expect_str_eq(body_at(&f, "next"), "null");
	cr_expect(eq(int, ask_list(&f, &ann, ids[0], 2), 200)); /* behind the last one */
	cr_expect(eq(sz, json_array_size(json_object_get(f.body, "items")), 0));
	cr_expect(eq(int, ask_list(&f, &ann, "nothing", 2), 400));
	cr_expect_str_eq(body_at(&f, "member"), "after");
	cr_assert(eq(int, ask_list(&f, &boss, "", 6), 200));
	cr_expect(eq(sz, json_array_size(json_object_get(f.body, "items")), 6));
	cr_expect_str_eq(body_at(&f, "next"), "null");
}

Test(orders, removed_product_keeps_its_orders_and_its_price_numbers)
{
	char id[40];
	const struct caller ann = viewer("demo", "ann");
	cr_assert(eq(int, order_one("ann", "k1", 2), 201));
	copy_id(id);
	cr_assert(eq(int, ask_remove(&f, "demo", "A1"), 204));
	cr_assert(eq(int, order_one("bob", "k1", 1), 404));
	cr_assert(eq(int, ask_change(&f, ORDER_PAY, id, "p", &ann), 200));
	cr_assert(eq(int,
		     ask_product(&f, "demo",
				 "{\"sku\":\"A1\",\"title\":\"Tea\",\"stock\":1,"
				 "\"price\":{\"minor\":900,\"cur\":\"CNY\"}}"),
		     201));
	cr_expect_str_eq(body_at(&f, "price.rev"), "2");
	cr_expect(
		eq(int,
		   ask_order(&f, "demo", "bob", "k2", "{\"sku\":\"A1\",\"qty\":1,\"price_rev\":1}"),
		   409));
}
