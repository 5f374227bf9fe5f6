/*
 * An order: what a buyer was promised, and how far its life has come. All but the state is fixed
 * when it is placed, so that the answer to a repeated request is rendered again, not kept. Control
 * thread.
 */
#ifndef SOUK_COMMERCE_ORDER_H
#define SOUK_COMMERCE_ORDER_H

#include "commerce/caller.h"
#include "commerce/request.h"
#include "commerce/row.h"
#include "server/core/crypto.h"
#include "server/core/json.h"

#include <stdbool.h>
#include <stdint.h>

struct order;
struct product;
struct room;

/* Stored as numbers: only add at the end. */
enum order_state {
	ORDER_STATE_RESERVED,
	ORDER_STATE_PAID,
	ORDER_STATE_FULFILLED,
	ORDER_STATE_CANCELLED,
	ORDER_STATE_EXPIRED,
	ORDER_STATE_REFUNDING,
	ORDER_STATE_REFUNDED,
	ORDER_STATES
};

/* Steps of its life; stored as numbers too. */
enum change_kind {
	CHANGE_PLACE,
	CHANGE_CANCEL,
	CHANGE_PAY,
	CHANGE_REFUND,
	CHANGE_REFUNDED,
	CHANGE_FULFIL,
	CHANGE_EXPIRE,
	CHANGE_KINDS
};

/* Orders in the order of their placing, and who looks at them: a buyer, a room, everybody. */
struct order_list {
	struct order **at;
	size_t count;
	size_t size;
};

struct buyer {
	struct order_list orders;
	char sub[SUB_MAX + 1];
};

struct order_item {
	struct product *product;
	int64_t qty;
	int64_t minor; /* of one piece, as charged */
	int64_t rev; /* the revision that was charged */
	int64_t asked_rev; /* what the buyer named; 0: none */
	int64_t limit; /* per buyer at that time */
};

struct order {
	char id[UUID_TEXT];
	enum order_state state;
	struct room *room;
	struct buyer *buyer;
	char cur[4];
	bool shown_clamped;
	uint32_t epoch;
	int64_t total;
	int64_t shown_us; /* -1: the buyer did not say */
	int64_t at_us;
	int64_t expires_us;
	int64_t changes; /* steps so far */
	size_t expiry_place; /* in the heap + 1; 0: not in it */
	/* Its place in each list, so that it can be a cursor. */
	size_t in_all, in_room, in_buyer;
	unsigned expected; /* items that its row speaks of */
	unsigned count;
	struct order_item items[];
};

const char *order_state_name(enum order_state state); /* "reserved", … */

/* The order as it is, or was, in this state. */
json_t *order_json(const struct order *order, enum order_state state);

void order_to_row(const struct order *order, struct order_row *row);
void item_to_row(const struct order *order, unsigned n, struct item_row *row);

/* Whether pieces of it count against the buyer's limit. */
bool order_counts(enum order_state state);

/* Appends; returns the place. */
size_t order_list_add(struct order_list *list, struct order *order);
void order_list_finish(struct order_list *list);

#endif
