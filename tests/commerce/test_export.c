#include "commerce/export.h"
#include "tests/commerce/engine_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct engine_fixture f;
static char *text;
static char id[40];

static void setup(void)
{
	fixture_start(&f);
	ask_room(&f, "{\"id\":\"demo\"}");
	ask_room(&f, "{\"id\":\"other\"}");
	ask_product(&f, "demo",
		    "{\"sku\":\"-A1\",\"title\":\"Tea\",\"stock\":10,"
		    "\"price\":{\"minor\":500,\"cur\":\"CNY\"}}");
	ask_product(&f, "demo",
		    "{\"sku\":\"B2\",\"title\":\"Cup\",\"stock\":10,"
		    "\"price\":{\"minor\":70,\"cur\":\"CNY\"}}");
	ask_order(&f, "demo", "ann", "k1",
		  "{\"items\":[{\"sku\":\"-A1\",\"qty\":2},{\"sku\":\"B2\",\"qty\":1}]}");
	snprintf(id, sizeof(id), "%s", body_at(&f, "id"));
	fixture_advance(&f, 1000000);
	ask_order(&f, "demo", "bob", "k1", "{\"sku\":\"B2\",\"qty\":3}");
}

static void teardown(void)
{
	free(text);
	fixture_stop(&f);
}

TestSuite(export, .init = setup, .fini = teardown);

static int export(const struct export_request *request, const char *dir)
{
	size_t len = 0;
	free(text);
	text = NULL;
	FILE *out = open_memstream(&text, &len);
	const int err = store_export(request, dir, out);
	fclose(out);
	return err;
}

static json_t *line(int n)
{
	const char *at = text;
	for (; n; n--)
		at = strchr(at, '\n') + 1;
	return json_parse(at, strcspn(at, "\n"));
}

static int lines(void)
{
	int count = 0;
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		count++;
	return count;
}

Test(export, orders_are_those_of_the_api_beside_their_owner)
{
	const struct caller ann = viewer("demo", "ann");
	const struct export_request request = { .what = EXPORT_ORDERS };
	cr_assert(eq(int, export(&request, f.dir), 0));
	cr_assert(eq(int, lines(), 2));
	ask_get(&f, id, &ann);
	json_t *first = line(0);
	cr_expect(json_equal(first, f.body), "%s", text);
	json_decref(first);
}

Test(export, csv_has_a_row_for_each_item_and_no_formulas)
{
	const struct export_request request = { .what = EXPORT_ORDERS, .csv = true };
	cr_assert(eq(int, export(&request, f.dir), 0));
	cr_assert(eq(int, lines(), 4));
	cr_expect(strstr(text, "id,at,room,sub,state,sku,") == text);
	cr_expect(strstr(text, ",demo,ann,reserved,\"'-A1\",2,500,1,1070,CNY,") != NULL, "%s",
		  text);
	cr_expect(strstr(text, ",demo,bob,reserved,B2,3,70,1,210,CNY,") != NULL, "%s", text);
}

Test(export, products_of_a_room_with_those_that_were_removed)
{
	const struct export_request request = { .room = "demo", .what = EXPORT_PRODUCTS };
	cr_assert(eq(int, ask_remove(&f, "demo", "B2"), 204));
	cr_assert(eq(int, export(&request, f.dir), 0));
	cr_assert(eq(int, lines(), 2));
	json_t *cup = line(1);
	cr_expect(eq(str, (char *)json_at(cup, "sku"), "B2"));
	cr_expect(eq(str, (char *)json_at(cup, "removed"), "true"));
	cr_expect(eq(str, (char *)json_at(cup, "room"), "demo"));
	cr_expect(eq(str, (char *)json_at(cup, "sold"), "0"));
	json_decref(cup);
}

Test(export, events_are_the_messages_that_were_sent)
{
	const struct export_request request = { .room = "demo", .what = EXPORT_EVENTS };
	cr_assert(eq(int, ask_pin(&f, "demo", "{\"sku\":\"B2\"}"), 200));
	cr_assert(eq(int, export(&request, f.dir), 0));
	cr_assert(gt(int, lines(), 2));
	json_t *last = line(lines() - 1);
	cr_expect(json_equal(last, last_event(&f, "product.pin")), "%s", text);
	json_decref(last);
}

Test(export, another_room_another_place)
{
	const struct export_request none = { .room = "other", .what = EXPORT_ORDERS };
	const struct export_request unknown = { .room = "nowhere", .what = EXPORT_ORDERS };
	cr_expect(eq(int, export(&none, f.dir), 0));
	cr_expect(eq(str, text, ""));
	cr_expect(eq(int, export(&unknown, f.dir), -ESRCH));
	cr_expect(eq(int, export(&none, "/nonexistent"), -ENOENT));
}
