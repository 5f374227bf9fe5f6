#include "commerce/transaction.h"

#include "commerce/ledger.h"
#include "commerce/room.h"
#include "commerce/shelf.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"

#include <stdlib.h>

enum { ROWS_MAX = 64 << 20 };

void transaction_init(struct transaction *tx)
{
	*tx = (struct transaction){ 0 };
	bytes_init(&tx->rows, ROWS_MAX);
	list_init(&tx->rooms);
	list_init(&tx->products);
	list_init(&tx->notices);
}

void transaction_begin(struct transaction *tx, struct ledger *ledger, int64_t now_us)
{
	tx->ledger = ledger;
	tx->now_us = now_us;
}

void transaction_row(struct transaction *tx, enum row_table table, const void *row)
{
	row_encode(&tx->rows, table, row);
}

void transaction_room(struct transaction *tx, struct room *room)
{
	if (list_empty(&room->dirty))
		list_append(&tx->rooms, &room->dirty);
	ledger_room_changed(tx->ledger, room);
}

void transaction_product(struct transaction *tx, struct product *product)
{
	if (list_empty(&product->dirty))
		list_append(&tx->products, &product->dirty);
	product_forget_rendering(product);
	ledger_room_changed(tx->ledger, product->room);
}

void transaction_notice(struct transaction *tx, struct room *room, const char *type, uint64_t seq,
			int64_t at_us, struct buf *message)
{
	struct notice *notice = xcalloc(1, sizeof(*notice));
	*notice = (struct notice){
		.room = room, .seq = seq, .at_us = at_us, .type = type, .message = message
	};
	list_append(&tx->notices, &notice->link);
}

bool transaction_seal(struct transaction *tx)
{
	while (!list_empty(&tx->rooms)) {
		struct room *room = list_entry(tx->rooms.next, struct room, dirty);
		struct room_row row;
		list_remove(&room->dirty);
		room_to_row(room, &row);
		transaction_row(tx, ROW_ROOM, &row);
	}
	while (!list_empty(&tx->products)) {
		struct product *product = list_entry(tx->products.next, struct product, dirty);
		struct product_row row;
		list_remove(&product->dirty);
		product_to_row(product, &row);
		transaction_row(tx, ROW_PRODUCT, &row);
	}
	return tx->rows.len > 0;
}

void transaction_clear(struct transaction *tx)
{
	while (!list_empty(&tx->rooms))
		list_remove(tx->rooms.next);
	while (!list_empty(&tx->products))
		list_remove(tx->products.next);
	while (!list_empty(&tx->notices)) {
		struct notice *notice = list_entry(tx->notices.next, struct notice, link);
		list_remove(&notice->link);
		buf_unref(notice->message);
		free(notice);
	}
	bytes_clear(&tx->rows);
}

void transaction_finish(struct transaction *tx)
{
	transaction_clear(tx);
	bytes_finish(&tx->rows);
}
