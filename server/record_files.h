/*
 * Recordings as files: their names, what there is, what has to go. A recording is a pair PATH.mp4
 * and PATH.idx with PATH = DIR/{room}/{show}/{begin}, both times microseconds UTC. Blocks; on the
 * recorder's and the replay's thread.
 */
#ifndef SOUK_SERVER_RECORD_FILES_H
#define SOUK_SERVER_RECORD_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_naming {
	const char *dir, *room;
	int64_t show_us;
	bool resumes; /* the room's newest show instead, if there is one */
	int64_t begin_us;
};

/* Makes the folders. The caller frees *out. */
int record_files_make_path(const struct record_naming *naming, char **out)
	__attribute__((warn_unused_result));

/* Megabytes that are left to us on that disk; `dir` need not be there yet. */
int64_t record_files_free_mb(const char *dir);

struct record_found {
	char *path;
	int64_t show_us, begin_us;
	int64_t changed_s; /* when it was written last */
	uint64_t bytes;
};

struct record_list {
	struct record_found *items;
	size_t count, size;
};

/* Of one room, or of all (NULL), oldest first. -ENOENT: there are none. record_list_finish() in
 * every case. */
int record_files_list(const char *dir, const char *room, struct record_list *out)
	__attribute__((warn_unused_result));
void record_list_finish(struct record_list *list);

struct record_limits {
	int64_t days; /* 0: for ever */
	int64_t mb; /* 0: without limit */
	int64_t now_s;
	bool (*is_open)(void *arg, const char *path);
	void *arg;
};
/* Deletes what is too old, then the oldest of what is too much. Returns how many. */
size_t record_files_tidy(const char *dir, const struct record_limits *limits);

#endif
