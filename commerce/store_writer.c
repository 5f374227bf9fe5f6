#include "commerce/store_writer.h"

#include "commerce/row.h"
#include "commerce/store_schema.h"
#include "server/core/alloc.h"
#include "server/core/bytes.h"
#include "server/core/crypto.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_MS = 5000 };

struct store_writer {
	sqlite3 *db;
	sqlite3_stmt *put[ROW_KINDS];
	sqlite3_stmt *put_commit;
	int64_t n; /* last commit */
	uint8_t hash[SHA256_SIZE]; /* of the last commit */
	int64_t rows; /* chained ones in the open transaction */
	uint8_t sums[ROW_SUM_SIZE]; /* XOR of theirs */
	int wal_pages;
};

static int run(struct store_writer *writer, const char *sql)
{
	return sqlite3_exec(writer->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
}

static int prepare(struct store_writer *writer, const char *sql, sqlite3_stmt **out)
{
	return sqlite3_prepare_v3(writer->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) ? -EIO
											     : 0;
}

static int prepare_all(struct store_writer *writer)
{
	for (int table = 0; table < ROW_KINDS; table++) {
		char *sql = schema_write_sql(table);
		const int err = prepare(writer, sql, &writer->put[table]);
		free(sql);
		if (err)
			return err;
	}
	return prepare(writer, "INSERT INTO commits (n, at_us, rows, hash) VALUES (?, ?, ?, ?)",
		       &writer->put_commit);
}

static int read_last(struct store_writer *writer)
{
	sqlite3_stmt *last = NULL;
	int err = prepare(writer, "SELECT n, hash FROM commits ORDER BY n DESC LIMIT 1", &last);
	if (err)
		return err;
	const int status = sqlite3_step(last);
	if (status == SQLITE_ROW) {
		writer->n = sqlite3_column_int64(last, 0);
		if (sqlite3_column_bytes(last, 1) == SHA256_SIZE)
			memcpy(writer->hash, sqlite3_column_blob(last, 1), SHA256_SIZE);
	} else if (status != SQLITE_DONE) {
		err = -EIO;
	}
	sqlite3_finalize(last);
	return err;
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	(void)db;
	(void)name;
	struct store_writer *writer = arg;
	writer->wal_pages = pages;
	return SQLITE_OK;
}

int store_writer_open(struct store_writer **out, const char *path, bool sync_normal)
{
	struct store_writer *writer = xcalloc(1, sizeof(*writer));
	int err = -EIO;
	if (sqlite3_open_v2(path, &writer->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL))
		goto fail;
	sqlite3_busy_timeout(writer->db, BUSY_MS);
	err = -EACCES; /* SQLite takes what can be read alone */
	if (sqlite3_db_readonly(writer->db, "main"))
		goto fail;
	err = run(writer, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
			  "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384");
	if (!err)
		err = run(writer, sync_normal ? "PRAGMA synchronous = NORMAL"
					      : "PRAGMA synchronous = FULL");
	if (!err)
		err = schema_ensure(writer->db);
	if (!err)
		err = prepare_all(writer);
	if (!err)
		err = read_last(writer);
	if (err)
		goto fail;
	sqlite3_wal_hook(writer->db, on_wal, writer);
	(void)store_writer_truncate_wal(writer); /* later, while somebody reads */
	*out = writer;
	return 0;
fail:
	store_writer_close(writer);
	return err;
}

int64_t store_writer_last_commit(const struct store_writer *writer)
{
	return writer->n;
}

int store_writer_begin(struct store_writer *writer)
{
	int moved = 0;
	if (sqlite3_file_control(writer->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) || moved)
		return -ENOENT;
	writer->rows = 0;
	memset(writer->sums, 0, sizeof(writer->sums));
	return run(writer, "BEGIN IMMEDIATE");
}

static void bind_columns(sqlite3_stmt *put, const struct row_info *info, const void *row)
{
	for (size_t i = 0; i < info->count; i++) {
		const struct row_column *column = &info->columns[i];
		if (column->text) /* NULL binds NULL */
			sqlite3_bind_text(put, (int)i + 1, row_text(row, column), -1,
					  SQLITE_STATIC);
		else
			sqlite3_bind_int64(put, (int)i + 1, row_int(row, column));
	}
}

static int put_row(struct store_writer *writer, enum row_table table, const void *row,
		   const uint8_t sum[ROW_SUM_SIZE])
{
	const struct row_info *info = row_info(table);
	sqlite3_stmt *put = writer->put[table];
	bind_columns(put, info, row);
	if (table != ROW_TRIM) {
		sqlite3_bind_int64(put, (int)info->count + 1, writer->n + 1);
		sqlite3_bind_blob(put, (int)info->count + 2, sum, ROW_SUM_SIZE, SQLITE_STATIC);
	}
	const int status = sqlite3_step(put);
	sqlite3_reset(put);
	sqlite3_clear_bindings(put);
	return status == SQLITE_DONE ? 0 : -EIO;
}

int store_writer_put(struct store_writer *writer, const struct bytes *rows)
{
	struct bits in;
	bits_init(&in, rows->data, rows->len);
	while (bits_left(&in)) {
		int64_t row[ROW_SIZE_MAX / sizeof(int64_t)];
		uint8_t sum[ROW_SUM_SIZE];
		const uint8_t *start;
		const int table = row_decode(&in, row, &start);
		if (table < 0)
			return table;
		row_sum(start, (size_t)(in.at - start), sum);
		if (row_info(table)->chained) {
			writer->rows++;
			for (int i = 0; i < ROW_SUM_SIZE; i++)
				writer->sums[i] ^= sum[i];
		}
		const int err = put_row(writer, table, row, sum);
		if (err)
			return err;
	}
	return 0;
}

int store_writer_end(struct store_writer *writer, int64_t at_us)
{
	const int64_t n = writer->n + 1;
	schema_chain(writer->hash, n, writer->rows, writer->sums);
	sqlite3_bind_int64(writer->put_commit, 1, n);
	sqlite3_bind_int64(writer->put_commit, 2, at_us);
	sqlite3_bind_int64(writer->put_commit, 3, writer->rows);
	sqlite3_bind_blob(writer->put_commit, 4, writer->hash, SHA256_SIZE, SQLITE_STATIC);
	const int status = sqlite3_step(writer->put_commit);
	sqlite3_reset(writer->put_commit);
	if (status != SQLITE_DONE || run(writer, "COMMIT"))
		return -EIO;
	writer->n = n;
	return 0;
}

const char *store_writer_fault(const struct store_writer *writer)
{
	return writer ? sqlite3_errmsg(writer->db) : "it cannot be opened";
}

int store_writer_wal_pages(const struct store_writer *writer)
{
	return writer->wal_pages;
}

int store_writer_truncate_wal(struct store_writer *writer)
{
	sqlite3_busy_timeout(writer->db, 0);
	const int status =
		sqlite3_wal_checkpoint_v2(writer->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(writer->db, BUSY_MS);
	if (status != SQLITE_OK)
		return status == SQLITE_BUSY ? -EBUSY : -EIO;
	writer->wal_pages = 0;
	return 0;
}

void store_writer_close(struct store_writer *writer)
{
	if (!writer)
		return;
	for (int table = 0; table < ROW_KINDS; table++)
		sqlite3_finalize(writer->put[table]);
	sqlite3_finalize(writer->put_commit);
	sqlite3_close(writer->db);
	free(writer);
}
