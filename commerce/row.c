#include "commerce/row.h"

#include "server/core/bytes.h"
#include "server/core/crypto.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define INT(type, member) \
	{ \
#member, false, offsetof(struct type, member) \
	}
#define TEXT(type, member) \
	{ \
#member, true, offsetof(struct type, member) \
	}
#define TABLE(name, key, chain, def) \
	{ \
		name, key, chain, def, sizeof(def) / sizeof(def[0]) \
	}

static const struct row_column room_columns[] = {
	INT(room_row, rid),          TEXT(room_row, id),          TEXT(room_row, title),
	TEXT(room_row, pinned),      INT(room_row, token_access), INT(room_row, guest_orders),
	INT(room_row, high_profile), INT(room_row, record),       INT(room_row, price_grace_ms),
	INT(room_row, hold_s),       INT(room_row, host_grace_s), INT(room_row, state),
	INT(room_row, epoch),        INT(room_row, seq),          INT(room_row, created_us),
	INT(room_row, deleted),
};
static const struct row_column product_columns[] = {
	INT(product_row, pid),        INT(product_row, rid),       TEXT(product_row, sku),
	TEXT(product_row, title),     TEXT(product_row, image),    INT(product_row, limit),
	INT(product_row, initial),    INT(product_row, restocked), INT(product_row, left),
	INT(product_row, allotted),   INT(product_row, held),      INT(product_row, sold),
	INT(product_row, created_us), INT(product_row, removed),
};
static const struct row_column price_columns[] = {
	INT(price_row, pid),  INT(price_row, rev),     INT(price_row, minor),
	TEXT(price_row, cur), INT(price_row, from_us),
};
static const struct row_column order_columns[] = {
	TEXT(order_row, id),        INT(order_row, rid),           TEXT(order_row, sub),
	TEXT(order_row, cur),       INT(order_row, state),         INT(order_row, total),
	INT(order_row, shown_us),   INT(order_row, shown_clamped), INT(order_row, at_us),
	INT(order_row, expires_us), INT(order_row, epoch),         INT(order_row, changes),
	INT(order_row, items),
};
static const struct row_column item_columns[] = {
	TEXT(item_row, order_id), INT(item_row, n),         INT(item_row, pid),
	TEXT(item_row, sku),      INT(item_row, qty),       INT(item_row, minor),
	INT(item_row, rev),       INT(item_row, asked_rev), INT(item_row, limit),
	TEXT(item_row, cur),
};
static const struct row_column change_columns[] = {
	TEXT(change_row, order_id), INT(change_row, n),     INT(change_row, kind),
	INT(change_row, state),     TEXT(change_row, room), TEXT(change_row, sub),
	TEXT(change_row, key),      INT(change_row, at_us),
};
static const struct row_column movement_columns[] = {
	INT(movement_row, id),   INT(movement_row, pid),  TEXT(movement_row, order_id),
	INT(movement_row, kind), INT(movement_row, left), INT(movement_row, allotted),
	INT(movement_row, held), INT(movement_row, sold), INT(movement_row, at_us),
};
static const struct row_column event_columns[] = {
	INT(event_row, rid),    INT(event_row, seq),       TEXT(event_row, id),
	TEXT(event_row, type),  INT(event_row, epoch),     INT(event_row, at_us),
	INT(event_row, err_us), INT(event_row, stored_us), TEXT(event_row, data),
};
static const struct row_column trim_columns[] = { INT(trim_row, rid), INT(trim_row, seq) };

static const struct row_info infos[ROW_KINDS] = {
	[ROW_ROOM] = TABLE("rooms", "rid", false, room_columns),
	[ROW_PRODUCT] = TABLE("products", "pid", false, product_columns),
	[ROW_PRICE] = TABLE("price_revs", "pid, rev", true, price_columns),
	[ROW_ORDER] = TABLE("orders", "id", false, order_columns),
	[ROW_ITEM] = TABLE("order_items", "order_id, n", true, item_columns),
	[ROW_CHANGE] = TABLE("order_changes", "order_id, n", true, change_columns),
	[ROW_MOVEMENT] = TABLE("movements", "id", true, movement_columns),
	[ROW_EVENT] = TABLE("events", "rid, seq", false, event_columns),
	[ROW_TRIM] = TABLE("events", "rid, seq", false, trim_columns),
};

_Static_assert(sizeof(struct room_row) <= ROW_SIZE_MAX, "rows fit their buffer");
_Static_assert(sizeof(struct product_row) <= ROW_SIZE_MAX, "rows fit their buffer");
_Static_assert(sizeof(struct order_row) <= ROW_SIZE_MAX, "rows fit their buffer");

const struct row_info *row_info(enum row_table table)
{
	assert(table < ROW_KINDS);
	return &infos[table];
}

/* A text travels with its length + 1 (0: NULL) and its NUL, so that it can be used in place. */
void row_encode(struct bytes *out, enum row_table table, const void *row)
{
	const struct row_info *info = row_info(table);
	bytes_u8(out, (uint8_t)table);
	for (size_t i = 0; i < info->count; i++) {
		const struct row_column *column = &info->columns[i];
		if (!column->text) {
			bytes_be64(out, (uint64_t)row_int(row, column));
			continue;
		}
		const char *text = row_text(row, column);
		const size_t size = text ? strlen(text) + 1 : 0;
		bytes_be32(out, (uint32_t)size);
		bytes_put(out, text, size);
	}
}

int row_decode(struct bits *in, void *row, const uint8_t **start)
{
	*start = in->at;
	const unsigned table = bits_u8(in);
	if (!bits_ok(in) || table >= ROW_KINDS)
		return -EINVAL;
	const struct row_info *info = row_info(table);
	for (size_t i = 0; i < info->count; i++) {
		char *field = (char *)row + info->columns[i].offset;
		if (!info->columns[i].text) {
			*(int64_t *)field = (int64_t)bits_be64(in);
			continue;
		}
		const uint32_t size = bits_be32(in);
		const uint8_t *text = size ? bits_bytes(in, size) : NULL;
		if (size && (!text || text[size - 1] != '\0'))
			return -EINVAL;
		*(const char **)field = (const char *)text;
	}
	return bits_ok(in) ? (int)table : -EINVAL;
}

void row_sum(const void *encoding, size_t len, uint8_t out[ROW_SUM_SIZE])
{
	uint8_t hash[SHA256_SIZE];
	crypto_sha256(encoding, len, hash);
	memcpy(out, hash, ROW_SUM_SIZE);
}
