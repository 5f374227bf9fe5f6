#include "commerce/check.h"
#include "tests/commerce/engine_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static struct engine_fixture f;

static void setup(void)
{
	char id[40];
	const struct caller ann = viewer("demo", "ann");
	fixture_start(&f);
	ask_room(&f, "{\"id\":\"demo\"}");
	ask_product(&f, "demo",
		    "{\"sku\":\"A1\",\"title\":\"Tea\",\"stock\":10,\"limit\":5,"
		    "\"price\":{\"minor\":500,\"cur\":\"CNY\"}}");
	ask_pin(&f, "demo", "{\"sku\":\"A1\"}");
	ask_order(&f, "demo", "ann", "k1", "{\"sku\":\"A1\",\"qty\":2}");
	snprintf(id, sizeof(id), "%s", body_at(&f, "id"));
	ask_change(&f, ORDER_PAY, id, "k2", &ann);
	ask_order(&f, "demo", "bob", "k1", "{\"sku\":\"A1\",\"qty\":3}");
}

static void teardown(void)
{
	fixture_stop(&f);
}

TestSuite(check, .init = setup, .fini = teardown);

static void damage(const char *sql)
{
	char path[96];
	sqlite3 *db = NULL;
	snprintf(path, sizeof(path), "%s/souk.db", f.dir);
	cr_assert(eq(int, sqlite3_open(path, &db), SQLITE_OK));
	cr_assert(eq(int, sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK), "%s: %s", sql,
		  sqlite3_errmsg(db));
	sqlite3_close(db);
}

Test(check, sound_store_passes_beside_its_owner)
{
	cr_expect(eq(int, check_faults(f.dir, NULL), 0));
}

/* What a hand, or a disk, may do to a store; and what must be said of it. */
static const struct {
	const char *sql;
	const char *says;
} damages[] = {
	{ "UPDATE orders SET total = 1 WHERE sub = 'ann'", "orders id=" },
	{ "UPDATE products SET \"left\" = \"left\" + 1", "products pid=1: damaged" },
	{ "UPDATE movements SET held = 1 WHERE kind = 2", "movements id=2: damaged" },
	{ "UPDATE rooms SET title = 'x'", "rooms rid=1: damaged" },
	{ "UPDATE events SET data = '{}' WHERE seq = 2", "events rid=1: damaged" },
	{ "UPDATE order_changes SET key = 'x' WHERE n = 1", "order_changes order_id=" },
	{ "UPDATE price_revs SET minor = 1", "price_revs pid=1: damaged" },
	{ "UPDATE order_items SET sum = zeroblob(16)", "order_items order_id=" },
	{ "DELETE FROM movements WHERE id = 2", "movements id=3: one before it is missing" },
	{ "DELETE FROM events WHERE seq = 2", "one before it is missing" },
	{ "DELETE FROM orders WHERE sub = 'bob'", "no such order" },
	{ "DELETE FROM order_changes WHERE n = 1", "state is not that of its last step" },
	{ "DELETE FROM commits WHERE n = 2", "commits n=3: one before it is missing" },
	{ "DELETE FROM commits WHERE n = (SELECT max(n) FROM commits)", "its commit is missing" },
	{ "UPDATE commits SET hash = zeroblob(32) WHERE n = 3", "commits n=3" },
	{ "DELETE FROM products", "no such product" },
	{ "DROP TABLE movements", "cannot be read to its end" },
};

static bool found;
static const char *wanted;

static void on_fault(void *arg, const char *fault)
{
	(void)arg;
	found = found || strstr(fault, wanted);
}

Test(check, each_damage_is_named)
{
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		fixture_stop(&f);
		setup();
		damage(damages[i].sql);
		struct store_check check = { .report = on_fault };
		found = false;
		wanted = damages[i].says;
		const int err = store_check(&check, f.dir);
		cr_expect(err == 0 || err == -EIO);
		cr_expect(gt(u64, check.faults, 0), "%s", damages[i].sql);
		cr_expect(found, "%s: nothing says '%s'", damages[i].sql, wanted);
	}
}

Test(check, flipped_bytes_in_the_file_are_seen)
{
	char path[96];
	fixture_close(&f);
	snprintf(path, sizeof(path), "%s/souk.db", f.dir);
	FILE *file = fopen(path, "r+");
	char page[65536];
	const size_t len = fread(page, 1, sizeof(page), file);
	char *at = memmem(page, len, "CNY", 3);
	cr_assert(at != NULL);
	fseek(file, at - page, SEEK_SET);
	fputs("EUR", file);
	fclose(file);
	char fault[256];
	cr_expect(gt(int, check_faults(f.dir, fault), 0));
	cr_expect(strstr(fault, "damaged") != NULL, "%s", fault);
}
