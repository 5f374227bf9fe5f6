#include "server/record.h"

#include "server/app.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/list.h"
#include "server/core/loop.h"
#include "server/core/mqueue.h"
#include "server/disk_thread.h"
#include "server/record_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES_MAX = 4 * 1024 * 1024 };

struct recorder {
	struct app *app;
	struct disk_thread disk;
	char *dir;
	struct list files; // record_file.link, open ones
	struct timer sync, tidy; /* of that thread's loop */
	struct message begin;
	atomic_size_t bytes; /* on their way */
};

/* Its owner pushes messages; all but `failed` is the recorder's thread's. */
struct record_file {
	struct recorder *recorder;
	struct list link;
	char *path; /* without ".mp4" and ".idx" */
	int data_fd, index_fd;
	uint64_t len;
	struct bytes lines; /* of what is written and not yet synced */
	atomic_bool failed;
};

enum record_verb { RECORD_OPEN, RECORD_APPEND, RECORD_EVENT, RECORD_CLOSE };

struct record_message {
	struct message message;
	struct record_file *file;
	enum record_verb verb;
	struct buf *data;
	size_t bytes; /* of it */
	struct record_part part;
	struct record_track track;
	char room[65];
	int64_t show_us, begin_us;
	bool resumes, over;
};

static void fail(struct record_file *file, const char *what, int err)
{
	if (atomic_exchange(&file->failed, true))
		return;
	metric_add(file->recorder->app->counters.recordings_failed, 1);
	log_error(&file->recorder->app->log, "recording stopped path=%s what=%s reason=%s",
		  file->path ? file->path : "-", what, strerror(-err));
}

static int write_all(int fd, const void *data, size_t len)
{
	const uint8_t *at = data;
	while (len) {
		const ssize_t took = write(fd, at, len);
		if (took < 0 && errno != EINTR)
			return -errno;
		at += took > 0 ? took : 0;
		len -= took > 0 ? (size_t)took : 0;
	}
	return 0;
}

/* The bytes first, then the lines that name them: what a line names is there, whatever happens. */
static void sync_file(struct record_file *file)
{
	if (!file->lines.len || atomic_load(&file->failed))
		return;
	int err = fdatasync(file->data_fd) ? -errno : 0;
	if (!err)
		err = bytes_ok(&file->lines)
			      ? write_all(file->index_fd, file->lines.data, file->lines.len)
			      : -ENOBUFS;
	if (!err && fdatasync(file->index_fd))
		err = -errno;
	bytes_clear(&file->lines);
	if (err)
		fail(file, "sync", err);
}

static void on_sync(void *arg)
{
	struct recorder *recorder = arg;
	list_for_each (link, &recorder->files)
		sync_file(list_entry(link, struct record_file, link));
	if (!list_empty(&recorder->files))
		timer_start(&recorder->sync, RECORDER_SYNC_US);
}

static int make_fd(const struct record_file *file, const char *suffix)
{
	char *path = xasprintf("%s%s", file->path, suffix);
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	free(path);
	return fd < 0 ? -errno : fd;
}

static int make_files(struct record_file *file, const struct record_message *opening)
{
	const struct record_naming naming = { .dir = file->recorder->dir,
					      .room = opening->room,
					      .show_us = opening->show_us,
					      .resumes = opening->resumes,
					      .begin_us = opening->begin_us };
	int err = record_files_make_path(&naming, &file->path);
	if (err)
		return err;
	file->data_fd = make_fd(file, ".mp4");
	if (file->data_fd < 0)
		return file->data_fd;
	file->index_fd = make_fd(file, ".idx");
	if (file->index_fd < 0)
		return file->index_fd;
	return write_all(file->data_fd, opening->data->data, opening->data->len);
}

static bool has_room(const struct recorder *recorder)
{
	return record_files_free_mb(recorder->dir) >= recorder->app->config.record_reserve_mb;
}

static void do_open(struct record_file *file, const struct record_message *opening)
{
	struct recorder *recorder = file->recorder;
	list_append(&recorder->files, &file->link);
	const int err = has_room(recorder) ? make_files(file, opening) : -ENOSPC;
	if (err) {
		fail(file, "open", err);
		return;
	}
	struct record_track track = opening->track;
	track.header_len = file->len = opening->bytes;
	record_put_track(&file->lines, &track);
	sync_file(file);
	log_info(&recorder->app->log, "recording room=%s path=%s", opening->room, file->path);
	if (!timer_active(&recorder->sync))
		timer_start(&recorder->sync, RECORDER_SYNC_US);
}

static void do_append(struct record_file *file, const struct record_message *message)
{
	const struct buf *data = message->data;
	if (!data || atomic_load(&file->failed))
		return;
	int err = 0;
	if (message->part.starts_segment && !has_room(file->recorder))
		err = -ENOSPC;
	if (!err)
		err = write_all(file->data_fd, data->data, data->len);
	if (err) {
		fail(file, "write", err);
		return;
	}
	struct record_part part = message->part;
	part.offset = file->len;
	part.len = data->len;
	file->len += part.len;
	metric_add(file->recorder->app->counters.recorded_bytes, (int64_t)part.len);
	record_put_part(&file->lines, &part);
}

static void do_close(struct record_file *file, bool over)
{
	if (over && !atomic_load(&file->failed))
		record_put_end(&file->lines);
	sync_file(file);
	list_remove(&file->link);
	if (file->data_fd >= 0)
		close(file->data_fd);
	if (file->index_fd >= 0)
		close(file->index_fd);
	bytes_finish(&file->lines);
	free(file->path);
	free(file);
}

static void run(struct message *link)
{
	struct record_message *message = list_entry(link, struct record_message, message);
	struct record_file *file = message->file;
	struct recorder *recorder = file->recorder;
	atomic_fetch_sub(&recorder->bytes, message->bytes);
	switch (message->verb) {
	case RECORD_OPEN:
		do_open(file, message);
		break;
	case RECORD_APPEND:
		do_append(file, message);
		break;
	case RECORD_EVENT:
		if (message->data && !atomic_load(&file->failed))
			record_put_event(&file->lines, message->data->data, message->data->len);
		break;
	case RECORD_CLOSE:
		do_close(file, message->over);
		break;
	}
	buf_unref(message->data);
	free(message);
}

static struct record_message *message_for(struct record_file *file, enum record_verb verb,
					  struct buf *data)
{
	struct record_message *message = xcalloc(1, sizeof(*message));
	message->message.run = run;
	message->file = file;
	message->verb = verb;
	message->data = data ? buf_ref(data) : NULL;
	message->bytes = data ? data->len : 0;
	atomic_fetch_add(&file->recorder->bytes, message->bytes);
	return message;
}

struct record_file *record_open(struct recorder *recorder, const struct record_opening *opening)
{
	struct record_file *file = xcalloc(1, sizeof(*file));
	file->recorder = recorder;
	file->data_fd = file->index_fd = -1;
	list_init(&file->link);
	bytes_init(&file->lines, LINES_MAX);
	struct record_message *message = message_for(file, RECORD_OPEN, opening->header);
	message->track = *opening->track;
	message->show_us = opening->show_us;
	message->begin_us = opening->begin_us;
	message->resumes = opening->resumes;
	snprintf(message->room, sizeof(message->room), "%s", opening->room);
	mqueue_push_always(recorder->disk.queue, &message->message);
	return file;
}

/* A disk that cannot follow ends the file: it has no holes. */
static void push(struct record_file *file, enum record_verb verb, struct buf *data,
		 const struct record_part *part)
{
	struct recorder *recorder = file->recorder;
	if (atomic_load(&file->failed))
		return;
	struct record_message *message = message_for(file, verb, data);
	if (part)
		message->part = *part;
	if (atomic_load(&recorder->bytes) <= RECORDER_BYTES_MAX &&
	    mqueue_push(recorder->disk.queue, &message->message) == 0)
		return;
	atomic_fetch_sub(&recorder->bytes, message->bytes);
	buf_unref(message->data);
	free(message);
	if (!atomic_exchange(&file->failed, true)) {
		metric_add(recorder->app->counters.recordings_failed, 1);
		log_error(&recorder->app->log, "recording stopped: the disk is too slow");
	}
}

void record_append(struct record_file *file, struct buf *data, const struct record_part *part)
{
	push(file, RECORD_APPEND, data, part);
}

void record_event(struct record_file *file, struct buf *message)
{
	push(file, RECORD_EVENT, message, NULL);
}

bool record_failed(const struct record_file *file)
{
	return atomic_load(&file->failed);
}

void record_close(struct record_file *file, bool over)
{
	struct record_message *message = message_for(file, RECORD_CLOSE, NULL);
	message->over = over;
	mqueue_push_always(file->recorder->disk.queue, &message->message);
}

static bool is_open(void *arg, const char *path)
{
	const struct recorder *recorder = arg;
	list_for_each (link, &recorder->files) {
		const struct record_file *file = list_entry(link, struct record_file, link);
		if (file->path && !strcmp(file->path, path))
			return true;
	}
	return false;
}

static void on_tidy(void *arg)
{
	struct recorder *recorder = arg;
	const struct config *config = &recorder->app->config;
	const struct record_limits limits = {
		.days = config->record_days,
		.mb = config->record_mb,
		.now_s = loop_utc_us(recorder->disk.loop) / 1000000,
		.is_open = is_open,
		.arg = recorder,
	};
	const size_t gone = record_files_tidy(recorder->dir, &limits);
	if (gone)
		log_info(&recorder->app->log, "old recordings deleted files=%zu", gone);
	timer_start(&recorder->tidy, RECORDER_TIDY_US);
}

static void run_begin(struct message *begin)
{
	on_tidy(list_entry(begin, struct recorder, begin));
}

int recorder_create(struct recorder **out, struct app *app)
{
	struct recorder *recorder = xcalloc(1, sizeof(*recorder));
	recorder->app = app;
	recorder->dir = xasprintf("%s/recordings", app->config.data_dir);
	list_init(&recorder->files);
	const int err = disk_thread_start(&recorder->disk, &app->clock, RECORDER_QUEUE_MAX);
	if (err) {
		recorder_destroy(recorder);
		return err;
	}
	timer_init(&recorder->sync, recorder->disk.loop, on_sync, recorder);
	timer_init(&recorder->tidy, recorder->disk.loop, on_tidy, recorder);
	recorder->begin.run = run_begin;
	mqueue_push_always(recorder->disk.queue, &recorder->begin);
	*out = recorder;
	return 0;
}

void recorder_destroy(struct recorder *recorder)
{
	if (!recorder)
		return;
	disk_thread_stop(&recorder->disk);
	timer_stop(&recorder->sync);
	timer_stop(&recorder->tidy);
	while (!list_empty(&recorder->files)) /* whose owner had no time to close it */
		do_close(list_entry(recorder->files.next, struct record_file, link), false);
	disk_thread_finish(&recorder->disk);
	free(recorder->dir);
	free(recorder);
}
