#include "commerce/idempotency.h"

#include "commerce/shelf.h"
#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { SCOPE_MAX = 3 * (NAME_MAX_LEN + 1) };

/* The three texts with their NULs, which none of them contains. */
static size_t make_scope(char out[SCOPE_MAX], const char *room, const char *sub, const char *key)
{
	const char *const parts[] = { room, sub, key };
	size_t len = 0;
	for (int i = 0; i < 3; i++) {
		const size_t size = strnlen(parts[i], NAME_MAX_LEN) + 1;
		memcpy(out + len, parts[i], size - 1);
		out[len + size - 1] = '\0';
		len += size;
	}
	return len;
}

void idempotency_init(struct idempotency *keys)
{
	map_init(&keys->bindings);
	list_init(&keys->by_time);
}

static bool is_old(const struct binding *binding, int64_t now_us)
{
	return binding->at_us + IDEMPOTENCY_KEEP_US <= now_us;
}

static void forget(struct idempotency *keys, struct binding *binding)
{
	if (map_get(&keys->bindings, binding->scope, binding->scope_len) == binding)
		map_remove(&keys->bindings, binding->scope, binding->scope_len);
	list_remove(&binding->link);
	free(binding);
}

const struct binding *idempotency_find(const struct idempotency *keys, const char *room,
				       const char *sub, const char *key, int64_t now_us)
{
	char scope[SCOPE_MAX];
	const size_t len = make_scope(scope, room, sub, key);
	const struct binding *binding = map_get(&keys->bindings, scope, len);
	return binding && !is_old(binding, now_us) ? binding : NULL;
}

bool binding_is_place(const struct binding *binding, const struct order_request *request)
{
	const struct order *order = binding->order;
	if (binding->kind != CHANGE_PLACE || order->count != request->count)
		return false;
	for (unsigned i = 0; i < order->count; i++) {
		const struct order_item *item = &order->items[i];
		const struct order_request_item *asked = &request->items[i];
		if (item->qty != asked->qty || item->asked_rev != asked->price_rev ||
		    strcmp(item->product->sku, asked->sku) != 0)
			return false;
	}
	return true;
}

bool binding_is_change(const struct binding *binding, enum change_kind kind, const char *order_id)
{
	return binding->kind == kind && strcmp(binding->order->id, order_id) == 0;
}

void idempotency_bind(struct idempotency *keys, const struct change_row *change,
		      struct order *order, int64_t now_us)
{
	while (!list_empty(&keys->by_time)) {
		struct binding *oldest = list_entry(keys->by_time.next, struct binding, link);
		if (!is_old(oldest, now_us))
			break;
		forget(keys, oldest);
	}
	char scope[SCOPE_MAX];
	const size_t len = make_scope(scope, change->room, change->sub, change->key);
	struct binding *binding = xcalloc(1, sizeof(*binding) + len);
	binding->at_us = change->at_us;
	binding->order = order;
	binding->kind = (enum change_kind)change->kind;
	binding->scope_len = len;
	memcpy(binding->scope, scope, len);
	list_append(&keys->by_time, &binding->link);
	/* The one before, older than a day, stays listed until its turn comes. */
	map_set(&keys->bindings, scope, len, binding);
}

void idempotency_finish(struct idempotency *keys)
{
	while (!list_empty(&keys->by_time))
		forget(keys, list_entry(keys->by_time.next, struct binding, link));
	map_finish(&keys->bindings);
}
