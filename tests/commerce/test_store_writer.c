#include "commerce/store_writer.h"

#include "commerce/store_reader.h"
#include "commerce/store_sqlite.h"
#include "server/core/clock.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[64];
static struct store_writer *writer;

static void setup(void)
{
	char path[128];
	snprintf(dir, sizeof(dir), "%s", "/tmp/souk-writer-XXXXXX");
	cr_assert(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/" STORE_FILE, dir);
	cr_assert(eq(int, store_writer_open(&writer, path, false), 0));
}

static void teardown(void)
{
	static const char *const names[] = { STORE_FILE, STORE_FILE "-wal", STORE_FILE "-shm" };
	store_writer_close(writer);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

TestSuite(store_writer, .init = setup, .fini = teardown);

static void commit(void)
{
	cr_assert(eq(int, store_writer_begin(writer), 0));
	cr_assert(eq(int, store_writer_end(writer, 1), 0));
}

/* As `soukd check` and `export` do beside a live server, for as long as they like. */
Test(store_writer, log_in_which_somebody_reads_is_left_to_grow)
{
	struct store_reader *reader = NULL;
	struct clock clock;
	clock_init(&clock);
	commit();
	cr_assert(eq(int, store_reader_open(&reader, dir, false), 0));
	commit();
	const int64_t begin_us = clock_mono_us(&clock);
	cr_expect(eq(int, store_writer_truncate_wal(writer), -EBUSY));
	/* SQLite's patience is 5 s: who waited at all waited for that. */
	cr_expect(lt(i64, clock_mono_us(&clock) - begin_us, 4000000));
	commit();
	cr_expect(gt(int, store_writer_wal_pages(writer), 0));
	cr_expect(eq(i64, store_reader_last_commit(reader), 1));
	store_reader_close(reader);
	cr_expect(eq(int, store_writer_truncate_wal(writer), 0));
	cr_expect(eq(int, store_writer_wal_pages(writer), 0));
	cr_expect(eq(i64, store_writer_last_commit(writer), 3));
}
