/* Verbs on orders, and who may use them. */
#include "commerce/engine_turn.h"
#include "commerce/orders.h"
#include "commerce/room.h"

#include <stdio.h>
#include <string.h>

static void give_again(struct engine_op *op, const struct binding *binding)
{
	const struct order *order = binding->order;
	const bool placed = binding->kind == CHANGE_PLACE;
	answer_give(&op->answer, placed ? 201 : 200,
		    order_json(order, order_state_after(binding->kind)));
	if (placed)
		snprintf(op->answer.location, sizeof(op->answer.location), "/api/orders/%s",
			 order->id);
	op->answer.replayed = true;
}

static void key_reused(struct engine_op *op)
{
	engine_refuse(op, 409, "key_reused", "Idempotency-Key",
		      "the key belongs to another request");
}

static void decide_place(struct engine *engine, struct engine_op *op)
{
	struct room *room = engine_op_room(engine, op);
	if (!room)
		return;
	const struct binding *binding = idempotency_find(
		&engine->ledger->keys, room->id, op->caller.sub, op->place.key, engine->tx.now_us);
	if (binding && binding_is_place(binding, &op->place)) {
		give_again(op, binding);
		return;
	}
	if (binding) {
		key_reused(op);
		return;
	}
	orders_place(&engine->tx, room, &op->place, &op->caller, &op->answer);
	engine->stats.orders += op->answer.status == 201;
}

void engine_place_order(struct engine *engine, const struct order_request *request,
			const struct caller *caller, struct engine_reply reply)
{
	struct engine_op *op = engine_op_new(decide_place, request->room, reply);
	op->place = *request;
	op->caller = *caller;
	engine_write(engine, op);
}

static bool is_host(const struct caller *caller, const struct order *order)
{
	return caller->role >= ROLE_HOST && caller_in_room(caller, order->room->id);
}

static bool is_buyer(const struct caller *caller, const struct order *order)
{
	return strcmp(caller->sub, order->buyer->sub) == 0 &&
	       caller_in_room(caller, order->room->id);
}

/* Others must not learn that the order exists. */
static struct order *op_order(struct engine *engine, struct engine_op *op)
{
	struct order *order = map_get_str(&engine->ledger->orders, op->name);
	if (order && (is_host(&op->caller, order) || is_buyer(&op->caller, order)))
		return order;
	engine_refuse(op, 404, "not_found", NULL, "no such order");
	return NULL;
}

static void decide_change(struct engine *engine, struct engine_op *op)
{
	const struct order_change *change = &op->change;
	struct order *order = op_order(engine, op);
	if (!order)
		return;
	const bool for_host = change->verb == ORDER_REFUND || change->verb == ORDER_FULFIL;
	if (for_host && !is_host(&op->caller, order)) {
		engine_refuse(op, 403, "forbidden", NULL, "the host does this");
		return;
	}
	const struct binding *binding =
		change->key[0] ? idempotency_find(&engine->ledger->keys, order->room->id,
						  op->caller.sub, change->key, engine->tx.now_us)
			       : NULL;
	const enum change_kind kind = order_change_kind(change->verb);
	if (binding && binding_is_change(binding, kind, order->id))
		give_again(op, binding);
	else if (binding)
		key_reused(op);
	else
		orders_change(&engine->tx, order, change, &op->caller, &op->answer);
}

void engine_change_order(struct engine *engine, const struct order_change *change,
			 const struct caller *caller, struct engine_reply reply)
{
	struct engine_op *op = engine_op_new(decide_change, NULL, reply);
	snprintf(op->name, sizeof(op->name), "%s", change->id);
	op->change = *change;
	op->caller = *caller;
	engine_write(engine, op);
}

static void decide_get(struct engine *engine, struct engine_op *op)
{
	const struct order *order = op_order(engine, op);
	if (order)
		answer_give(&op->answer, 200, order_json(order, order->state));
}

void engine_get_order(struct engine *engine, const char *id, const struct caller *caller,
		      struct engine_reply reply)
{
	struct engine_op *op = engine_op_new(decide_get, NULL, reply);
	snprintf(op->name, sizeof(op->name), "%s", id);
	op->caller = *caller;
	engine_read(engine, op);
}

/* The list that the caller may see; for buyers all rooms, filtered by their token's. */
static const struct order_list *visible(const struct engine *engine, const struct caller *caller)
{
	const struct ledger *ledger = engine->ledger;
	if (caller->role >= ROLE_HOST && strcmp(caller->room, "*") == 0)
		return &ledger->all_orders;
	if (caller->role >= ROLE_HOST) {
		const struct room *room = ledger_room(ledger, caller->room);
		return room ? &room->orders : NULL;
	}
	const struct buyer *buyer = map_get_str(&ledger->buyers, caller->sub);
	return buyer ? &buyer->orders : NULL;
}

/* How many are older than the cursor; the list's count when it is not in there. */
static size_t older_than(const struct order_list *list, const struct order *cursor)
{
	const size_t places[] = { cursor->in_all, cursor->in_room, cursor->in_buyer };
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i] < list->count && list->at[places[i]] == cursor)
			return places[i];
	return list->count;
}

static void decide_list(struct engine *engine, struct engine_op *op)
{
	const struct order_list *list = visible(engine, &op->caller);
	const struct order *cursor = map_get_str(&engine->ledger->orders, op->page.after);
	size_t left = list ? list->count : 0;
	if (op->page.after[0]) {
		const size_t older = list && cursor ? older_than(list, cursor) : left;
		if (older == left) {
			engine_refuse(op, 400, "bad_request", "after", "not a cursor");
			return;
		}
		left = older;
	}
	json_t *items = json_array();
	const struct order *last = NULL;
	bool more = false;
	while (left && !more) {
		const struct order *order = list->at[--left];
		if (!caller_in_room(&op->caller, order->room->id))
			continue;
		more = json_array_size(items) == op->page.limit;
		if (more)
			break;
		json_array_append_new(items, order_json(order, order->state));
		last = order;
	}
	json_t *body = json_object();
	json_object_set_new(body, "items", items);
	json_object_set_new(body, "next", more ? json_string(last->id) : json_null());
	answer_give(&op->answer, 200, body);
}

void engine_list_orders(struct engine *engine, const struct page_request *page,
			const struct caller *caller, struct engine_reply reply)
{
	struct engine_op *op = engine_op_new(decide_list, NULL, reply);
	op->page = *page;
	op->caller = *caller;
	engine_read(engine, op);
}
