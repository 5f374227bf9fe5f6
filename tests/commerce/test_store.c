#include "commerce/store_lock.h"
#include "commerce/store_reader.h"
#include "commerce/store_sqlite.h"
#include "server/core/buf.h"
#include "server/core/loop.h"
#include "tests/commerce/engine_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEA \
	"{\"sku\":\"A1\",\"title\":\"Tea\",\"stock\":100,\"limit\":50," \
	"\"price\":{\"minor\":500,\"cur\":\"CNY\"}}"

static struct engine_fixture f;

static void setup(void)
{
	fixture_start(&f);
	cr_assert(eq(int, ask_room(&f, "{\"id\":\"demo\",\"hold_s\":60}"), 201));
	cr_assert(eq(int, ask_product(&f, "demo", TEA), 201));
}

static void teardown(void)
{
	cr_expect(eq(int, check_faults(f.dir, NULL), 0));
	fixture_stop(&f);
}

TestSuite(store, .init = setup, .fini = teardown);

static void restart(void)
{
	fixture_close(&f);
	fixture_open(&f);
}

Test(store, everything_is_there_after_a_restart)
{
	char id[40];
	const struct caller ann = viewer("demo", "ann");
	ask_pin(&f, "demo", "{\"sku\":\"A1\"}");
	ask_patch(&f, "demo", "A1", "{\"price\":{\"minor\":600,\"cur\":\"CNY\"}}");
	cr_assert(eq(int, ask_order(&f, "demo", "ann", "k1", "{\"sku\":\"A1\",\"qty\":50}"), 201));
	char first[1024];
	snprintf(first, sizeof(first), "%s", f.answer.body);
	snprintf(id, sizeof(id), "%s", body_at(&f, "id"));
	fixture_advance(&f, 60000);
	char *state = strndup((const char *)f.snapshot->data->data, f.snapshot->data->len);
	restart();
	cr_expect(eq(sz, f.snapshot->data->len, strlen(state)));
	cr_expect(eq(int, memcmp(f.snapshot->data->data, state, strlen(state)), 0));
	free(state);
	cr_expect(eq(int, ask_order(&f, "demo", "ann", "k1", "{\"sku\":\"A1\",\"qty\":50}"), 201));
	cr_expect(f.answer.replayed);
	cr_expect_str_eq(f.answer.body, first);
	cr_expect(eq(int, ask_order(&f, "demo", "ann", "k2", "{\"sku\":\"A1\",\"qty\":1}"), 409));
	cr_expect_str_eq(body_at(&f, "code"), "limit_reached");
	cr_expect(
		eq(int,
		   ask_order(&f, "demo", "bob", "k", "{\"sku\":\"A1\",\"qty\":1,\"price_rev\":1}"),
		   201));
	cr_expect_str_eq(body_at(&f, "total.minor"), "500");
	cr_expect(eq(int, ask_events(&f, "demo", "1", 1), 200));
	cr_expect_str_eq(body_at(&f, "items.0.type"), "product.pin");
	fixture_advance(&f, 61000000);
	cr_expect(eq(int, ask_get(&f, id, &ann), 200));
	cr_expect_str_eq(body_at(&f, "state"), "expired");
}

Test(store, prices_stay_in_force_when_the_clock_was_set_back)
{
	ask_patch(&f, "demo", "A1", "{\"price\":{\"minor\":600,\"cur\":\"CNY\"}}");
	fixture_close(&f);
	f.fake.clock.utc_offset_us -= INT64_C(3600) * 1000000;
	fixture_open(&f);
	cr_expect(eq(int, ask_order(&f, "demo", "ann", "k", "{\"sku\":\"A1\",\"qty\":1}"), 201));
	cr_expect_str_eq(body_at(&f, "total.minor"), "600");
}

Test(store, live_room_is_lost_after_a_restart)
{
	engine_room_state(f.engine, "demo", ROOM_LIVE, 4);
	fixture_settle(&f);
	restart();
	cr_expect(eq(int, f.snapshot->state, ROOM_LOST));
	cr_expect(eq(uint, f.snapshot->epoch, 4));
	cr_expect(eq(int, events_of(&f, "room.lost"), 1));
	restart();
	cr_expect(eq(int, events_of(&f, "room.lost"), 1));
}

Test(store, failed_commit_is_answered_503_and_forgotten)
{
	ask_order(&f, "demo", "ann", "k0", "{\"sku\":\"A1\",\"qty\":1}");
	fixture_advance(&f, 200000);
	const int events = f.event_count;
	f.fail_commits = 1;
	cr_assert(eq(int, ask_order(&f, "demo", "ann", "k1", "{\"sku\":\"A1\",\"qty\":2}"), 503));
	cr_expect_str_eq(body_at(&f, "code"), "store_unavailable");
	cr_expect(eq(int, f.answer.retry_after_s, 1));
	cr_expect(eq(int, f.event_count, events));
	cr_expect(eq(i64, shown(&f, "A1", "left"), 99));
	cr_assert(eq(int, ask_order(&f, "demo", "ann", "k1", "{\"sku\":\"A1\",\"qty\":2}"), 201));
	cr_expect(not(f.answer.replayed));
	fixture_advance(&f, 200000);
	cr_expect(eq(i64, shown(&f, "A1", "left"), 97));
}

Test(store, orders_expire_after_a_failed_commit_without_being_asked)
{
	ask_order(&f, "demo", "ann", "k0", "{\"sku\":\"A1\",\"qty\":1}");
	f.fail_commits = 1;
	ask_order(&f, "demo", "ann", "k1", "{\"sku\":\"A1\",\"qty\":1}");
	fixture_advance(&f, 61000000);
	cr_expect(eq(i64, shown(&f, "A1", "held"), 0));
}

Test(store, what_falls_due_during_a_commit_is_done_after_it)
{
	ask_order(&f, "demo", "ann", "k0", "{\"sku\":\"A1\",\"qty\":1}");
	fixture_advance(&f, 59900000);
	f.hold_commits = true;
	const struct pin_request pin = { .sku = "A1" };
	engine_pin(f.engine, "demo", &pin, fixture_reply(&f));
	loop_poll(f.loop);
	f.fake.now_us += 200000;
	loop_run_due(f.loop);
	cr_expect(eq(i64, shown(&f, "A1", "held"), 1));
	f.hold_commits = false;
	fixture_settle(&f);
	fixture_settle(&f);
	fixture_advance(&f, 60000);
	cr_expect(eq(i64, shown(&f, "A1", "held"), 0));
}

Test(store, media_state_outlives_a_failed_commit)
{
	f.fail_commits = 2;
	engine_room_state(f.engine, "demo", ROOM_LIVE, 1);
	fixture_advance(&f, 1100000);
	cr_expect(eq(int, f.fail_commits, 0));
	cr_expect(eq(int, f.snapshot->state, ROOM_LIVE));
	cr_expect(eq(int, events_of(&f, "room.live"), 1));
}

Test(store, unreadable_store_is_tried_again)
{
	f.fail_commits = 1;
	f.fail_loads = true;
	engine_room_viewers(f.engine, "demo", 3);
	cr_assert(eq(int, ask_order(&f, "demo", "ann", "k1", "{\"sku\":\"A1\",\"qty\":2}"), 503));
	cr_assert(eq(int, ask_order(&f, "demo", "ann", "k2", "{\"sku\":\"A1\",\"qty\":2}"), 503));
	cr_assert(eq(int, ask_events(&f, "demo", "0", 10), 503));
	f.fail_loads = false;
	fixture_advance(&f, 1100000);
	cr_expect(eq(int, ask_order(&f, "demo", "ann", "k1", "{\"sku\":\"A1\",\"qty\":2}"), 201));
}

static int refused_orders(int count)
{
	char key[16];
	int refused = 0;
	for (int i = 0; i < count; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		refused += ask_order(&f, "demo", key, "k", "{\"sku\":\"A1\",\"qty\":1}") == 503;
		fixture_advance(&f, 50000);
	}
	return refused;
}

Test(store, refusing_costs_no_loading)
{
	ask_order(&f, "demo", "ann", "k0", "{\"sku\":\"A1\",\"qty\":1}");
	f.loads = 0;
	f.fail_commits = 1000;
	engine_room_state(f.engine, "demo", ROOM_LIVE, 1);
	cr_expect(eq(int, refused_orders(200), 200));
	cr_expect(eq(int, f.loads, 1));
	f.fail_commits = 0;
	fixture_advance(&f, 1100000);
	cr_expect(eq(int, refused_orders(1), 0));
	cr_expect(eq(int, f.snapshot->state, ROOM_LIVE));
	fixture_advance(&f, 61000000);
	cr_expect(eq(i64, shown(&f, "A1", "left"), 100));
}

/* The last page of a disk is enough for a trial. */
Test(store, what_fails_again_and_again_is_loaded_once_a_second)
{
	f.loads = 0;
	f.fail_commits = 1000;
	f.take_trials = true;
	cr_expect(eq(int, refused_orders(200), 200)); /* in 10 s */
	cr_expect(le(int, f.loads, 12));
	f.fail_commits = 0;
	fixture_advance(&f, 1100000);
	cr_expect(eq(int, refused_orders(1), 0));
}

/* What is written to files without a name is gone with the process. */
static const char *const taken[] = { "", "/" STORE_FILE, "/lock" };

ParameterizedTestParameters(store, what_was_taken_away_acknowledges_nothing)
{
	static size_t i[] = { 0, 1, 2 };
	return cr_make_param_array(size_t, i, 3);
}

ParameterizedTest(size_t *i, store, what_was_taken_away_acknowledges_nothing)
{
	char path[80], away[96];
	snprintf(path, sizeof(path), "%s%s", f.dir, taken[*i]);
	snprintf(away, sizeof(away), "%s-away", path);
	cr_expect(zero(refused_orders(1)));
	cr_assert(zero(rename(path, away)));
	cr_expect(eq(int, ask_order(&f, "demo", "ann", "k", "{\"sku\":\"A1\",\"qty\":1}"), 503));
	fixture_advance(&f, 3000000);
	cr_expect(eq(int, ask_order(&f, "demo", "ann", "k", "{\"sku\":\"A1\",\"qty\":1}"), 503));
	cr_expect(access(path, F_OK) != 0, "nothing is made in its place");
	cr_assert(zero(rename(away, path)));
	fixture_advance(&f, 1100000);
	cr_expect(eq(int, ask_order(&f, "demo", "ann", "k", "{\"sku\":\"A1\",\"qty\":1}"), 201));
	fixture_advance(&f, 200000);
	cr_expect(eq(i64, shown(&f, "A1", "left"), 98));
}

/* The disk is full: writes of the store's own files really fail. */
Test(store, full_disk_loses_nothing_that_was_acknowledged)
{
	struct rlimit limit;
	char key[16];
	int acknowledged = 0;
	signal(SIGXFSZ, SIG_IGN);
	cr_assert(eq(int, getrlimit(RLIMIT_FSIZE, &limit), 0));
	limit.rlim_cur = 200000;
	cr_assert(eq(int, setrlimit(RLIMIT_FSIZE, &limit), 0));
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		const int status = ask_order(&f, "demo", key, "k", "{\"sku\":\"A1\",\"qty\":1}");
		cr_assert(status == 201 || status == 503 || status == 409, "%d", status);
		acknowledged += status == 201;
		if (status == 503)
			break;
	}
	cr_expect(eq(int, f.answer.status, 503));
	cr_expect(gt(int, acknowledged, 0));
	limit.rlim_cur = limit.rlim_max;
	cr_assert(eq(int, setrlimit(RLIMIT_FSIZE, &limit), 0));
	fixture_advance(&f, 1100000);
	cr_expect(eq(int, ask_order(&f, "demo", "b", "k", "{\"sku\":\"A1\",\"qty\":1}"), 201));
	fixture_advance(&f, 200000);
	cr_expect(eq(i64, shown(&f, "A1", "left"), 100 - acknowledged - 1));
}

static int pass(void *arg, const struct stored_row *row)
{
	(void)row;
	++*(int *)arg;
	return 0;
}

/* Beside a busy server a reader would make the log as long as it reads. */
Test(store, a_bounded_reader_ends_when_the_log_grows_too_much)
{
	enum { ORDERS = 90 };
	struct store_reader *reader;
	struct stat before;
	char log[80];
	int rows = 0;
	cr_expect(zero(refused_orders(ORDERS)));
	snprintf(log, sizeof(log), "%s/souk.db-wal", f.dir);
	cr_assert(zero(stat(log, &before)));
	cr_assert(zero(store_reader_open(&reader, f.dir, true)));
	store_reader_bound(reader, f.dir);
	cr_assert(zero(truncate(log, before.st_size + STORE_LOG_GROWTH_MAX + 1)));
	cr_expect(eq(int, store_reader_rows(reader, ROW_CHANGE, pass, &rows), -EFBIG));
	cr_assert(zero(truncate(log, before.st_size)));
	rows = 0;
	cr_expect(zero(store_reader_rows(reader, ROW_CHANGE, pass, &rows)));
	cr_expect(eq(int, rows, ORDERS));
	store_reader_close(reader);
}

Test(store, second_owner_is_refused_and_told_the_first)
{
	struct store *second = NULL;
	pid_t holder = 0;
	const struct store_sqlite_options options = { .loop = f.loop, .dir = f.dir };
	cr_expect(eq(int, store_sqlite_open(&second, &options, &holder), -EBUSY));
	cr_expect(eq(int, holder, getpid()));
}

Test(store, foreign_file_is_refused)
{
	char dir[] = "/tmp/souk-test-XXXXXX";
	char path[64];
	char lock[64];
	struct store *store = NULL;
	pid_t holder;
	cr_assert(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/souk.db", dir);
	snprintf(lock, sizeof(lock), "%s/lock", dir);
	FILE *file = fopen(path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("no database ", file);
	fclose(file);
	const struct store_sqlite_options options = { .loop = f.loop, .dir = dir };
	cr_expect(lt(int, store_sqlite_open(&store, &options, &holder), 0));
	cr_expect(gt(int, check_faults(dir, NULL), 0));
	unlink(path);
	unlink(lock);
	cr_expect(eq(int, check_faults(dir, NULL), -1));
	rmdir(dir);
}

Test(store, timeline_is_bounded_also_after_a_restart)
{
	/* 50 a second are allowed: the clock runs between the pins. */
	const struct pin_request pin = { .sku = "A1" };
	for (int i = 0; i < 10600; i++) {
		engine_pin(f.engine, "demo", &pin, fixture_reply(&f));
		if (i % 40 != 39)
			continue;
		fixture_settle(&f);
		cr_assert(eq(int, f.answer.status, 200));
		f.fake.now_us += 1000000;
		while (f.event_count)
			json_decref(f.events[--f.event_count]);
	}
	fixture_settle(&f);
	for (int round = 0; round < 2; round++) {
		cr_expect(eq(int, ask_events(&f, "demo", "10", 1), 410));
		cr_expect_str_eq(body_at(&f, "code"), "gone");
		cr_expect(eq(int, ask_events(&f, "demo", "", 1), 200));
		const int oldest = atoi(body_at(&f, "items.0.seq"));
		cr_expect(oldest > 11 && oldest <= 602, "%d", oldest);
		cr_expect(eq(int, ask_events(&f, "demo", "601", 1), 200));
		cr_expect_str_eq(body_at(&f, "items.0.seq"), "602");
		restart();
	}
}
