#include "commerce/store_reader.h"

#include "commerce/store.h"
#include "commerce/store_schema.h"
#include "commerce/store_sqlite.h"
#include "server/core/alloc.h"
#include "server/core/bytes.h"
#include "server/core/crypto.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ROW_BYTES_MAX = 1 << 20,
	BUSY_MS = 5000,
	LOOK_STEPS = 1000, /* of SQLite's machine: some dozens of rows */
};

struct store_reader {
	sqlite3 *db;
	bool verify;
	char *log; /* a bounded reader's: the file that grows while it reads, */
	off_t log_len; /* from this on */
};

int store_reader_open(struct store_reader **out, const char *dir, bool verify)
{
	char *path = xasprintf("%s/" STORE_FILE, dir);
	struct store_reader *reader = xcalloc(1, sizeof(*reader));
	int err = -ENOENT;
	reader->verify = verify;
	if (access(path, F_OK))
		goto done;
	/* Read-write, because reading a WAL whose writer died means recovering it first. */
	err = -EIO;
	if (sqlite3_open_v2(path, &reader->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		goto done;
	sqlite3_busy_timeout(reader->db, BUSY_MS);
	sqlite3_db_config(reader->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (sqlite3_exec(reader->db, "PRAGMA query_only = 1", NULL, NULL, NULL) != SQLITE_OK)
		goto done;
	err = schema_verify(reader->db);
	/* The first read after BEGIN fixes the snapshot. */
	if (!err && sqlite3_exec(reader->db, "BEGIN; SELECT count(*) FROM rooms", NULL, NULL,
				 NULL) != SQLITE_OK)
		err = -EIO;
done:
	if (err == -EIO && access(path, R_OK | W_OK)) /* reading writes the log's index */
		err = -EACCES;
	free(path);
	if (err)
		store_reader_close(reader);
	else
		*out = reader;
	return err;
}

static off_t log_len(const struct store_reader *reader)
{
	struct stat log;
	return stat(reader->log, &log) == 0 ? log.st_size : 0;
}

static int on_progress(void *arg)
{
	const struct store_reader *reader = arg;
	return log_len(reader) - reader->log_len > STORE_LOG_GROWTH_MAX;
}

void store_reader_bound(struct store_reader *reader, const char *dir)
{
	reader->log = xasprintf("%s/" STORE_FILE "-wal", dir);
	reader->log_len = log_len(reader);
	sqlite3_progress_handler(reader->db, LOOK_STEPS, on_progress, reader);
}

/* Why SQLite did not go on. */
static int fault(int status)
{
	return status == SQLITE_INTERRUPT ? -EFBIG : -EIO;
}

static void read_columns(sqlite3_stmt *statement, const struct row_info *info, void *row)
{
	for (size_t i = 0; i < info->count; i++) {
		char *field = (char *)row + info->columns[i].offset;
		if (info->columns[i].text)
			*(const char **)field =
				(const char *)sqlite3_column_text(statement, (int)i);
		else
			*(int64_t *)field = sqlite3_column_int64(statement, (int)i);
	}
}

static void verify_row(sqlite3_stmt *statement, struct stored_row *stored, struct bytes *encoding,
		       uint8_t sum[ROW_SUM_SIZE])
{
	const int sum_column = (int)row_info(stored->table)->count + 1;
	bytes_clear(encoding);
	row_encode(encoding, stored->table, stored->row);
	row_sum(encoding->data, encoding->len, sum);
	const void *kept = sqlite3_column_blob(statement, sum_column);
	stored->sum = sum;
	stored->damaged = !bytes_ok(encoding) || !kept ||
			  sqlite3_column_bytes(statement, sum_column) != ROW_SUM_SIZE ||
			  memcmp(kept, sum, ROW_SUM_SIZE) != 0;
}

static int read_rows(struct store_reader *reader, const char *sql, struct stored_row *stored,
		     int (*fn)(void *arg, const struct stored_row *row), void *arg)
{
	const struct row_info *info = row_info(stored->table);
	sqlite3_stmt *statement = NULL;
	int64_t row[ROW_SIZE_MAX / sizeof(int64_t)];
	uint8_t sum[ROW_SUM_SIZE];
	struct bytes encoding;
	int status = sqlite3_prepare_v2(reader->db, sql, -1, &statement, NULL);
	int err = status == SQLITE_OK ? 0 : fault(status);
	bytes_init(&encoding, ROW_BYTES_MAX);
	stored->row = row;
	while (!err && (status = sqlite3_step(statement)) == SQLITE_ROW) {
		read_columns(statement, info, row);
		stored->commit = sqlite3_column_int64(statement, (int)info->count);
		if (reader->verify)
			verify_row(statement, stored, &encoding, sum);
		err = fn(arg, stored);
	}
	if (!err && status != SQLITE_DONE)
		err = fault(status);
	stored->row = NULL;
	stored->sum = NULL;
	bytes_finish(&encoding);
	sqlite3_finalize(statement);
	return err;
}

int store_reader_rows(struct store_reader *reader, enum row_table table,
		      int (*fn)(void *arg, const struct stored_row *row), void *arg)
{
	struct stored_row stored = { .table = table };
	char *sql = schema_read_sql(table, false);
	const int err = read_rows(reader, sql, &stored, fn, arg);
	free(sql);
	return err;
}

/* The last row of a table alone, or none. */
static int read_newest(struct store_reader *reader, enum row_table table,
		       int (*fn)(void *arg, const struct stored_row *row), void *arg)
{
	struct stored_row stored = { .table = table };
	char *sql = schema_read_sql(table, true);
	const int err = read_rows(reader, sql, &stored, fn, arg);
	free(sql);
	return err;
}

static int pass_on(void *arg, const struct stored_row *row)
{
	const struct row_sink *sink = *(const struct row_sink *const *)arg;
	return sink->row(sink->arg, row->table, row->row);
}

int store_reader_load(struct store_reader *reader, const struct row_sink *sink)
{
	int err = 0;
	for (int table = 0; !err && table < ROW_TABLES; table++)
		err = table == ROW_MOVEMENT ? read_newest(reader, table, pass_on, &sink)
					    : store_reader_rows(reader, table, pass_on, &sink);
	return err;
}

int store_reader_commits(struct store_reader *reader,
			 int (*fn)(void *arg, const struct stored_commit *commit), void *arg)
{
	sqlite3_stmt *statement = NULL;
	int status = sqlite3_prepare_v2(reader->db,
					"SELECT n, at_us, rows, hash FROM commits ORDER BY n", -1,
					&statement, NULL);
	int err = status == SQLITE_OK ? 0 : fault(status);
	while (!err && (status = sqlite3_step(statement)) == SQLITE_ROW) {
		const bool sized = sqlite3_column_bytes(statement, 3) == SHA256_SIZE;
		const struct stored_commit commit = {
			.n = sqlite3_column_int64(statement, 0),
			.at_us = sqlite3_column_int64(statement, 1),
			.rows = sqlite3_column_int64(statement, 2),
			.hash = sized ? sqlite3_column_blob(statement, 3) : NULL,
		};
		err = fn(arg, &commit);
	}
	if (!err && status != SQLITE_DONE)
		err = fault(status);
	sqlite3_finalize(statement);
	return err;
}

int64_t store_reader_last_commit(struct store_reader *reader)
{
	sqlite3_stmt *statement = NULL;
	int64_t last = -EIO;
	if (sqlite3_prepare_v2(reader->db, "SELECT coalesce(max(n), 0) FROM commits", -1,
			       &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		last = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return last;
}

int store_reader_integrity(struct store_reader *reader, void (*fn)(void *arg, const char *finding),
			   void *arg)
{
	sqlite3_stmt *statement = NULL;
	int status = sqlite3_prepare_v2(reader->db, "PRAGMA quick_check(20)", -1, &statement, NULL);
	while (status == SQLITE_OK || status == SQLITE_ROW) {
		status = sqlite3_step(statement);
		if (status != SQLITE_ROW)
			break;
		const char *finding = (const char *)sqlite3_column_text(statement, 0);
		if (finding && strcmp(finding, "ok") != 0)
			fn(arg, finding);
	}
	sqlite3_finalize(statement);
	return status == SQLITE_DONE ? 0 : fault(status);
}

void store_reader_close(struct store_reader *reader)
{
	if (!reader)
		return;
	sqlite3_close(reader->db);
	free(reader->log);
	free(reader);
}
