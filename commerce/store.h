/*
 * Where the engine's rows are kept: one interface for each kind of store. The engine hands over
 * transactions; a store makes each of them durable whole or not at all, in the order given, and
 * says so on the loop's thread. Rows are those of commerce/row.h.
 */
#ifndef SOUK_COMMERCE_STORE_H
#define SOUK_COMMERCE_STORE_H

#include "server/core/mqueue.h"

#include <stddef.h>
#include <stdint.h>

struct bytes;
struct store;

/* One transaction. Belongs to the engine; the store keeps it from commit() until done(). */
struct store_commit {
	struct message message; /* the store's, like err */
	int err;
	struct bytes *rows; /* encoded row changes, in order; read only while it is kept. None: a
			       trial, whose failure spoils nothing */
	int64_t at_us;
	/* On the loop's thread. 0: durable. Negative: it and everything after it that was handed
	 * over before this call is not to be relied on. */
	void (*done)(struct store_commit *commit, int err);
};

/* Receives the stored rows: tables in the order of enum row_table, a table in the order of its key;
 * of the movements only the newest, for its number. The row (a struct of commerce/row.h) lives
 * during the call; an error ends the loading. */
struct row_sink {
	int (*row)(void *arg, int table, const void *row);
	void *arg;
};

struct store_ops {
	/* Everything that is committed, as one consistent state; blocks. */
	int (*load)(struct store *store, const struct row_sink *sink);
	void (*commit)(struct store *store, struct store_commit *commit);
	/* Blocks until nothing is under way; done() of what was is called before it returns. */
	void (*flush)(struct store *store);
	void (*destroy)(struct store *store);
};

struct store {
	const struct store_ops *ops;
};

/* Takes NULL. Nothing may be under way. */
void store_destroy(struct store *store);

#endif
