#include "server/core/buf.h"
#include "server/core/bytes.h"
#include "tests/commerce/engine_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEA \
	"{\"sku\":\"A1\",\"title\":\"Tea\",\"stock\":1000," \
	"\"price\":{\"minor\":500,\"cur\":\"CNY\"}}"

static struct engine_fixture f;

static void setup(void)
{
	fixture_start(&f);
	cr_assert(eq(int, ask_room(&f, "{\"id\":\"demo\",\"title\":\"Demo\"}"), 201));
}

static void teardown(void)
{
	cr_expect(eq(int, check_faults(f.dir, NULL), 0));
	fixture_stop(&f);
}

TestSuite(engine, .init = setup, .fini = teardown);

Test(engine, room_has_defaults_and_can_be_changed)
{
	cr_expect_str_eq(f.answer.location, "/api/rooms/demo");
	cr_expect_str_eq(body_at(&f, "access"), "public");
	cr_expect_str_eq(body_at(&f, "price_grace_ms"), "5000");
	cr_expect_str_eq(body_at(&f, "hold_s"), "300");
	cr_expect_str_eq(body_at(&f, "host_grace_s"), "60");
	cr_expect_str_eq(body_at(&f, "guest_orders"), "false");
	cr_expect_str_eq(body_at(&f, "state"), "idle");
	cr_expect_str_eq(body_at(&f, "pinned"), "null");
	cr_expect(eq(int, ask_room(&f, "{\"id\":\"demo\"}"), 409));
	cr_expect_str_eq(body_at(&f, "code"), "exists");
	cr_assert(eq(int, ask_patch_room(&f, "demo", "{\"access\":\"token\"}"), 200));
	cr_expect_str_eq(body_at(&f, "title"), "Demo");
	cr_expect(f.snapshot->settings.token_access);
	cr_expect(eq(int, ask_patch_room(&f, "none", "{}"), 404));
}

Test(engine, rooms_are_listed_by_id_in_pages)
{
	ask_room(&f, "{\"id\":\"b\"}");
	ask_room(&f, "{\"id\":\"a\"}");
	struct page_request page = { .limit = 2 };
	engine_list_rooms(f.engine, &page, fixture_reply(&f));
	fixture_settle(&f);
	cr_expect_str_eq(body_at(&f, "items.0.id"), "a");
	cr_expect_str_eq(body_at(&f, "next"), "b");
	snprintf(page.after, sizeof(page.after), "b");
	engine_list_rooms(f.engine, &page, fixture_reply(&f));
	fixture_settle(&f);
	cr_expect_str_eq(body_at(&f, "items.0.id"), "demo");
	cr_expect_str_eq(body_at(&f, "next"), "null");
}

Test(engine, deleted_room_is_gone_and_its_numbers_go_on)
{
	engine_room_state(f.engine, "demo", ROOM_LIVE, 1);
	fixture_settle(&f);
	engine_delete_room(f.engine, "demo", fixture_reply(&f));
	fixture_settle(&f);
	cr_expect(eq(int, f.answer.status, 204));
	cr_expect(f.answer.body == NULL);
	cr_expect(f.gone);
	cr_expect(eq(int, events_of(&f, "room.ended"), 1));
	cr_expect(eq(int, ask_product(&f, "demo", TEA), 404));
	cr_assert(eq(int, ask_room(&f, "{\"id\":\"demo\"}"), 201));
	cr_expect_str_eq(body_at(&f, "epoch"), "1");
	cr_assert(eq(int, ask_product(&f, "demo", TEA), 201));
	cr_expect_str_eq(json_at(last_event(&f, "product.add"), "seq"), "3");
	cr_expect(eq(int, ask_events(&f, "demo", "1", 10), 410));
	cr_expect(eq(int, ask_events(&f, "demo", "2", 10), 200));
}

Test(engine, events_are_numbered_without_gaps_and_complete)
{
	ask_product(&f, "demo", TEA);
	engine_room_clock(f.engine, "demo", 0, 4000);
	cr_assert(eq(int, ask_pin(&f, "demo", "{\"sku\":\"A1\"}"), 200));
	cr_expect_str_eq(body_at(&f, "type"), "product.pin");
	cr_expect_str_eq(body_at(&f, "err_us"), "4000");
	cr_expect_str_eq(body_at(&f, "data.price.minor"), "500");
	cr_expect_str_eq(body_at(&f, "data.left"), "1000");
	cr_expect_str_eq(f.snapshot->pinned, "A1");
	ask_patch(&f, "demo", "A1",
		  "{\"title\":\"Tea!\",\"price\":{\"minor\":400,\"cur\":\"CNY\"},\"restock\":5}");
	ask_remove(&f, "demo", "A1");
	static const char *const expected[] = { "product.add",   "product.pin", "product.update",
						"price",         "stock",       "product.unpin",
						"product.remove" };
	cr_assert(eq(int, f.event_count, 7));
	for (int i = 0; i < 7; i++) {
		char seq[16];
		snprintf(seq, sizeof(seq), "%d", i + 1);
		cr_expect_str_eq(json_at(f.events[i], "type"), expected[i]);
		cr_expect_str_eq(json_at(f.events[i], "seq"), seq);
		cr_expect_str_eq(json_at(f.events[i], "v"), "1");
		cr_expect_str_eq(json_at(f.events[i], "room"), "demo");
		cr_expect(uuid_valid(json_at(f.events[i], "id")));
	}
	cr_expect_str_eq(json_at(f.events[4], "data.left"), "1005");
	cr_expect(eq(int, ask_events(&f, "demo", "", 5), 200));
	cr_expect_str_eq(body_at(&f, "items.4.type"), "stock");
	cr_expect_str_eq(body_at(&f, "next"), "5");
	cr_expect(eq(int, ask_events(&f, "demo", "5", 5), 200));
	cr_expect_str_eq(body_at(&f, "items.1.type"), "product.remove");
	cr_expect_str_eq(body_at(&f, "next"), "null");
	cr_expect(eq(int, ask_events(&f, "demo", "x", 5), 400));
	cr_expect(eq(int, ask_events(&f, "demo", "99", 5), 200));
}

Test(engine, pin_applies_now_or_later_but_never_in_the_past)
{
	ask_product(&f, "demo", TEA);
	const long long now_us = f.fake.now_us + f.fake.clock.utc_offset_us;
	const long long rows[][2] = { { now_us - 5, now_us }, { now_us + 5, now_us + 5 } };
	char json[64];
	char text[24];
	for (int i = 0; i < 2; i++) {
		snprintf(json, sizeof(json), "{\"sku\":\"A1\",\"at_us\":%lld}", rows[i][0]);
		snprintf(text, sizeof(text), "%lld", rows[i][1]);
		cr_expect(eq(int, ask_pin(&f, "demo", json), 200));
		cr_expect_str_eq(body_at(&f, "at_us"), text);
	}
	cr_expect(eq(int, ask_pin(&f, "demo", "{\"sku\":\"A1\",\"at_us\":9000000000000000}"), 400));
	cr_expect_str_eq(body_at(&f, "member"), "at_us");
	cr_expect(eq(int, ask_pin(&f, "demo", "{\"sku\":\"B2\"}"), 404));
	cr_expect_str_eq(body_at(&f, "member"), "sku");
	engine_unpin(f.engine, "demo", fixture_reply(&f));
	fixture_settle(&f);
	cr_expect(eq(int, f.answer.status, 204));
	cr_expect_str_eq(f.snapshot->pinned, "");
	engine_unpin(f.engine, "demo", fixture_reply(&f));
	fixture_settle(&f);
	cr_expect(eq(int, events_of(&f, "product.unpin"), 1));
}

Test(engine, shelf_refuses_what_it_must)
{
	cr_assert(eq(int, ask_product(&f, "demo", TEA), 201));
	cr_expect_str_eq(body_at(&f, "stock"), "1000");
	cr_expect_str_eq(body_at(&f, "limit"), "null");
	cr_expect(eq(int, ask_product(&f, "demo", TEA), 409));
	cr_expect_str_eq(body_at(&f, "code"), "exists");
	cr_expect(eq(int, ask_patch(&f, "demo", "A1", "{\"restock\":-1001}"), 409));
	cr_expect_str_eq(body_at(&f, "code"), "bad_state");
	cr_expect(eq(int, ask_patch(&f, "demo", "A1", "{\"restock\":-1000}"), 200));
	cr_expect_str_eq(body_at(&f, "left"), "0");
	cr_expect(eq(int, ask_patch(&f, "demo", "A1", "{\"restock\":1000000000}"), 200));
	cr_expect(eq(int, ask_patch(&f, "demo", "A1", "{\"restock\":1}"), 409));
	cr_expect_str_eq(body_at(&f, "member"), "restock");
	cr_expect(eq(int, ask_patch(&f, "demo", "A1", "{\"restock\":-1000000000}"), 200));
	cr_expect(eq(int, ask_patch(&f, "demo", "B2", "{}"), 404));
	cr_expect(eq(int, ask_remove(&f, "demo", "B2"), 404));
	cr_expect(eq(int, ask_patch(&f, "demo", "A1", "{\"limit\":2}"), 200));
	cr_expect_str_eq(body_at(&f, "limit"), "2");
	cr_expect(eq(int, ask_patch(&f, "demo", "A1", "{\"limit\":null}"), 200));
	cr_expect_str_eq(body_at(&f, "limit"), "null");
	const int prices = events_of(&f, "price");
	ask_patch(&f, "demo", "A1", "{\"price\":{\"minor\":500,\"cur\":\"CNY\"}}");
	cr_expect_str_eq(body_at(&f, "price.rev"), "1");
	cr_expect(eq(int, events_of(&f, "price"), prices));
}

Test(engine, stock_is_told_at_most_ten_times_a_second)
{
	ask_product(&f, "demo", TEA);
	fixture_advance(&f, 1000000);
	char key[16];
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		cr_assert(eq(int, ask_order(&f, "demo", "ann", key, "{\"sku\":\"A1\",\"qty\":1}"),
			     201));
		fixture_advance(&f, 10000);
	}
	fixture_advance(&f, 200000);
	cr_expect(le(int, events_of(&f, "stock"), 12));
	cr_expect(ge(int, events_of(&f, "stock"), 9));
	cr_expect_str_eq(json_at(last_event(&f, "stock"), "data.left"), "900");
}

Test(engine, pieces_ordered_are_told_as_order_sum_without_a_number)
{
	char id[40];
	const struct caller ann = viewer("demo", "ann");
	ask_product(&f, "demo", TEA);
	ask_order(&f, "demo", "ann", "k", "{\"sku\":\"A1\",\"qty\":3}");
	snprintf(id, sizeof(id), "%s", body_at(&f, "id"));
	fixture_advance(&f, 200000);
	cr_expect_str_eq(json_at(last_event(&f, "order.sum"), "data.sold"), "3");
	cr_expect_str_eq(json_at(last_event(&f, "order.sum"), "seq"), "");
	ask_change(&f, ORDER_PAY, id, "p", &ann);
	fixture_advance(&f, 200000);
	cr_expect(eq(int, events_of(&f, "order.sum"), 1));
}

Test(engine, who_buys_now_and_then_reads_at_once_what_came_of_it)
{
	char key[16];
	ask_product(&f, "demo", TEA);
	fixture_advance(&f, 1000000);
	for (int i = 0; i < 10; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		ask_order(&f, "demo", "ann", key, "{\"sku\":\"A1\",\"qty\":1}");
		cr_assert(eq(i64, shown(&f, "A1", "left"), 999 - i));
	}
}

Test(engine, fifty_events_a_second_are_the_most)
{
	ask_product(&f, "demo", TEA);
	int pinned = 0;
	while (ask_pin(&f, "demo", "{\"sku\":\"A1\"}") == 200)
		pinned++;
	cr_expect(eq(int, pinned, 49));
	cr_expect(eq(int, f.answer.status, 429));
	cr_expect(eq(int, f.answer.retry_after_s, 1));
	cr_expect_str_eq(body_at(&f, "code"), "rate_limited");
	cr_expect(eq(int, ask_order(&f, "demo", "ann", "k", "{\"sku\":\"A1\",\"qty\":1}"), 201));
	fixture_advance(&f, 1000000);
	cr_expect(eq(int, ask_pin(&f, "demo", "{\"sku\":\"A1\"}"), 200));
}

Test(engine, media_changes_are_events_once)
{
	static const struct {
		enum room_state state;
		unsigned epoch;
		const char *type;
	} rows[] = {
		{ ROOM_LIVE, 1, "room.live" }, { ROOM_LIVE, 1, NULL },
		{ ROOM_LOST, 1, "room.lost" }, { ROOM_LIVE, 2, "room.live" },
		{ ROOM_LIVE, 3, "room.live" }, { ROOM_ENDED, 0, "room.ended" },
	};
	int expected = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		engine_room_state(f.engine, "demo", rows[i].state, rows[i].epoch);
		fixture_settle(&f);
		expected += rows[i].type != NULL;
		cr_assert(eq(int, f.event_count, expected));
		if (rows[i].type)
			cr_expect_str_eq(json_at(f.events[expected - 1], "type"), rows[i].type);
		cr_expect(eq(int, f.snapshot->state, rows[i].state));
	}
	cr_expect(eq(uint, f.snapshot->epoch, 3));
	cr_expect_str_eq(json_at(last_event(&f, "room.live"), "epoch"), "3");
	engine_end_room(f.engine, "demo", fixture_reply(&f));
	fixture_settle(&f);
	cr_expect(eq(int, f.answer.status, 200));
	cr_expect(eq(int, f.event_count, expected));
}

Test(engine, snapshot_holds_what_readers_get)
{
	ask_product(&f, "demo", TEA);
	ask_product(&f, "demo",
		    "{\"sku\":\"B2\",\"title\":\"\xe8\x8c\xb6\",\"stock\":1,"
		    "\"price\":{\"minor\":1,\"cur\":\"CNY\"}}");
	engine_room_viewers(f.engine, "demo", 12);
	fixture_advance(&f, 60000);
	json_t *data = json_parse(f.snapshot->data->data, f.snapshot->data->len);
	cr_expect_str_eq(json_at(data, "seq"), "2");
	cr_expect_str_eq(json_at(data, "viewers"), "12");
	cr_expect_str_eq(json_at(data, "products.1.title"), "\xe8\x8c\xb6");
	json_decref(data);
	json_t *message = json_parse(f.snapshot->message->data, f.snapshot->message->len);
	cr_expect_str_eq(json_at(message, "data.state"), "idle");
	json_decref(message);
	struct bytes page;
	bytes_init(&page, 4096);
	struct page_request wanted = { .limit = 1 };
	cr_expect(eq(int, room_snapshot_products(f.snapshot, &wanted, &page), 0));
	cr_expect(strstr(bytes_string(&page), "\"next\":\"A1\"}") != NULL);
	bytes_clear(&page);
	wanted = (struct page_request){ .after = "A1", .limit = 1 };
	cr_expect(eq(int, room_snapshot_products(f.snapshot, &wanted, &page), 0));
	cr_expect(strstr(bytes_string(&page), "\"next\":null}") != NULL);
	wanted = (struct page_request){ .after = "gone", .limit = 1 };
	cr_expect(eq(int, room_snapshot_products(f.snapshot, &wanted, &page), -ENOENT));
	bytes_finish(&page);
}

Test(engine, state_message_of_a_long_shelf_is_cut_but_has_what_is_pinned)
{
	char json[512], sku[8];
	for (int i = 0; i < 100; i++) {
		snprintf(json, sizeof(json),
			 "{\"sku\":\"P%d\",\"title\":\"%0200d\",\"stock\":1,"
			 "\"price\":{\"minor\":1,\"cur\":\"CNY\"}}",
			 i, i);
		cr_assert(eq(int, ask_product(&f, "demo", json), 201));
		fixture_advance(&f, 25000);
	}
	cr_assert(eq(int, ask_pin(&f, "demo", "{\"sku\":\"P98\"}"), 200));
	fixture_advance(&f, 60000);
	cr_expect(lt(sz, f.snapshot->message->len, 16384));
	json_t *data = json_parse(f.snapshot->data->data, f.snapshot->data->len);
	cr_expect(eq(sz, json_array_size(json_object_get(data, "products")), 100));
	cr_expect_str_eq(json_at(data, "more"), "");
	cr_expect(gt(i64, json_integer_value(json_object_get(data, "pinned_at_us")), 0));
	json_decref(data);
	json_t *message = json_parse(f.snapshot->message->data, f.snapshot->message->len);
	const json_t *cut = json_object_get(message, "data");
	const size_t count = json_array_size(json_object_get(cut, "products"));
	cr_expect(gt(sz, count, 20));
	snprintf(json, sizeof(json), "products.%zu.sku", count - 1);
	cr_expect_str_eq(json_at(cut, json), "P98");
	snprintf(sku, sizeof(sku), "P%zu", count - 2);
	cr_expect_str_eq(json_at(cut, "more"), sku);
	json_decref(message);
}

Test(engine, orders_in_a_rush_are_published_every_50_ms)
{
	ask_product(&f, "demo", TEA);
	fixture_advance(&f, 1000000);
	const int before = f.snapshots;
	char key[16];
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		ask_order(&f, "demo", "ann", key, "{\"sku\":\"A1\",\"qty\":1}");
		fixture_advance(&f, 2000);
	}
	fixture_advance(&f, 60000);
	cr_expect(le(int, f.snapshots - before, 20 + 6)); /* the first 20 at once */
	cr_expect(eq(i64, shown(&f, "A1", "left"), 900));
}

Test(engine, queue_has_a_cap)
{
	const struct page_request page = { .limit = 1 };
	const int before = f.answers;
	for (int i = 0; i < 16384; i++)
		engine_list_rooms(f.engine, &page, fixture_reply(&f));
	cr_expect(eq(int, f.answers, before));
	engine_list_rooms(f.engine, &page, fixture_reply(&f));
	cr_expect(eq(int, f.answers, before + 1));
	cr_expect(eq(int, f.answer.status, 503));
	cr_expect_str_eq(body_at(&f, "code"), "overloaded");
	fixture_settle(&f);
	cr_expect(eq(int, f.answers, before + 16385));
}

Test(engine, end_answers_what_still_waits)
{
	const struct page_request page = { .limit = 1 };
	const int before = f.answers;
	struct pin_request pin = { .sku = "A1" };
	engine_pin(f.engine, "demo", &pin, fixture_reply(&f));
	engine_list_rooms(f.engine, &page, fixture_reply(&f));
	fixture_close(&f);
	cr_expect(eq(int, f.answers, before + 2));
	cr_expect(eq(int, f.answer.status, 503));
	cr_expect_str_eq(body_at(&f, "code"), "store_unavailable");
	fixture_open(&f);
}

Test(engine, stats_say_whether_the_store_works)
{
	struct engine_stats stats;
	engine_stats(f.engine, &stats);
	cr_expect(stats.loaded);
	cr_expect(eq(i64, stats.failed_us, 0));
	cr_assert(eq(int, ask_product(&f, "demo", TEA), 201));
	f.fail_commits = 1;
	cr_expect(eq(int, ask_pin(&f, "demo", "{\"sku\":\"A1\"}"), 503));
	engine_stats(f.engine, &stats);
	cr_expect(stats.loaded);
	cr_expect(gt(i64, stats.failed_us, 0));
	cr_expect(eq(int, ask_pin(&f, "demo", "{\"sku\":\"A1\"}"), 200));
	engine_stats(f.engine, &stats);
	cr_expect(eq(i64, stats.failed_us, 0));
}
