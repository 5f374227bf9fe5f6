/*
 * The writing connection of the embedded store. One thread: the store's. After a failed commit it
 * is closed and opened again: what SQLite or the kernel still believe about pages that never
 * reached the disk must not be built upon.
 */
#ifndef SOUK_COMMERCE_STORE_WRITER_H
#define SOUK_COMMERCE_STORE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

struct bytes;
struct list;
struct store_writer;

/* Recovers what a dead process left, and makes it durable. -EACCES when it can only be read. */
int store_writer_open(struct store_writer **out, const char *path, bool sync_normal)
	__attribute__((warn_unused_result));

int64_t store_writer_last_commit(const struct store_writer *writer);

/* A group in one SQLite transaction: begin, put each transaction's rows, end. -ENOENT when the file
 * has no name any more: what is written to it is lost. */
int store_writer_begin(struct store_writer *writer) __attribute__((warn_unused_result));
int store_writer_put(struct store_writer *writer, const struct bytes *rows)
	__attribute__((warn_unused_result));
int store_writer_end(struct store_writer *writer, int64_t at_us)
	__attribute__((warn_unused_result)); /* 0: durable */

/* Why the last call failed, for people: "database or disk is full". Takes NULL. */
const char *store_writer_fault(const struct store_writer *writer);

/* Pages in the WAL after the last commit. */
int store_writer_wal_pages(const struct store_writer *writer);
/* Copies the WAL back, as far as the oldest reader allows, and empties it. -EBUSY when somebody
 * reads what is in it: nobody is waited for. */
int store_writer_truncate_wal(struct store_writer *writer);

void store_writer_close(struct store_writer *writer); /* takes NULL */

#endif
