#include "commerce/order.h"

#include "commerce/room.h"
#include "commerce/shelf.h"
#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 8 };

const char *order_state_name(enum order_state state)
{
	static const char *const names[ORDER_STATES] = { "reserved",  "paid",    "fulfilled",
							 "cancelled", "expired", "refunding",
							 "refunded" };
	return names[state];
}

static json_t *item_json(const struct order *order, const struct order_item *item)
{
	struct price price = { .minor = item->minor };
	memcpy(price.cur, order->cur, sizeof(price.cur));
	json_t *object = json_object();
	json_object_set_new(object, "sku", json_string(item->product->sku));
	json_object_set_new(object, "qty", json_integer(item->qty));
	json_object_set_new(object, "price", price_json(&price, item->rev));
	return object;
}

json_t *order_json(const struct order *order, enum order_state state)
{
	struct price total = { .minor = order->total };
	memcpy(total.cur, order->cur, sizeof(total.cur));
	json_t *items = json_array();
	for (unsigned i = 0; i < order->count; i++)
		json_array_append_new(items, item_json(order, &order->items[i]));
	json_t *object = json_object();
	json_object_set_new(object, "id", json_string(order->id));
	json_object_set_new(object, "room", json_string(order->room->id));
	json_object_set_new(object, "sub", json_string(order->buyer->sub));
	json_object_set_new(object, "state", json_string(order_state_name(state)));
	json_object_set_new(object, "items", items);
	json_object_set_new(object, "total", price_json(&total, 0));
	json_object_set_new(object, "shown_us",
			    order->shown_us >= 0 ? json_integer(order->shown_us) : json_null());
	json_object_set_new(object, "shown_clamped", json_boolean(order->shown_clamped));
	json_object_set_new(object, "at_us", json_integer(order->at_us));
	json_object_set_new(object, "expires_us", json_integer(order->expires_us));
	return object;
}

void order_to_row(const struct order *order, struct order_row *row)
{
	*row = (struct order_row){
		.id = order->id,
		.rid = order->room->rid,
		.sub = order->buyer->sub,
		.cur = order->cur,
		.state = order->state,
		.total = order->total,
		.shown_us = order->shown_us,
		.shown_clamped = order->shown_clamped,
		.at_us = order->at_us,
		.expires_us = order->expires_us,
		.epoch = order->epoch,
		.changes = order->changes,
		.items = order->count,
	};
}

void item_to_row(const struct order *order, unsigned n, struct item_row *row)
{
	const struct order_item *item = &order->items[n];
	*row = (struct item_row){
		.order_id = order->id,
		.n = n,
		.pid = item->product->pid,
		.sku = item->product->sku,
		.qty = item->qty,
		.minor = item->minor,
		.rev = item->rev,
		.asked_rev = item->asked_rev,
		.limit = item->limit,
		.cur = order->cur,
	};
}

bool order_counts(enum order_state state)
{
	return state == ORDER_STATE_RESERVED || state == ORDER_STATE_PAID ||
	       state == ORDER_STATE_FULFILLED || state == ORDER_STATE_REFUNDING;
}

size_t order_list_add(struct order_list *list, struct order *order)
{
	if (list->count == list->size) {
		list->size = list->size ? list->size * 2 : FIRST_SIZE;
		list->at = xrealloc(list->at, list->size * sizeof(struct order *));
	}
	list->at[list->count] = order;
	return list->count++;
}

void order_list_finish(struct order_list *list)
{
	free(list->at);
	*list = (struct order_list){ 0 };
}
