#include "commerce/store_backup.h"
#include "tests/commerce/engine_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct engine_fixture f;
static char copy[64];

static void setup(void)
{
	fixture_start(&f);
	ask_room(&f, "{\"id\":\"demo\"}");
	ask_product(&f, "demo",
		    "{\"sku\":\"A1\",\"title\":\"Tea\",\"stock\":10,"
		    "\"price\":{\"minor\":500,\"cur\":\"CNY\"}}");
	snprintf(copy, sizeof(copy), "%s", "/tmp/souk-copy-XXXXXX");
	cr_assert(mkdtemp(copy) != NULL);
}

static void remove_files(const char *dir)
{
	static const char *const names[] = { "souk.db", "souk.db-wal", "souk.db-shm", "lock" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void teardown(void)
{
	fixture_stop(&f);
	remove_files(copy);
}

TestSuite(store_backup, .init = setup, .fini = teardown);

static bool has_file(const char *dir, const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static int place(const char *key)
{
	return ask_order(&f, "demo", "ann", key, "{\"sku\":\"A1\",\"qty\":1}");
}

static int64_t count_orders(const char *dir)
{
	char path[128];
	int64_t count = -1;
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	snprintf(path, sizeof(path), "%s/souk.db", dir);
	cr_assert(eq(int, sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK));
	sqlite3_prepare_v2(db, "SELECT count(*) FROM orders", -1, &statement, NULL);
	if (sqlite3_step(statement) == SQLITE_ROW)
		count = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return count;
}

Test(store_backup, copy_taken_beside_the_owner_is_sound_and_one_file)
{
	cr_assert(eq(int, place("k1"), 201));
	cr_assert(has_file(f.dir, "souk.db-wal"), "what was ordered is still in the log");
	cr_assert(eq(int, store_backup(f.dir, copy), 0));
	cr_expect(not(has_file(copy, "souk.db-wal")));
	cr_assert(eq(int, place("k2"), 201), "its owner goes on");
	cr_expect(eq(i64, count_orders(copy), 1));
	cr_expect(eq(int, check_faults(copy, NULL), 0));
	cr_expect(not(has_file(copy, "souk.db-wal")));
}

Test(store_backup, copy_replaces_a_store_and_the_log_of_that_one)
{
	cr_assert(eq(int, place("k1"), 201));
	cr_assert(eq(int, store_backup(f.dir, copy), 0));
	cr_assert(eq(int, place("k2"), 201));
	fixture_close(&f);
	cr_assert(eq(int, store_replace(copy, f.dir), 0));
	cr_expect(not(has_file(copy, "souk.db")));
	cr_expect(not(has_file(f.dir, "souk.db-wal")));
	cr_expect(eq(int, check_faults(f.dir, NULL), 0));
	fixture_open(&f);
	cr_expect(eq(i64, shown(&f, "A1", "left"), 9), "the second order never was");
	cr_expect(eq(int, place("k2"), 201));
	cr_expect(ne(str, (char *)body_at(&f, "id"), ""));
}

Test(store_backup, store_that_cannot_be_read_is_replaced_too)
{
	char path[128];
	cr_assert(eq(int, store_backup(f.dir, copy), 0));
	fixture_close(&f);
	snprintf(path, sizeof(path), "%s/souk.db", f.dir);
	FILE *file = fopen(path, "w");
	fputs("no database at all", file);
	fclose(file);
	snprintf(path, sizeof(path), "%s/souk.db-wal", f.dir);
	file = fopen(path, "w");
	fputs("a log of it", file);
	fclose(file);
	cr_assert(eq(int, store_replace(copy, f.dir), 0));
	cr_expect(eq(int, check_faults(f.dir, NULL), 0));
}

Test(store_backup, only_stores_of_ours_are_copied)
{
	char path[128];
	cr_expect(eq(int, store_backup("/nonexistent", copy), -ENOENT));
	snprintf(path, sizeof(path), "%s/souk.db", copy);
	sqlite3 *db = NULL;
	cr_assert(eq(int, sqlite3_open(path, &db), SQLITE_OK));
	sqlite3_exec(db, "CREATE TABLE t (a)", NULL, NULL, NULL);
	sqlite3_close(db);
	cr_expect(eq(int, store_backup(copy, f.dir), -EUCLEAN));
}
