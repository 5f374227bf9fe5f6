/* The SQL of the embedded store, made from commerce/row.h, and its version. One connection's
 * thread. */
#ifndef SOUK_COMMERCE_STORE_SCHEMA_H
#define SOUK_COMMERCE_STORE_SCHEMA_H

#include "commerce/row.h"

struct sqlite3;

enum { SCHEMA_VERSION = 1 };

/* Makes the tables of a new file. -EUCLEAN when the file is another program's or newer. */
int schema_ensure(struct sqlite3 *db) __attribute__((warn_unused_result));
int schema_verify(struct sqlite3 *db) __attribute__((warn_unused_result));

/* The caller frees. The write binds the columns, then the commit's number and the sum; the read
 * gives them in the same order. */
char *schema_write_sql(enum row_table table);
char *schema_read_sql(enum row_table table, bool newest_only); /* of a table with one key column */

/* hash(n) = SHA-256(hash(n - 1), n, number of chained rows, XOR of their sums). */
void schema_chain(uint8_t hash[32], int64_t n, int64_t rows, const uint8_t sums[ROW_SUM_SIZE]);

#endif
