#include "commerce/ledger.h"
#include "commerce/room.h"
#include "commerce/shelf.h"
#include "commerce/store.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows come table by table; what is needed only to join them lives here. */
struct loading {
	struct ledger *ledger;
	int64_t now_us;
	struct map rooms; /* rid to room */
	struct map pins; /* rid to the SKU that is pinned */
	struct map products; /* pid to product */
	struct order *last; /* order that the last item or change belonged to */
};

static int load_room(struct loading *loading, const struct room_row *row)
{
	if (!row->id || !row->title || row->state < ROOM_IDLE || row->state > ROOM_ENDED)
		return -EUCLEAN;
	struct room *room = room_from_row(row);
	ledger_add_room(loading->ledger, room);
	map_set_u64(&loading->rooms, (uint64_t)row->rid, room);
	if (row->pinned)
		map_set_u64(&loading->pins, (uint64_t)row->rid, xstrdup(row->pinned));
	return 0;
}

static int load_product(struct loading *loading, const struct product_row *row)
{
	struct room *room = map_get_u64(&loading->rooms, (uint64_t)row->rid);
	if (!room || !row->sku || !row->title || !row->image || row->left < 0 ||
	    row->allotted < 0 || row->held < 0 || row->sold < 0)
		return -EUCLEAN;
	struct product *product = product_from_row(row);
	product->room = room;
	list_append(&room->products, &product->link);
	map_set_u64(&loading->products, (uint64_t)row->pid, product);
	if (!product->removed)
		map_set_str(&room->shelf, product->sku, product);
	if (row->pid >= loading->ledger->next_pid)
		loading->ledger->next_pid = row->pid + 1;
	const char *pinned = map_get_u64(&loading->pins, (uint64_t)row->rid);
	if (pinned && !product->removed && strcmp(pinned, product->sku) == 0)
		room->pinned = product;
	return 0;
}

static int load_price(struct loading *loading, const struct price_row *row)
{
	struct product *product = map_get_u64(&loading->products, (uint64_t)row->pid);
	if (!product || !row->cur)
		return -EUCLEAN;
	/* The clock was set back while nobody ran: what was in force still is. */
	struct price_row known = *row;
	if (known.from_us > loading->now_us)
		known.from_us = loading->now_us;
	product_load_price(product, &known);
	return 0;
}

static int load_order(struct loading *loading, const struct order_row *row)
{
	struct room *room = map_get_u64(&loading->rooms, (uint64_t)row->rid);
	if (!room || !row->id || !row->sub || !row->cur || row->state < 0 ||
	    row->state >= ORDER_STATES || strlen(row->id) >= UUID_TEXT || row->items < 1 ||
	    row->items > ORDER_ITEMS_MAX)
		return -EUCLEAN;
	struct order *order =
		xcalloc(1, sizeof(*order) + sizeof(struct order_item) * (size_t)row->items);
	order->expected = (unsigned)row->items;
	snprintf(order->id, sizeof(order->id), "%s", row->id);
	snprintf(order->cur, sizeof(order->cur), "%s", row->cur);
	order->state = (enum order_state)row->state;
	order->room = room;
	order->buyer = ledger_buyer(loading->ledger, row->sub);
	order->shown_clamped = row->shown_clamped != 0;
	order->epoch = (uint32_t)row->epoch;
	order->total = row->total;
	order->shown_us = row->shown_us;
	order->at_us = row->at_us;
	order->expires_us = row->expires_us;
	order->changes = row->changes;
	ledger_add_order(loading->ledger, order);
	return 0;
}

static struct order *order_of(struct loading *loading, const char *id)
{
	if (id && (!loading->last || strcmp(loading->last->id, id) != 0))
		loading->last = map_get_str(&loading->ledger->orders, id);
	return id ? loading->last : NULL;
}

static int load_item(struct loading *loading, const struct item_row *row)
{
	struct order *order = order_of(loading, row->order_id);
	struct product *product = map_get_u64(&loading->products, (uint64_t)row->pid);
	if (!order || !product || row->n != order->count || order->count >= order->expected)
		return -EUCLEAN;
	order->items[order->count++] = (struct order_item){
		.product = product,
		.qty = row->qty,
		.minor = row->minor,
		.rev = row->rev,
		.asked_rev = row->asked_rev,
		.limit = row->limit,
	};
	return 0;
}

static int load_change(struct loading *loading, const struct change_row *row)
{
	struct order *order = order_of(loading, row->order_id);
	if (!order || row->kind < 0 || row->kind >= CHANGE_KINDS)
		return -EUCLEAN;
	if (row->key && row->room && row->sub && row->at_us + IDEMPOTENCY_KEEP_US > loading->now_us)
		idempotency_bind(&loading->ledger->keys, row, order, loading->now_us);
	return 0;
}

static int load_movement(struct loading *loading, const struct movement_row *row)
{
	if (row->id >= loading->ledger->next_movement)
		loading->ledger->next_movement = row->id + 1;
	return 0;
}

static int load_event(struct loading *loading, const struct event_row *row)
{
	struct room *room = map_get_u64(&loading->rooms, (uint64_t)row->rid);
	if (!room || !row->id || !row->type || !row->data)
		return -EUCLEAN;
	if (!strcmp(row->type, "product.pin")) /* in order of seq: the newest one stays */
		room->pinned_at_us = row->at_us;
	return timeline_load(&room->timeline, room->id, row);
}

static int on_row(void *arg, int table, const void *row)
{
	struct loading *loading = arg;
	switch (table) {
	case ROW_ROOM:
		return load_room(loading, row);
	case ROW_PRODUCT:
		return load_product(loading, row);
	case ROW_PRICE:
		return load_price(loading, row);
	case ROW_ORDER:
		return load_order(loading, row);
	case ROW_ITEM:
		return load_item(loading, row);
	case ROW_CHANGE:
		return load_change(loading, row);
	case ROW_MOVEMENT:
		return load_movement(loading, row);
	default:
		return load_event(loading, row);
	}
}

/* Products without a price cannot be shown, orders without items cannot be meant. */
static int finish_loading(struct loading *loading)
{
	struct map_cursor cursor = { 0 };
	void *value;
	while (map_next(&loading->products, &cursor, NULL, NULL, &value))
		if (!((struct product *)value)->rev_count)
			return -EUCLEAN;
	for (size_t i = 0; i < loading->ledger->all_orders.count; i++) {
		struct order *order = loading->ledger->all_orders.at[i];
		if (order->count != order->expected)
			return -EUCLEAN;
		if (order_counts(order->state))
			ledger_count_order(loading->ledger, order, 1);
	}
	return 0;
}

static void free_pins(struct map *pins)
{
	struct map_cursor cursor = { 0 };
	void *value;
	while (map_next(pins, &cursor, NULL, NULL, &value))
		free(value);
	map_finish(pins);
}

int ledger_load(struct ledger **out, struct store *store, int64_t now_us)
{
	struct loading loading = { .now_us = now_us };
	const struct row_sink sink = { .row = on_row, .arg = &loading };
	ledger_create(&loading.ledger);
	map_init(&loading.rooms);
	map_init(&loading.pins);
	map_init(&loading.products);
	int err = store->ops->load(store, &sink);
	if (!err)
		err = finish_loading(&loading);
	map_finish(&loading.rooms);
	free_pins(&loading.pins);
	map_finish(&loading.products);
	if (err)
		ledger_destroy(loading.ledger);
	else
		*out = loading.ledger;
	return err;
}
