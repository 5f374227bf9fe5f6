/*
 * Which request an Idempotency-Key was bound to, for 24 hours, in the scope (room, sub, key). Only
 * what went well binds. The answer is not kept: it is rendered again from the order. Control
 * thread.
 */
#ifndef SOUK_COMMERCE_IDEMPOTENCY_H
#define SOUK_COMMERCE_IDEMPOTENCY_H

#include "commerce/order.h"
#include "server/core/list.h"
#include "server/core/map.h"

#define IDEMPOTENCY_KEEP_US (INT64_C(24) * 3600 * 1000000)

struct idempotency {
	struct map bindings; /* scope to struct binding */
	struct list by_time; // binding.link
};

struct binding {
	struct list link; // idempotency.by_time
	int64_t at_us;
	struct order *order; /* that it made or changed */
	enum change_kind kind;
	size_t scope_len;
	char scope[];
};

void idempotency_init(struct idempotency *keys);

/* NULL when the key is free. */
const struct binding *idempotency_find(const struct idempotency *keys, const char *room,
				       const char *sub, const char *key, int64_t now_us);

/* Whether a request to place is the one that was bound: the same items in the same order. */
bool binding_is_place(const struct binding *binding, const struct order_request *request);
/* Whether a request to change an order is. */
bool binding_is_change(const struct binding *binding, enum change_kind kind, const char *order_id);

/* Binds, and forgets what is older than a day. */
void idempotency_bind(struct idempotency *keys, const struct change_row *change,
		      struct order *order, int64_t now_us);

void idempotency_finish(struct idempotency *keys);

#endif
