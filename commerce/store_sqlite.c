#include "commerce/store_sqlite.h"

#include "commerce/store.h"
#include "commerce/store_lock.h"
#include "commerce/store_reader.h"
#include "commerce/store_writer.h"
#include "server/core/alloc.h"
#include "server/core/bytes.h"
#include "server/core/log.h"
#include "server/core/loop.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	QUEUE_MAX = 1024, /* answers of the store; the engine has one commit under way */
	WAL_CHECKPOINT_PAGES = 2000, /* 8 MB: copied back beside the writer */
	WAL_MAX_PAGES = 16000, /* 64 MB: the writer copies it back, unless somebody reads in it */
	WAL_TELL_PAGES = 64000, /* 256 MB: the log tells of them, and of each doubling */
	PAGES_A_MB = 256,
	BUSY_MS = 1000,
};

struct sqlite_store {
	struct store store;
	struct log log;
	struct mqueue *answers;
	char *dir;
	char *path;
	int lock_fd;
	bool sync_normal;
	struct store_writer *writer; /* writing thread's; NULL after a failure */
	/* The writing thread's: pages from which it copies back itself, and tells. */
	int wal_limit, wal_tell;
	pthread_t write_thread;
	pthread_t copy_thread;
	bool write_started, copy_started;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct list waiting; // store_commit.message.link
	bool busy; /* the writing thread works on a group */
	bool broken; /* a commit failed and nothing was loaded since */
	bool copy_wanted;
	bool ending;
	int64_t last_n; /* number of the last commit that the engine's memory contains */
};

/* What a failed commit left behind may come back when the file is recovered; then memory and file
 * differ and must not meet. */
static int open_writer(struct sqlite_store *sqlite, int64_t expected_n)
{
	/* No new store in the place of one that was taken away, and no other one. */
	if (!store_lock_is_in(sqlite->lock_fd, sqlite->dir) || access(sqlite->path, F_OK))
		return -ENOENT;
	if (!sqlite->writer) {
		const int err =
			store_writer_open(&sqlite->writer, sqlite->path, sqlite->sync_normal);
		if (err)
			return err;
	}
	return store_writer_last_commit(sqlite->writer) == expected_n ? 0 : -ESTALE;
}

static int commit_group(struct sqlite_store *sqlite, struct list *group, int64_t expected_n)
{
	int err = open_writer(sqlite, expected_n);
	if (!err)
		err = store_writer_begin(sqlite->writer);
	int64_t at_us = 0;
	list_for_each (link, group) {
		const struct store_commit *commit =
			list_entry(link, struct store_commit, message.link);
		at_us = commit->at_us;
		if (!err)
			err = store_writer_put(sqlite->writer, commit->rows);
	}
	return err ? err : store_writer_end(sqlite->writer, at_us);
}

static void take_all(struct list *from, struct list *to)
{
	list_init(to);
	while (!list_empty(from)) {
		struct list *link = from->next;
		list_remove(link);
		list_append(to, link);
	}
}

static void answer_group(struct sqlite_store *sqlite, struct list *group, int err)
{
	while (!list_empty(group)) {
		struct store_commit *commit =
			list_entry(group->next, struct store_commit, message.link);
		list_remove(&commit->message.link);
		commit->err = err;
		mqueue_push_always(sqlite->answers, &commit->message);
	}
}

/* Orders do not wait for somebody who reads for long (check, export, backup): the log grows
 * meanwhile, and the writer looks again after each 8 MB. */
static void bound_wal(struct sqlite_store *sqlite)
{
	const int pages = store_writer_wal_pages(sqlite->writer);
	if (pages < WAL_MAX_PAGES) {
		sqlite->wal_limit = WAL_MAX_PAGES;
		sqlite->wal_tell = WAL_TELL_PAGES;
	}
	if (pages >= sqlite->wal_tell) {
		log_warn(&sqlite->log, "somebody reads the store for long, its log grows mb=%d",
			 pages / PAGES_A_MB);
		sqlite->wal_tell = 2 * pages;
	}
	if (pages >= sqlite->wal_limit) {
		if (store_writer_truncate_wal(sqlite->writer))
			sqlite->wal_limit = pages + WAL_CHECKPOINT_PAGES;
	} else if (pages >= WAL_CHECKPOINT_PAGES) {
		pthread_mutex_lock(&sqlite->lock);
		sqlite->copy_wanted = true;
		pthread_cond_broadcast(&sqlite->changed);
		pthread_mutex_unlock(&sqlite->lock);
	}
}

/* A commit of nothing: memory differs in no case, and its failure may be tried again. */
static bool is_trial(const struct list *group)
{
	list_for_each (link, group)
		if (list_entry(link, struct store_commit, message.link)->rows->len)
			return false;
	return true;
}

static void write_group(struct sqlite_store *sqlite, struct list *group, bool broken,
			int64_t expected_n)
{
	const bool breaks = !is_trial(group);
	const int err = broken ? -EIO : commit_group(sqlite, group, expected_n);
	if (err && !broken) {
		log_error(&sqlite->log, "commit failed reason=%s sqlite=\"%s\"", strerror(-err),
			  store_writer_fault(sqlite->writer));
		store_writer_close(sqlite->writer);
		sqlite->writer = NULL;
	}
	pthread_mutex_lock(&sqlite->lock);
	if (err)
		sqlite->broken = sqlite->broken || breaks;
	else
		sqlite->last_n = expected_n + 1;
	pthread_mutex_unlock(&sqlite->lock);
	answer_group(sqlite, group, err);
	if (!err)
		bound_wal(sqlite);
}

static void *write_groups(void *arg)
{
	struct sqlite_store *sqlite = arg;
	struct list group;
	pthread_mutex_lock(&sqlite->lock);
	for (;;) {
		while (list_empty(&sqlite->waiting) && !sqlite->ending)
			pthread_cond_wait(&sqlite->changed, &sqlite->lock);
		if (list_empty(&sqlite->waiting))
			break;
		take_all(&sqlite->waiting, &group);
		sqlite->busy = true;
		const bool broken = sqlite->broken;
		const int64_t expected_n = sqlite->last_n;
		pthread_mutex_unlock(&sqlite->lock);
		write_group(sqlite, &group, broken, expected_n);
		pthread_mutex_lock(&sqlite->lock);
		sqlite->busy = false;
		pthread_cond_broadcast(&sqlite->changed);
	}
	pthread_mutex_unlock(&sqlite->lock);
	return NULL;
}

/* Checkpoints stall whoever runs them: a thread with a connection of its own. */
static void *copy_back(void *arg)
{
	struct sqlite_store *sqlite = arg;
	sqlite3 *db = NULL;
	if (sqlite3_open_v2(sqlite->path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
		sqlite3_busy_timeout(db, BUSY_MS);
	pthread_mutex_lock(&sqlite->lock);
	while (!sqlite->ending) {
		if (!sqlite->copy_wanted) {
			pthread_cond_wait(&sqlite->changed, &sqlite->lock);
			continue;
		}
		sqlite->copy_wanted = false;
		pthread_mutex_unlock(&sqlite->lock);
		if (sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL))
			log_debug(&sqlite->log, "checkpoint put off");
		pthread_mutex_lock(&sqlite->lock);
	}
	pthread_mutex_unlock(&sqlite->lock);
	sqlite3_close(db);
	return NULL;
}

static void on_answer(struct message *message)
{
	struct store_commit *commit = list_entry(message, struct store_commit, message);
	commit->done(commit, commit->err);
}

static void on_dropped(struct message *message)
{
	(void)message; /* the engine that owned it is gone */
}

static void sqlite_commit(struct store *store, struct store_commit *commit)
{
	struct sqlite_store *sqlite = (struct sqlite_store *)store;
	commit->message.run = on_answer;
	commit->message.drop = on_dropped;
	pthread_mutex_lock(&sqlite->lock);
	list_append(&sqlite->waiting, &commit->message.link);
	pthread_cond_broadcast(&sqlite->changed);
	pthread_mutex_unlock(&sqlite->lock);
}

static int sqlite_load(struct store *store, const struct row_sink *sink)
{
	struct sqlite_store *sqlite = (struct sqlite_store *)store;
	struct store_reader *reader = NULL;
	int err = -ENOENT;
	if (store_lock_is_in(sqlite->lock_fd, sqlite->dir))
		err = store_reader_open(&reader, sqlite->dir, false);
	if (err)
		return err;
	err = store_reader_load(reader, sink);
	const int64_t last_n = store_reader_last_commit(reader);
	store_reader_close(reader);
	if (err || last_n < 0)
		return err ? err : -EIO;
	pthread_mutex_lock(&sqlite->lock);
	sqlite->last_n = last_n;
	sqlite->broken = false;
	pthread_mutex_unlock(&sqlite->lock);
	return 0;
}

static void sqlite_flush(struct store *store)
{
	struct sqlite_store *sqlite = (struct sqlite_store *)store;
	pthread_mutex_lock(&sqlite->lock);
	while (sqlite->busy || !list_empty(&sqlite->waiting))
		pthread_cond_wait(&sqlite->changed, &sqlite->lock);
	pthread_mutex_unlock(&sqlite->lock);
	mqueue_run(sqlite->answers);
}

static void sqlite_destroy(struct store *store)
{
	struct sqlite_store *sqlite = (struct sqlite_store *)store;
	pthread_mutex_lock(&sqlite->lock);
	sqlite->ending = true;
	pthread_cond_broadcast(&sqlite->changed);
	pthread_mutex_unlock(&sqlite->lock);
	if (sqlite->write_started)
		pthread_join(sqlite->write_thread, NULL);
	if (sqlite->copy_started)
		pthread_join(sqlite->copy_thread, NULL);
	store_writer_close(sqlite->writer);
	mqueue_destroy(sqlite->answers);
	pthread_cond_destroy(&sqlite->changed);
	pthread_mutex_destroy(&sqlite->lock);
	if (sqlite->lock_fd >= 0)
		close(sqlite->lock_fd);
	free(sqlite->path);
	free(sqlite->dir);
	free(sqlite);
}

static const struct store_ops sqlite_ops = {
	.load = sqlite_load,
	.commit = sqlite_commit,
	.flush = sqlite_flush,
	.destroy = sqlite_destroy,
};

static int start_threads(struct sqlite_store *sqlite)
{
	int err = pthread_create(&sqlite->write_thread, NULL, write_groups, sqlite);
	sqlite->write_started = !err;
	if (!err)
		err = pthread_create(&sqlite->copy_thread, NULL, copy_back, sqlite);
	sqlite->copy_started = sqlite->write_started && !err;
	return -err;
}

int store_sqlite_open(struct store **out, const struct store_sqlite_options *options, pid_t *holder)
{
	struct sqlite_store *sqlite = xcalloc(1, sizeof(*sqlite));
	sqlite->store.ops = &sqlite_ops;
	sqlite->sync_normal = options->sync_normal;
	sqlite->wal_limit = WAL_MAX_PAGES;
	sqlite->wal_tell = WAL_TELL_PAGES;
	log_init(&sqlite->log, options->log, "store=sqlite");
	pthread_mutex_init(&sqlite->lock, NULL);
	pthread_cond_init(&sqlite->changed, NULL);
	list_init(&sqlite->waiting);
	sqlite->dir = xstrdup(options->dir);
	sqlite->path = xasprintf("%s/" STORE_FILE, options->dir);
	int err = sqlite->lock_fd = store_lock_acquire(options->dir, holder);
	if (err < 0)
		goto fail;
	err = store_writer_open(&sqlite->writer, sqlite->path, options->sync_normal);
	if (err)
		goto fail;
	sqlite->last_n = store_writer_last_commit(sqlite->writer);
	err = mqueue_create(&sqlite->answers, options->loop, QUEUE_MAX);
	if (err)
		goto fail;
	err = start_threads(sqlite);
	if (err)
		goto fail;
	*out = &sqlite->store;
	return 0;
fail:
	sqlite_destroy(&sqlite->store);
	return err;
}
