/*
 * Reads an SQLite store: one read-only snapshot on a connection of its own. Used to load the engine
 * and to check a store, also beside a running server. One thread at a time.
 */
#ifndef SOUK_COMMERCE_STORE_READER_H
#define SOUK_COMMERCE_STORE_READER_H

#include "commerce/row.h"

struct row_sink;
struct store_reader;

/* The log of a store that is read keeps what is written meanwhile. */
#define STORE_LOG_GROWTH_MAX (INT64_C(1) << 30)

struct stored_row {
	enum row_table table;
	const void *row; /* struct of commerce/row.h; texts live during the call */
	int64_t commit; /* number of the commit that wrote it */
	bool damaged; /* its sum does not fit; only with `verify` */
	const uint8_t *sum; /* ROW_SUM_SIZE bytes, computed; NULL without `verify` */
};

struct stored_commit {
	int64_t n;
	int64_t at_us;
	int64_t rows; /* chained ones */
	const uint8_t *hash; /* SHA256_SIZE bytes; NULL if its size is wrong */
};

/* With `verify` each row's sum is computed and compared. -ENOENT without a store in `dir`, -EUCLEAN
 * for a foreign or newer file, -EACCES for another user's, -EIO. */
int store_reader_open(struct store_reader **out, const char *dir, bool verify)
	__attribute__((warn_unused_result));

/* For who reads beside the store's owner: ends with -EFBIG when the log grows beyond that. */
void store_reader_bound(struct store_reader *reader, const char *dir);

/* A table in the order of its key. What `fn` returns other than 0 ends it and is returned. -EIO. */
int store_reader_rows(struct store_reader *reader, enum row_table table,
		      int (*fn)(void *arg, const struct stored_row *row), void *arg);
/* All that a ledger is made of. What the sink returns other than 0 ends it and is returned. */
int store_reader_load(struct store_reader *reader, const struct row_sink *sink);
int store_reader_commits(struct store_reader *reader,
			 int (*fn)(void *arg, const struct stored_commit *commit), void *arg);

/* Number of the newest commit, 0 without any; -EIO. */
int64_t store_reader_last_commit(struct store_reader *reader);

/* SQLite's own look at its pages; `fn` for each finding. */
int store_reader_integrity(struct store_reader *reader, void (*fn)(void *arg, const char *finding),
			   void *arg);

void store_reader_close(struct store_reader *reader); /* takes NULL */

#endif
