#include "commerce/audit.h"

#include "commerce/idempotency.h"
#include "server/core/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_TEXT = 256 };

struct audit_room {
	int64_t seq; /* as its row says */
	int64_t last_seq; /* of its events; 0: none */
};

/* What the product's row says, and what its movements and orders add up to. */
struct audit_product {
	struct product_row row; /* without texts */
	struct price_row *revs;
	size_t rev_count;
	int64_t initial, restocked, left, allotted, held, sold; /* by movements */
	int64_t order_held, order_sold; /* by orders */
};

struct audit_item {
	int64_t pid, qty, limit;
};

struct audit_order {
	int64_t state, total, changes, items; /* as its row says */
	char sub[SUB_MAX + 1];
	char cur[4];
	int64_t last_state, seen_changes;
	int64_t sum; /* of its items' prices */
	int64_t held, sold; /* by movements */
	unsigned count;
	struct audit_item item[ORDER_ITEMS_MAX];
};

void audit_init(struct audit *audit)
{
	map_init(&audit->rooms);
	map_init(&audit->products);
	map_init(&audit->orders);
	map_init(&audit->tallies);
	map_init(&audit->keys);
	audit->movements = 0;
}

static const char *text_of(const char *text)
{
	return text ? text : "";
}

static void on_room(struct audit *audit, const void *data)
{
	const struct room_row *row = data;
	struct audit_room *room = xcalloc(1, sizeof(*room));
	room->seq = row->seq;
	free(map_set_u64(&audit->rooms, (uint64_t)row->rid, room));
}

static void on_product(struct audit *audit, const void *data)
{
	const struct product_row *row = data;
	struct audit_product *product = xcalloc(1, sizeof(*product));
	product->row = *row;
	product->row.sku = product->row.title = product->row.image = NULL;
	free(map_set_u64(&audit->products, (uint64_t)row->pid, product));
	if (!map_get_u64(&audit->rooms, (uint64_t)row->rid))
		audit->fault(audit->arg, "products pid=%" PRId64 ": its room is missing", row->pid);
	if (row->left < 0 || row->allotted < 0 || row->held < 0 || row->sold < 0)
		audit->fault(audit->arg, "products pid=%" PRId64 ": stock below 0", row->pid);
	if (row->initial + row->restocked != row->left + row->allotted + row->held + row->sold)
		audit->fault(audit->arg,
			     "products pid=%" PRId64
			     ": initial + restocked is not left + allotted + held + sold",
			     row->pid);
}

static void on_price(struct audit *audit, const void *data)
{
	const struct price_row *row = data;
	struct audit_product *product = map_get_u64(&audit->products, (uint64_t)row->pid);
	if (!product) {
		audit->fault(audit->arg, "price_revs pid=%" PRId64 ": no such product", row->pid);
		return;
	}
	product->revs = xrealloc(product->revs, (product->rev_count + 1) * sizeof(*product->revs));
	product->revs[product->rev_count] = *row;
	product->revs[product->rev_count++].cur = NULL;
}

static void on_order(struct audit *audit, const void *data)
{
	const struct order_row *row = data;
	struct audit_order *order = xcalloc(1, sizeof(*order));
	order->state = row->state;
	order->total = row->total;
	order->changes = row->changes;
	order->items = row->items;
	order->last_state = -1;
	snprintf(order->sub, sizeof(order->sub), "%s", text_of(row->sub));
	snprintf(order->cur, sizeof(order->cur), "%s", text_of(row->cur));
	free(map_set_str(&audit->orders, text_of(row->id), order));
	if (!map_get_u64(&audit->rooms, (uint64_t)row->rid))
		audit->fault(audit->arg, "orders id=%s: its room is missing", text_of(row->id));
	if (row->state < 0 || row->state >= ORDER_STATES)
		audit->fault(audit->arg, "orders id=%s: unknown state", text_of(row->id));
}

static bool has_price(const struct audit_product *product, const struct item_row *row)
{
	for (size_t i = 0; i < product->rev_count; i++)
		if (product->revs[i].rev == row->rev)
			return product->revs[i].minor == row->minor;
	return false;
}

static void on_item(struct audit *audit, const void *data)
{
	const struct item_row *row = data;
	struct audit_order *order = map_get_str(&audit->orders, text_of(row->order_id));
	struct audit_product *product = map_get_u64(&audit->products, (uint64_t)row->pid);
	if (!order || !product || order->count >= ORDER_ITEMS_MAX) {
		audit->fault(audit->arg, "order_items order_id=%s n=%" PRId64 ": no such %s",
			     text_of(row->order_id), row->n, order ? "product" : "order");
		return;
	}
	if (!has_price(product, row) || strcmp(order->cur, text_of(row->cur)) != 0)
		audit->fault(audit->arg,
			     "order_items order_id=%s n=%" PRId64
			     ": the product never had this price",
			     row->order_id, row->n);
	order->item[order->count++] =
		(struct audit_item){ .pid = row->pid, .qty = row->qty, .limit = row->limit };
	order->sum += row->minor * row->qty;
	if (order->state == ORDER_STATE_RESERVED)
		product->order_held += row->qty;
	else if (order_counts((enum order_state)order->state))
		product->order_sold += row->qty;
}

static void judge_key(struct audit *audit, const struct change_row *row)
{
	char text[KEY_TEXT];
	snprintf(text, sizeof(text), "%s %s %s", text_of(row->room), text_of(row->sub), row->key);
	int64_t *bound_us = map_get_str(&audit->keys, text);
	if (!bound_us) {
		bound_us = xcalloc(1, sizeof(*bound_us));
		map_set_str(&audit->keys, text, bound_us);
	} else if (llabs(row->at_us - *bound_us) < IDEMPOTENCY_KEEP_US) {
		audit->fault(audit->arg, "order_changes order_id=%s: its key was used twice",
			     row->order_id);
	}
	*bound_us = row->at_us;
}

static void on_change(struct audit *audit, const void *data)
{
	const struct change_row *row = data;
	struct audit_order *order = map_get_str(&audit->orders, text_of(row->order_id));
	if (!order) {
		audit->fault(audit->arg, "order_changes order_id=%s: no such order",
			     text_of(row->order_id));
		return;
	}
	if (row->n != order->seen_changes)
		audit->fault(audit->arg, "order_changes order_id=%s: a step is missing",
			     row->order_id);
	order->seen_changes = row->n + 1;
	order->last_state = row->state;
	if (row->key)
		judge_key(audit, row);
}

/* The smallest limit that the order's items of this product were placed under; 0: none. */
static int64_t limit_of(const struct audit_order *order, int64_t pid)
{
	for (unsigned i = 0; i < order->count; i++)
		if (order->item[i].pid == pid)
			return order->item[i].limit;
	return 0;
}

static void follow_order(struct audit *audit, const struct movement_row *row)
{
	struct audit_order *order = map_get_str(&audit->orders, row->order_id);
	if (!order) {
		audit->fault(audit->arg, "movements id=%" PRId64 ": no such order", row->id);
		return;
	}
	order->held += row->held;
	order->sold += row->sold;
	char text[KEY_TEXT];
	snprintf(text, sizeof(text), "%" PRId64 " %s", row->pid, order->sub);
	int64_t *tally = map_get_str(&audit->tallies, text);
	if (!tally) {
		tally = xcalloc(1, sizeof(*tally));
		map_set_str(&audit->tallies, text, tally);
	}
	*tally += row->held + row->sold;
	const int64_t limit = limit_of(order, row->pid);
	if (row->kind == MOVEMENT_HOLD && limit && *tally > limit)
		audit->fault(audit->arg, "movements id=%" PRId64 ": more than the buyer's limit",
			     row->id);
}

static void on_movement(struct audit *audit, const void *data)
{
	const struct movement_row *row = data;
	struct audit_product *product = map_get_u64(&audit->products, (uint64_t)row->pid);
	if (row->id != ++audit->movements) {
		audit->fault(audit->arg, "movements id=%" PRId64 ": one before it is missing",
			     row->id);
		audit->movements = row->id;
	}
	if (!product) {
		audit->fault(audit->arg, "movements id=%" PRId64 ": no such product", row->id);
		return;
	}
	if (row->kind == MOVEMENT_INITIAL)
		product->initial += row->left;
	else if (row->kind == MOVEMENT_RESTOCK)
		product->restocked += row->left;
	product->left += row->left;
	product->allotted += row->allotted;
	product->held += row->held;
	product->sold += row->sold;
	if (product->left < 0 || product->allotted < 0 || product->held < 0 || product->sold < 0)
		audit->fault(audit->arg, "movements id=%" PRId64 ": stock fell below 0 (oversold)",
			     row->id);
	if (row->order_id)
		follow_order(audit, row);
}

static void on_event(struct audit *audit, const void *data)
{
	const struct event_row *row = data;
	struct audit_room *room = map_get_u64(&audit->rooms, (uint64_t)row->rid);
	if (!room) {
		audit->fault(audit->arg, "events rid=%" PRId64 ": no such room", row->rid);
		return;
	}
	if (room->last_seq && row->seq != room->last_seq + 1)
		audit->fault(audit->arg,
			     "events rid=%" PRId64 " seq=%" PRId64 ": one before it is missing",
			     row->rid, row->seq);
	room->last_seq = row->seq;
}

void audit_row(struct audit *audit, enum row_table table, const void *row)
{
	static void (*const readers[ROW_TABLES])(struct audit *, const void *) = {
		[ROW_ROOM] = on_room,         [ROW_PRODUCT] = on_product, [ROW_PRICE] = on_price,
		[ROW_ORDER] = on_order,       [ROW_ITEM] = on_item,       [ROW_CHANGE] = on_change,
		[ROW_MOVEMENT] = on_movement, [ROW_EVENT] = on_event,
	};
	readers[table](audit, row);
}

static void end_product(struct audit *audit, const struct audit_product *product)
{
	const struct product_row *row = &product->row;
	if (product->initial != row->initial || product->restocked != row->restocked ||
	    product->left != row->left || product->allotted != row->allotted ||
	    product->held != row->held || product->sold != row->sold)
		audit->fault(audit->arg,
			     "products pid=%" PRId64 ": stock is not what its movements add up to",
			     row->pid);
	if (product->order_held != row->held || product->order_sold != row->sold)
		audit->fault(audit->arg,
			     "products pid=%" PRId64 ": held and sold are not what orders say",
			     row->pid);
	if (!product->rev_count)
		audit->fault(audit->arg, "products pid=%" PRId64 ": no price", row->pid);
}

static void end_order(struct audit *audit, const char *id, const struct audit_order *order)
{
	int64_t qty = 0;
	for (unsigned i = 0; i < order->count; i++)
		qty += order->item[i].qty;
	const bool held = order->state == ORDER_STATE_RESERVED;
	const bool sold = !held && order_counts((enum order_state)order->state);
	if (order->count != order->items)
		audit->fault(audit->arg, "orders id=%s: items are missing", id);
	else if (order->sum != order->total)
		audit->fault(audit->arg, "orders id=%s: total is not the sum of its items", id);
	if (order->seen_changes != order->changes || order->last_state != order->state)
		audit->fault(audit->arg, "orders id=%s: its state is not that of its last step",
			     id);
	if (order->held != (held ? qty : 0) || order->sold != (sold ? qty : 0))
		audit->fault(audit->arg, "orders id=%s: its stock was not moved as its state says",
			     id);
}

void audit_end(struct audit *audit)
{
	struct map_cursor cursor = { 0 };
	const void *key;
	size_t len;
	void *value;
	while (map_next(&audit->products, &cursor, NULL, NULL, &value))
		end_product(audit, value);
	cursor = (struct map_cursor){ 0 };
	while (map_next(&audit->orders, &cursor, &key, &len, &value)) {
		char id[KEY_TEXT];
		snprintf(id, sizeof(id), "%.*s", (int)len, (const char *)key);
		end_order(audit, id, value);
	}
	cursor = (struct map_cursor){ 0 };
	while (map_next(&audit->rooms, &cursor, &key, NULL, &value)) {
		const struct audit_room *room = value;
		int64_t rid;
		memcpy(&rid, key, sizeof(rid));
		if (room->last_seq && room->last_seq != room->seq)
			audit->fault(audit->arg, "rooms rid=%" PRId64 ": its last event is missing",
				     rid);
	}
}

void audit_finish(struct audit *audit)
{
	struct map_cursor cursor = { 0 };
	void *value;
	while (map_next(&audit->products, &cursor, NULL, NULL, &value))
		free(((struct audit_product *)value)->revs);
	map_free(&audit->rooms);
	map_free(&audit->products);
	map_free(&audit->orders);
	map_free(&audit->tallies);
	map_free(&audit->keys);
}
