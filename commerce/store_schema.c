#include "commerce/store_schema.h"

#include "server/core/bytes.h"
#include "server/core/crypto.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_MAX = 4096, APPLICATION_ID = 0x736f756b }; /* "souk" */

static char *sql_of(struct bytes *sql)
{
	char *text = strdup(bytes_string(sql));
	bytes_finish(sql);
	return text;
}

static void put_columns(struct bytes *sql, const struct row_info *info)
{
	for (size_t i = 0; i < info->count; i++)
		bytes_printf(sql, "\"%s\", ", info->columns[i].name);
	bytes_text(sql, "commit_n, sum");
}

static char *create_sql(enum row_table table)
{
	const struct row_info *info = row_info(table);
	const bool by_number = !strchr(info->key, ',') && !info->columns[0].text;
	struct bytes sql;
	bytes_init(&sql, SQL_MAX);
	bytes_printf(&sql, "CREATE TABLE %s (", info->name);
	for (size_t i = 0; i < info->count; i++)
		bytes_printf(&sql, "\"%s\" %s, ", info->columns[i].name,
			     info->columns[i].text ? "TEXT" : "INTEGER NOT NULL");
	bytes_printf(&sql,
		     "commit_n INTEGER NOT NULL, sum BLOB NOT NULL, PRIMARY KEY (%s)) STRICT%s",
		     info->key, by_number ? "" : ", WITHOUT ROWID");
	return sql_of(&sql);
}

char *schema_write_sql(enum row_table table)
{
	const struct row_info *info = row_info(table);
	struct bytes sql;
	bytes_init(&sql, SQL_MAX);
	if (table == ROW_TRIM) {
		bytes_text(&sql, "DELETE FROM events WHERE rid = ?1 AND seq <= ?2");
		return sql_of(&sql);
	}
	/* A row of the chain that comes twice is a fault of ours and must fail the commit. */
	bytes_printf(&sql, "%s INTO %s (", info->chained ? "INSERT" : "INSERT OR REPLACE",
		     info->name);
	put_columns(&sql, info);
	bytes_text(&sql, ") VALUES (?");
	for (size_t i = 0; i < info->count + 1; i++)
		bytes_text(&sql, ", ?");
	bytes_text(&sql, ")");
	return sql_of(&sql);
}

char *schema_read_sql(enum row_table table, bool newest_only)
{
	const struct row_info *info = row_info(table);
	struct bytes sql;
	bytes_init(&sql, SQL_MAX);
	bytes_text(&sql, "SELECT ");
	put_columns(&sql, info);
	bytes_printf(&sql, " FROM %s ORDER BY %s%s", info->name, info->key,
		     newest_only ? " DESC LIMIT 1" : "");
	return sql_of(&sql);
}

static int pragma_int(sqlite3 *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *statement = NULL;
	int err = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (!err && sqlite3_step(statement) == SQLITE_ROW)
		*out = sqlite3_column_int64(statement, 0);
	else
		err = -EIO;
	sqlite3_finalize(statement);
	return err ? -EIO : 0;
}

int schema_verify(sqlite3 *db)
{
	int64_t application = 0;
	int64_t version = 0;
	if (pragma_int(db, "PRAGMA application_id", &application) ||
	    pragma_int(db, "PRAGMA user_version", &version))
		return -EIO;
	return application == APPLICATION_ID && version == SCHEMA_VERSION ? 0 : -EUCLEAN;
}

static int run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
}

static int create_all(sqlite3 *db)
{
	int err = run(db, "BEGIN IMMEDIATE");
	for (int table = 0; !err && table < ROW_TABLES; table++) {
		char *sql = create_sql(table);
		err = run(db, sql);
		free(sql);
	}
	if (!err)
		err = run(db,
			  "CREATE TABLE commits (n INTEGER PRIMARY KEY, at_us INTEGER NOT NULL,"
			  " rows INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;"
			  "PRAGMA application_id = 0x736f756b; PRAGMA user_version = 1; COMMIT");
	if (err)
		run(db, "ROLLBACK");
	return err;
}

int schema_ensure(sqlite3 *db)
{
	int64_t tables = 0;
	if (pragma_int(db, "SELECT count(*) FROM sqlite_master", &tables))
		return -EIO;
	return tables ? schema_verify(db) : create_all(db);
}

void schema_chain(uint8_t hash[32], int64_t n, int64_t rows, const uint8_t sums[ROW_SUM_SIZE])
{
	struct bytes link;
	bytes_init(&link, SHA256_SIZE + 16 + ROW_SUM_SIZE);
	bytes_put(&link, hash, SHA256_SIZE);
	bytes_be64(&link, (uint64_t)n);
	bytes_be64(&link, (uint64_t)rows);
	bytes_put(&link, sums, ROW_SUM_SIZE);
	crypto_sha256(link.data, link.len, hash);
	bytes_finish(&link);
}
