/*
 * The judgement on orders: what may be placed, cancelled, paid, given back, and what that does to
 * stock. Works on the ledger inside a turn. Control thread.
 */
#ifndef SOUK_COMMERCE_ORDERS_H
#define SOUK_COMMERCE_ORDERS_H

#include "commerce/answer.h"
#include "commerce/caller.h"
#include "commerce/order.h"

struct transaction;

/* Fills the answer: 201 with the order, or a problem. The key must have been looked up. */
void orders_place(struct transaction *tx, struct room *room, const struct order_request *request,
		  const struct caller *caller, struct answer *answer);

/* 200 with the order, or 409. The order is the caller's to change. */
void orders_change(struct transaction *tx, struct order *order, const struct order_change *change,
		   const struct caller *caller, struct answer *answer);

/* The state that an order has after a step that went well. */
enum order_state order_state_after(enum change_kind kind);
enum change_kind order_change_kind(enum order_verb verb);

/* Gives back what is held too long, at most `max` orders. */
void orders_expire(struct transaction *tx, unsigned max);

#endif
