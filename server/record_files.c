#include "server/record_files.h"

#include "server/core/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { MEGABYTE = 1024 * 1024, DAY_S = 24 * 3600, DIGITS_MAX = 18 };

static int make_dir(const char *path)
{
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

/* A name that is a time; -1 for others. */
static int64_t time_of(const char *name, size_t len)
{
	int64_t us = 0;
	if (!len || len > DIGITS_MAX)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		us = us * 10 + (name[i] - '0');
	}
	return us;
}

/* The newest show of a room; 0: none. */
static int64_t newest_show(const char *room_dir)
{
	DIR *dir = opendir(room_dir);
	int64_t newest_us = 0;
	const struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		const int64_t us = time_of(entry->d_name, strlen(entry->d_name));
		newest_us = us > newest_us ? us : newest_us;
	}
	if (dir)
		closedir(dir);
	return newest_us;
}

int record_files_make_path(const struct record_naming *naming, char **out)
{
	char *room_dir = xasprintf("%s/%s", naming->dir, naming->room);
	int err = make_dir(naming->dir);
	if (!err)
		err = make_dir(room_dir);
	int64_t show_us = naming->show_us;
	if (!err && naming->resumes && newest_show(room_dir))
		show_us = newest_show(room_dir);
	char *show_dir = xasprintf("%s/%lld", room_dir, (long long)show_us);
	if (!err)
		err = make_dir(show_dir);
	if (!err)
		*out = xasprintf("%s/%lld", show_dir, (long long)naming->begin_us);
	free(room_dir);
	free(show_dir);
	return err;
}

int64_t record_files_free_mb(const char *dir)
{
	struct statvfs disk;
	if (statvfs(dir, &disk)) { /* not made yet: the one above */
		char *above = xstrdup(dir);
		char *slash = strrchr(above, '/');
		if (slash)
			*slash = '\0';
		const int err = statvfs(slash ? above : ".", &disk);
		free(above);
		if (err)
			return 0;
	}
	return (int64_t)(disk.f_bavail * disk.f_frsize / MEGABYTE);
}

/* Calls for each entry of a folder but the hidden ones. */
static int each_entry(const char *path, void (*see)(const char *path, const char *name, void *arg),
		      void *arg)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			see(path, entry->d_name, arg);
	closedir(dir);
	return 0;
}

struct walk {
	struct record_list *list;
	int64_t show_us;
};

static void see_file(const char *path, const char *name, void *arg)
{
	const struct walk *walk = arg;
	struct record_list *list = walk->list;
	struct stat stat_of;
	const char *dot = strrchr(name, '.');
	const int64_t begin_us = dot ? time_of(name, (size_t)(dot - name)) : -1;
	if (begin_us < 0 || strcmp(dot, ".mp4") != 0)
		return;
	char *full = xasprintf("%s/%s", path, name);
	const int err = stat(full, &stat_of);
	full[strlen(full) - strlen(".mp4")] = '\0';
	if (err) {
		free(full);
		return;
	}
	if (list->count == list->size) {
		list->size = list->size ? list->size * 2 : 16;
		list->items = xrealloc(list->items, list->size * sizeof(*list->items));
	}
	list->items[list->count++] = (struct record_found){ .path = full,
							    .show_us = walk->show_us,
							    .begin_us = begin_us,
							    .changed_s = stat_of.st_mtime,
							    .bytes = (uint64_t)stat_of.st_size };
}

static void see_show(const char *path, const char *name, void *arg)
{
	struct walk walk = { .list = arg, .show_us = time_of(name, strlen(name)) };
	if (walk.show_us < 0)
		return;
	char *full = xasprintf("%s/%s", path, name);
	(void)each_entry(full, see_file, &walk);
	free(full);
}

static void see_room(const char *path, const char *name, void *arg)
{
	char *full = xasprintf("%s/%s", path, name);
	(void)each_entry(full, see_show, arg);
	free(full);
}

static int by_time(const void *a, const void *b)
{
	const struct record_found *left = a, *right = b;
	return (left->begin_us > right->begin_us) - (left->begin_us < right->begin_us);
}

int record_files_list(const char *dir, const char *room, struct record_list *out)
{
	*out = (struct record_list){ 0 };
	char *room_dir = room ? xasprintf("%s/%s", dir, room) : NULL;
	(void)each_entry(room ? room_dir : dir, room ? see_show : see_room, out);
	free(room_dir);
	if (!out->count)
		return -ENOENT;
	qsort(out->items, out->count, sizeof(*out->items), by_time);
	return 0;
}

void record_list_finish(struct record_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].path);
	free(list->items);
	*list = (struct record_list){ 0 };
}

static void delete_pair(const struct record_found *found)
{
	static const char *const suffixes[] = { ".idx", ".mp4" };
	for (size_t i = 0; i < 2; i++) {
		char *path = xasprintf("%s%s", found->path, suffixes[i]);
		(void)unlink(path);
		free(path);
	}
	char *folder = xstrdup(found->path);
	*strrchr(folder, '/') = '\0';
	(void)rmdir(folder); /* succeeds when it was the show's last */
	free(folder);
}

size_t record_files_tidy(const char *dir, const struct record_limits *limits)
{
	struct record_list list;
	size_t gone = 0;
	uint64_t bytes = 0;
	if (record_files_list(dir, NULL, &list) == 0)
		for (size_t i = 0; i < list.count; i++)
			bytes += list.items[i].bytes;
	for (size_t i = 0; i < list.count; i++) {
		const struct record_found *found = &list.items[i];
		const bool old =
			limits->days && limits->now_s - found->changed_s > limits->days * DAY_S;
		const bool much = limits->mb && bytes > (uint64_t)limits->mb * MEGABYTE;
		if ((!old && !much) || limits->is_open(limits->arg, found->path))
			continue;
		delete_pair(found);
		bytes -= found->bytes;
		gone++;
	}
	record_list_finish(&list);
	return gone;
}
