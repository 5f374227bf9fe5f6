/*
 * What one turn of the engine changes: rows for the store, and what is to be told once they are
 * durable. Rooms and products are marked and written once, at the end of the turn, however often
 * they changed. Control thread.
 */
#ifndef SOUK_COMMERCE_TRANSACTION_H
#define SOUK_COMMERCE_TRANSACTION_H

#include "commerce/row.h"
#include "server/core/bytes.h"
#include "server/core/list.h"

struct buf;
struct ledger;
struct product;
struct room;

/* A message that leaves by the outlet after the commit. */
struct notice {
	struct list link;
	struct room *room;
	uint64_t seq; /* 0: not a timeline event */
	int64_t at_us;
	const char *type; /* literal */
	struct buf *message;
};

struct transaction {
	struct ledger *ledger;
	int64_t now_us; /* UTC, the same for the whole turn */
	struct bytes rows;
	struct list rooms; // room.dirty
	struct list products; // product.dirty
	struct list notices; // notice.link
};

void transaction_init(struct transaction *tx);

/* Starts a turn on an empty transaction. */
void transaction_begin(struct transaction *tx, struct ledger *ledger, int64_t now_us);

void transaction_row(struct transaction *tx, enum row_table table, const void *row);
void transaction_room(struct transaction *tx, struct room *room);
void transaction_product(struct transaction *tx, struct product *product);
/* Takes the reference of `message`. `type` is a literal. */
void transaction_notice(struct transaction *tx, struct room *room, const char *type, uint64_t seq,
			int64_t at_us, struct buf *message);

/* Writes the rows of what was marked. True if there is anything to commit. */
bool transaction_seal(struct transaction *tx);

/* Forgets everything, marks too. */
void transaction_clear(struct transaction *tx);
void transaction_finish(struct transaction *tx);

#endif
