/*
 * Rows as the store keeps them, described once: from these tables come the SQL schema, the encoding
 * of a transaction, the sum of each row, loading and checking. Texts of a decoded row point into
 * the bytes it was decoded from. Pure functions; any thread.
 */
#ifndef SOUK_COMMERCE_ROW_H
#define SOUK_COMMERCE_ROW_H

#include "server/core/bits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes;

/* In the order in which they are loaded: a row comes after those it names. */
enum row_table {
	ROW_ROOM,
	ROW_PRODUCT,
	ROW_PRICE,
	ROW_ORDER,
	ROW_ITEM,
	ROW_CHANGE,
	ROW_MOVEMENT,
	ROW_EVENT,
	ROW_TABLES,
	ROW_TRIM = ROW_TABLES, /* no table: takes events away */
	ROW_KINDS
};

enum { ROW_SUM_SIZE = 16, ROW_SIZE_MAX = 192 };

struct room_row {
	int64_t rid; /* a room made again under the same id is another one */
	const char *id, *title, *pinned;
	int64_t token_access, guest_orders, high_profile, record;
	int64_t price_grace_ms, hold_s, host_grace_s;
	int64_t state, epoch, seq, created_us, deleted;
};

struct product_row {
	int64_t pid, rid;
	const char *sku, *title, *image;
	int64_t limit;
	int64_t initial, restocked, left, allotted, held, sold;
	int64_t created_us, removed;
};

/* A price is in force until the next revision's from_us. */
struct price_row {
	int64_t pid, rev, minor;
	const char *cur;
	int64_t from_us;
};

struct order_row {
	const char *id;
	int64_t rid;
	const char *sub, *cur;
	int64_t state, total, shown_us, shown_clamped, at_us, expires_us, epoch, changes, items;
};

struct item_row {
	const char *order_id;
	int64_t n, pid;
	const char *sku;
	int64_t qty, minor, rev, asked_rev, limit;
	const char *cur;
};

/* One step in the life of an order; what an Idempotency-Key is bound to. */
struct change_row {
	const char *order_id;
	int64_t n, kind, state;
	const char *room, *sub, *key; /* who did it, with which key (NULL: none) */
	int64_t at_us;
};

struct movement_row {
	int64_t id, pid;
	const char *order_id; /* NULL: by the host */
	int64_t kind, left, allotted, held, sold; /* differences */
	int64_t at_us;
};

enum movement_kind {
	MOVEMENT_INITIAL,
	MOVEMENT_RESTOCK,
	MOVEMENT_HOLD, /* left to held */
	MOVEMENT_RELEASE, /* held to left */
	MOVEMENT_SELL, /* held to sold */
	MOVEMENT_LATE, /* left to sold: paid after its hold had expired */
	MOVEMENT_RETURN, /* sold to left */
};

struct event_row {
	int64_t rid, seq;
	const char *id, *type;
	int64_t epoch, at_us, err_us, stored_us;
	const char *data; /* JSON */
};

/* Forgets the room's events up to and with this seq. */
struct trim_row {
	int64_t rid, seq;
};

struct row_column {
	const char *name;
	bool text; /* else a 64-bit integer */
	size_t offset; /* in the struct */
};

struct row_info {
	const char *name; /* of the table */
	const char *key; /* its columns, for PRIMARY KEY and ORDER BY */
	/* Never changed once written, and so part of the chain of commits. */
	bool chained;
	const struct row_column *columns;
	size_t count;
};

const struct row_info *row_info(enum row_table table);

static inline int64_t row_int(const void *row, const struct row_column *column)
{
	return *(const int64_t *)((const char *)row + column->offset);
}
static inline const char *row_text(const void *row, const struct row_column *column)
{
	return *(const char *const *)((const char *)row + column->offset);
}

void row_encode(struct bytes *out, enum row_table table, const void *row);

/* The next row, into ROW_SIZE_MAX bytes aligned for int64_t. `*start` is where its encoding began.
 * The table, or -EINVAL. */
int row_decode(struct bits *in, void *row, const uint8_t **start);

/* What is stored beside a row to see damage: a part of the SHA-256 over its encoding. */
void row_sum(const void *encoding, size_t len, uint8_t out[ROW_SUM_SIZE]);

#endif
