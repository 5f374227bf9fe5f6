#include "commerce/orders.h"

#include "commerce/ledger.h"
#include "commerce/room.h"
#include "commerce/shelf.h"
#include "commerce/transaction.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A buyer's picture may be this old; what claims to be older is taken for this. */
#define SHOWN_MAX_AGE_US INT64_C(60000000)

/* What was found wrong with one item. */
struct refusal {
	int status;
	const char *code;
	const char *member;
	const char *detail;
};

enum order_state order_state_after(enum change_kind kind)
{
	static const enum order_state states[CHANGE_KINDS] = {
		[CHANGE_PLACE] = ORDER_STATE_RESERVED,    [CHANGE_CANCEL] = ORDER_STATE_CANCELLED,
		[CHANGE_PAY] = ORDER_STATE_PAID,          [CHANGE_REFUND] = ORDER_STATE_REFUNDED,
		[CHANGE_REFUNDED] = ORDER_STATE_REFUNDED, [CHANGE_FULFIL] = ORDER_STATE_FULFILLED,
		[CHANGE_EXPIRE] = ORDER_STATE_EXPIRED,
	};
	return states[kind];
}

enum change_kind order_change_kind(enum order_verb verb)
{
	static const enum change_kind kinds[] = {
		[ORDER_CANCEL] = CHANGE_CANCEL,
		[ORDER_PAY] = CHANGE_PAY,
		[ORDER_REFUND] = CHANGE_REFUND,
		[ORDER_FULFIL] = CHANGE_FULFIL,
	};
	return kinds[verb];
}

static void refuse(struct answer *answer, const struct refusal *refusal,
		   const struct product *product)
{
	struct problem problem = { .status = refusal->status, .code = refusal->code };
	snprintf(problem.member, sizeof(problem.member), "%s",
		 refusal->member ? refusal->member : "");
	snprintf(problem.detail, sizeof(problem.detail), "%s", refusal->detail);
	json_t *extra = NULL;
	if (product) {
		const struct price_rev *rev = product_price(product);
		extra = json_object();
		json_object_set_new(extra, "sku", json_string(product->sku));
		json_object_set_new(extra, "price", price_json(&rev->price, rev->rev));
		json_object_set_new(extra, "left", json_integer(product->left));
		if (product->limit)
			json_object_set_new(extra, "limit", json_integer(product->limit));
	}
	answer_refuse(answer, &problem, extra);
	json_decref(extra);
}

/* Pieces of the product that earlier items of the same order take. */
static int64_t taken_before(const struct order *order, const struct product *product)
{
	int64_t qty = 0;
	for (unsigned i = 0; i < order->count; i++)
		if (order->items[i].product == product)
			qty += order->items[i].qty;
	return qty;
}

static const struct refusal *judge_price(struct transaction *tx, const struct room *room,
					 struct product *product, int64_t asked,
					 const struct price_rev **rev)
{
	static const struct refusal not_open = { 409, "not_open", NULL,
						 "this price is not yet in force" };
	static const struct refusal changed = { 409, "price_changed", NULL,
						"the price is another one now" };
	const int err = product_price_for(product, asked, tx->now_us,
					  room->settings.price_grace_ms * 1000, rev);
	if (err)
		return err == -EAGAIN ? &not_open : &changed;
	return NULL;
}

static const struct refusal *judge_amount(struct transaction *tx, const struct order *order,
					  const struct product *product, int64_t qty,
					  const char *sub)
{
	static const struct refusal limit = { 409, "limit_reached", NULL,
					      "more than one buyer may have" };
	static const struct refusal sold_out = { 409, "sold_out", NULL, "not enough left" };
	const int64_t wanted = qty + taken_before(order, product);
	if (product->limit && ledger_tally(tx->ledger, product, sub) + wanted > product->limit)
		return &limit;
	return wanted > product->left ? &sold_out : NULL;
}

/* Adds the item to the order, or says what is wrong with it. */
static const struct refusal *judge_item(struct transaction *tx, struct order *order,
					struct product *product,
					const struct order_request_item *asked, const char *sub)
{
	static const struct refusal mixed = { 400, "bad_request", "items",
					      "all items must have one currency" };
	const struct price_rev *rev = NULL;
	const struct refusal *refusal =
		judge_price(tx, order->room, product, asked->price_rev, &rev);
	if (!refusal && order->count && strcmp(order->cur, rev->price.cur) != 0)
		refusal = &mixed;
	if (!refusal)
		refusal = judge_amount(tx, order, product, asked->qty, sub);
	if (refusal)
		return refusal;
	memcpy(order->cur, rev->price.cur, sizeof(order->cur));
	order->items[order->count++] = (struct order_item){
		.product = product,
		.qty = asked->qty,
		.minor = rev->price.minor,
		.rev = rev->rev,
		.asked_rev = asked->price_rev,
		.limit = product->limit,
	};
	order->total += rev->price.minor * asked->qty;
	return NULL;
}

/* 404 for an unknown SKU goes before any 409 (design section 9: existence before state). */
static bool all_known(const struct room *room, const struct order_request *request,
		      struct answer *answer)
{
	static const struct refusal unknown = { 404, "not_found", "sku", "no such product" };
	for (unsigned i = 0; i < request->count; i++) {
		if (room_product(room, request->items[i].sku))
			continue;
		refuse(answer, &unknown, NULL);
		return false;
	}
	return true;
}

static void clamp_shown(struct order *order, const struct room *room, int64_t shown_us,
			int64_t now_us)
{
	const int64_t oldest_us = now_us - SHOWN_MAX_AGE_US;
	int64_t newest_us = room->newest_capture_us ? room->newest_capture_us : now_us;
	if (newest_us < oldest_us)
		newest_us = oldest_us;
	order->shown_us = shown_us;
	if (shown_us < 0)
		return;
	if (shown_us < oldest_us)
		order->shown_us = oldest_us;
	else if (shown_us > newest_us)
		order->shown_us = newest_us;
	order->shown_clamped = order->shown_us != shown_us;
}

static void write_order(struct transaction *tx, const struct order *order)
{
	struct order_row row;
	order_to_row(order, &row);
	transaction_row(tx, ROW_ORDER, &row);
}

/* Records a step; with a key it is bound to it. Also writes the order as it is after it. */
static void write_step(struct transaction *tx, struct order *order, enum change_kind kind,
		       const char *sub, const char *key)
{
	const struct change_row row = {
		.order_id = order->id,
		.n = order->changes++,
		.kind = kind,
		.state = order->state,
		.room = order->room->id,
		.sub = sub,
		.key = key && key[0] ? key : NULL,
		.at_us = tx->now_us,
	};
	transaction_row(tx, ROW_CHANGE, &row);
	write_order(tx, order);
	if (row.key)
		idempotency_bind(&tx->ledger->keys, &row, order, tx->now_us);
}

static void move_items(struct transaction *tx, struct order *order, enum movement_kind kind)
{
	for (unsigned i = 0; i < order->count; i++)
		product_move(tx, order->items[i].product, kind, order->items[i].qty, order->id);
}

static void accept(struct transaction *tx, struct order *order, const struct order_request *request,
		   const struct caller *caller)
{
	struct ledger *ledger = tx->ledger;
	order->buyer = ledger_buyer(ledger, caller->sub);
	order->at_us = tx->now_us;
	order->expires_us = tx->now_us + order->room->settings.hold_s * 1000000;
	order->epoch = order->room->epoch;
	clamp_shown(order, order->room, request->shown_us, tx->now_us);
	uuid7(tx->now_us, order->id);
	ledger_add_order(ledger, order);
	ledger_count_order(ledger, order, 1);
	for (unsigned i = 0; i < order->count; i++) {
		struct item_row row;
		item_to_row(order, i, &row);
		transaction_row(tx, ROW_ITEM, &row);
	}
	move_items(tx, order, MOVEMENT_HOLD);
	write_step(tx, order, CHANGE_PLACE, order->buyer->sub, request->key);
}

void orders_place(struct transaction *tx, struct room *room, const struct order_request *request,
		  const struct caller *caller, struct answer *answer)
{
	if (!all_known(room, request, answer))
		return;
	struct order *order =
		xcalloc(1, sizeof(*order) + sizeof(struct order_item) * request->count);
	order->room = room;
	order->expected = request->count;
	for (unsigned i = 0; i < request->count; i++) {
		const struct order_request_item *asked = &request->items[i];
		struct product *product = room_product(room, asked->sku);
		const struct refusal *refusal = judge_item(tx, order, product, asked, caller->sub);
		if (!refusal)
			continue;
		refuse(answer, refusal, product);
		free(order);
		return;
	}
	accept(tx, order, request, caller);
	answer_give(answer, 201, order_json(order, order->state));
	snprintf(answer->location, sizeof(answer->location), "/api/orders/%s", order->id);
}

static void set_state(struct transaction *tx, struct order *order, enum order_state state)
{
	const bool counted = order_counts(order->state);
	expiry_remove(&tx->ledger->expiry, order);
	order->state = state;
	if (counted && !order_counts(state))
		ledger_count_order(tx->ledger, order, -1);
	else if (!counted && order_counts(state))
		ledger_count_order(tx->ledger, order, 1);
}

static void expire(struct transaction *tx, struct order *order)
{
	set_state(tx, order, ORDER_STATE_EXPIRED);
	move_items(tx, order, MOVEMENT_RELEASE);
	write_step(tx, order, CHANGE_EXPIRE, "", NULL);
}

void orders_expire(struct transaction *tx, unsigned max)
{
	struct order *first;
	while (max-- && (first = expiry_first(&tx->ledger->expiry)) &&
	       first->expires_us <= tx->now_us)
		expire(tx, first);
}

/* A payment after the hold has expired takes the stock again, all of it or none. */
static const struct refusal *judge_late(struct transaction *tx, const struct order *order)
{
	static const struct refusal sold_out = { 409, "sold_out", NULL,
						 "the hold expired and not enough is left" };
	static const struct refusal limit = { 409, "limit_reached", NULL,
					      "the hold expired and the limit is reached" };
	for (unsigned i = 0; i < order->count; i++) {
		const struct product *product = order->items[i].product;
		const int64_t wanted = taken_before(order, product);
		if (product->removed || product->left < wanted)
			return &sold_out;
		if (product->limit &&
		    ledger_tally(tx->ledger, product, order->buyer->sub) + wanted > product->limit)
			return &limit;
	}
	return NULL;
}

static const struct refusal bad_state = { 409, "bad_state", NULL,
					  "the order's state does not allow this" };

static const struct refusal *cancel(struct transaction *tx, struct order *order,
				    const struct order_change *change, const char *sub)
{
	if (order->state != ORDER_STATE_RESERVED)
		return &bad_state;
	set_state(tx, order, ORDER_STATE_CANCELLED);
	move_items(tx, order, MOVEMENT_RELEASE);
	write_step(tx, order, CHANGE_CANCEL, sub, change->key);
	return NULL;
}

static const struct refusal *pay(struct transaction *tx, struct order *order,
				 const struct order_change *change, const char *sub)
{
	enum movement_kind movement = MOVEMENT_SELL;
	if (order->state == ORDER_STATE_EXPIRED) {
		const struct refusal *refusal = judge_late(tx, order);
		if (refusal)
			return refusal;
		movement = MOVEMENT_LATE;
	} else if (order->state != ORDER_STATE_RESERVED) {
		return &bad_state;
	}
	set_state(tx, order, ORDER_STATE_PAID);
	move_items(tx, order, movement);
	write_step(tx, order, CHANGE_PAY, sub, change->key);
	return NULL;
}

/* Without a payment provider the money is back at once: both steps in one commit. */
static const struct refusal *refund(struct transaction *tx, struct order *order,
				    const struct order_change *change, const char *sub)
{
	if (order->state != ORDER_STATE_PAID)
		return &bad_state;
	set_state(tx, order, ORDER_STATE_REFUNDING);
	write_step(tx, order, CHANGE_REFUND, sub, change->key);
	set_state(tx, order, ORDER_STATE_REFUNDED);
	move_items(tx, order, MOVEMENT_RETURN);
	write_step(tx, order, CHANGE_REFUNDED, sub, NULL);
	return NULL;
}

static const struct refusal *fulfil(struct transaction *tx, struct order *order,
				    const struct order_change *change, const char *sub)
{
	if (order->state != ORDER_STATE_PAID)
		return &bad_state;
	set_state(tx, order, ORDER_STATE_FULFILLED);
	write_step(tx, order, CHANGE_FULFIL, sub, change->key);
	return NULL;
}

void orders_change(struct transaction *tx, struct order *order, const struct order_change *change,
		   const struct caller *caller, struct answer *answer)
{
	static const struct refusal *(*const verbs[])(struct transaction *, struct order *,
						      const struct order_change *, const char *) = {
		[ORDER_CANCEL] = cancel,
		[ORDER_PAY] = pay,
		[ORDER_REFUND] = refund,
		[ORDER_FULFIL] = fulfil,
	};
	if (order->state == ORDER_STATE_RESERVED && order->expires_us <= tx->now_us)
		expire(tx, order);
	const struct refusal *refusal = verbs[change->verb](tx, order, change, caller->sub);
	if (refusal)
		refuse(answer, refusal, NULL);
	else
		answer_give(answer, 200, order_json(order, order->state));
}
