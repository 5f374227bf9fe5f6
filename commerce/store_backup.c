#include "commerce/store_backup.h"

#include "commerce/store_schema.h"
#include "commerce/store_sqlite.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUSY_MS = 5000 };

/* Read-write for a store that is only read, too: reading a WAL whose writer died means recovering
 * it first. */
static int open_store(sqlite3 **out, const char *dir, int flags)
{
	char *path = xasprintf("%s/" STORE_FILE, dir);
	const int status = sqlite3_open_v2(path, out, SQLITE_OPEN_READWRITE | flags, NULL);
	free(path);
	sqlite3_busy_timeout(*out, BUSY_MS);
	return status == SQLITE_OK ? 0 : -EIO;
}

/* In one step: a writer beside it would make a copy in several begin again and again. */
static int copy_pages(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	if (!backup)
		return -EIO;
	const int status = sqlite3_backup_step(backup, -1);
	sqlite3_backup_finish(backup);
	if (status == SQLITE_DONE)
		return 0;
	return status == SQLITE_FULL ? -ENOSPC : -EIO;
}

int store_backup(const char *from, const char *to)
{
	sqlite3 *source = NULL;
	sqlite3 *copy = NULL;
	char *path = xasprintf("%s/" STORE_FILE, from);
	int err = access(path, F_OK) ? -errno : 0;
	free(path);
	if (!err)
		err = open_store(&source, from, 0);
	if (!err) /* the log is its owner's to copy back */
		sqlite3_db_config(source, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (!err)
		err = schema_verify(source);
	if (!err)
		err = open_store(&copy, to, SQLITE_OPEN_CREATE);
	if (!err)
		err = copy_pages(source, copy);
	/* The copy says of itself that a log belongs to it, as the original does. */
	if (!err && sqlite3_exec(copy, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL))
		err = -EIO;
	sqlite3_close(source);
	sqlite3_close(copy);
	return err;
}

/* Whoever closes a store as the last one copies its log back and removes it. What cannot be read
 * keeps its log, which must not meet another store. */
static int remove_log(const char *dir)
{
	static const char *const logs[] = { STORE_FILE "-wal", STORE_FILE "-shm",
					    STORE_FILE "-journal" };
	sqlite3 *db = NULL;
	int err = 0;
	if (!open_store(&db, dir, 0))
		(void)sqlite3_exec(db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
	sqlite3_close(db);
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		char *path = xasprintf("%s/%s", dir, logs[i]);
		if (unlink(path) && errno != ENOENT)
			err = -errno;
		free(path);
	}
	return err;
}

int store_replace(const char *from, const char *to)
{
	int err = remove_log(to);
	if (err)
		return err;
	char *fresh = xasprintf("%s/" STORE_FILE, from);
	char *path = xasprintf("%s/" STORE_FILE, to);
	err = rename(fresh, path) ? -errno : 0;
	free(fresh);
	free(path);
	return err;
}
