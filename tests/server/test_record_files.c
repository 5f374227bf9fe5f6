#include "server/record_files.h"

#include "server/core/alloc.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char dir[64];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/souk-record-XXXXXX");
	cr_assert(mkdtemp(dir) != NULL);
}

static void teardown(void)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert(eq(int, system(command), 0));
}

TestSuite(record_files, .init = setup, .fini = teardown);

static void make(const char *room, int64_t show_us, int64_t begin_us, size_t bytes)
{
	static const char *const suffixes[] = { ".mp4", ".idx" };
	char *path = NULL;
	const struct record_naming naming = {
		.dir = dir, .room = room, .show_us = show_us, .begin_us = begin_us
	};
	cr_assert(eq(int, record_files_make_path(&naming, &path), 0));
	for (int i = 0; i < 2; i++) {
		char *full = xasprintf("%s%s", path, suffixes[i]);
		FILE *file = fopen(full, "w");
		cr_assert(file != NULL);
		cr_assert(eq(int, ftruncate(fileno(file), i ? 10 : (off_t)bytes), 0));
		fclose(file);
		free(full);
	}
	free(path);
}

static size_t count(const char *room)
{
	struct record_list list;
	const int err = record_files_list(dir, room, &list);
	const size_t found = list.count;
	cr_assert(eq(int, err, found ? 0 : -ENOENT));
	for (size_t i = 1; i < found; i++)
		cr_assert(list.items[i - 1].begin_us <= list.items[i].begin_us);
	record_list_finish(&list);
	return found;
}

static bool is_open(void *arg, const char *path)
{
	return arg && strstr(path, arg);
}

static size_t tidy(int64_t days, int64_t mb, int64_t later_s, char *open)
{
	const struct record_limits limits = { .days = days,
					      .mb = mb,
					      .now_s = time(NULL) + later_s,
					      .is_open = is_open,
					      .arg = open };
	return record_files_tidy(dir, &limits);
}

Test(record_files, are_listed_by_time_and_by_room)
{
	cr_assert(eq(sz, count(NULL), 0));
	make("a", 100, 300, 10);
	make("a", 100, 200, 10);
	make("b", 50, 50, 10);
	cr_assert(eq(sz, count("a"), 2));
	cr_assert(eq(sz, count("b"), 1));
	cr_assert(eq(sz, count(NULL), 3));
	cr_assert(eq(sz, count("none"), 0));
}

Test(record_files, a_show_is_resumed_where_there_is_one)
{
	char *path = NULL;
	struct record_naming naming = {
		.dir = dir, .room = "a", .show_us = 900, .resumes = true, .begin_us = 900
	};
	make("a", 100, 100, 10);
	make("a", 200, 200, 10);
	cr_assert(eq(int, record_files_make_path(&naming, &path), 0));
	cr_assert(strstr(path, "/a/200/900") != NULL);
	free(path);
	naming.room = "b";
	cr_assert(eq(int, record_files_make_path(&naming, &path), 0));
	cr_assert(strstr(path, "/b/900/900") != NULL);
	free(path);
}

Test(record_files, what_is_too_old_goes_with_its_folder_but_not_what_is_written_to)
{
	make("a", 100, 100, 10);
	make("a", 200, 200, 10);
	cr_assert(eq(sz, tidy(7, 0, 6 * 86400, NULL), 0));
	cr_assert(eq(sz, tidy(0, 0, 900 * 86400, NULL), 0));
	cr_assert(eq(sz, tidy(7, 0, 8 * 86400, "/200/"), 1));
	cr_assert(eq(sz, count("a"), 1));
	char gone[96];
	snprintf(gone, sizeof(gone), "%s/a/100", dir);
	cr_assert(eq(int, access(gone, F_OK), -1));
}

Test(record_files, of_too_much_the_oldest_go)
{
	for (int64_t i = 1; i <= 5; i++)
		make("a", i, i, 1 << 20);
	cr_assert(eq(sz, tidy(0, 3, 0, NULL), 2));
	struct record_list list;
	cr_assert(eq(int, record_files_list(dir, "a", &list), 0));
	cr_assert(eq(i64, list.items[0].begin_us, 3));
	record_list_finish(&list);
}

Test(record_files, the_disk_tells_what_is_left)
{
	char missing[96];
	snprintf(missing, sizeof(missing), "%s/recordings", dir);
	cr_assert(gt(i64, record_files_free_mb(dir), 0));
	cr_assert(gt(i64, record_files_free_mb(missing), 0));
}
