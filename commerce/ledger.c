#include "commerce/ledger.h"

#include "commerce/room.h"
#include "commerce/shelf.h"
#include "server/core/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TALLY_KEY_MAX = sizeof(int64_t) + SUB_MAX };

void ledger_create(struct ledger **out)
{
	struct ledger *ledger = xcalloc(1, sizeof(*ledger));
	map_init(&ledger->rooms);
	map_init(&ledger->orders);
	map_init(&ledger->buyers);
	map_init(&ledger->tallies);
	list_init(&ledger->all_rooms);
	list_init(&ledger->changed);
	list_init(&ledger->announcing);
	idempotency_init(&ledger->keys);
	ledger->next_rid = 1;
	ledger->next_pid = 1;
	ledger->next_movement = 1;
	*out = ledger;
}

struct room *ledger_room(const struct ledger *ledger, const char *id)
{
	return map_get_str(&ledger->rooms, id);
}

void ledger_add_room(struct ledger *ledger, struct room *room)
{
	list_append(&ledger->all_rooms, &room->link);
	if (!room->deleted)
		map_set_str(&ledger->rooms, room->id, room);
	if (room->rid >= ledger->next_rid)
		ledger->next_rid = room->rid + 1;
}

void ledger_room_changed(struct ledger *ledger, struct room *room)
{
	if (list_empty(&room->changed))
		list_append(&ledger->changed, &room->changed);
}

struct buyer *ledger_buyer(struct ledger *ledger, const char *sub)
{
	struct buyer *buyer = map_get_str(&ledger->buyers, sub);
	if (buyer)
		return buyer;
	buyer = xcalloc(1, sizeof(*buyer));
	snprintf(buyer->sub, sizeof(buyer->sub), "%s", sub);
	map_set_str(&ledger->buyers, buyer->sub, buyer);
	return buyer;
}

void ledger_add_order(struct ledger *ledger, struct order *order)
{
	map_set_str(&ledger->orders, order->id, order);
	order->in_all = order_list_add(&ledger->all_orders, order);
	order->in_room = order_list_add(&order->room->orders, order);
	order->in_buyer = order_list_add(&order->buyer->orders, order);
	if (order->state == ORDER_STATE_RESERVED)
		expiry_add(&ledger->expiry, order);
}

static size_t tally_key(uint8_t out[TALLY_KEY_MAX], const struct product *product, const char *sub)
{
	const size_t len = strnlen(sub, SUB_MAX);
	memcpy(out, &product->pid, sizeof(product->pid));
	memcpy(out + sizeof(product->pid), sub, len);
	return sizeof(product->pid) + len;
}

int64_t ledger_tally(const struct ledger *ledger, const struct product *product, const char *sub)
{
	uint8_t key[TALLY_KEY_MAX];
	const size_t len = tally_key(key, product, sub);
	const struct tally *tally = map_get(&ledger->tallies, key, len);
	return tally ? tally->qty : 0;
}

void ledger_count_order(struct ledger *ledger, const struct order *order, int sign)
{
	for (unsigned i = 0; i < order->count; i++) {
		uint8_t key[TALLY_KEY_MAX];
		const size_t len = tally_key(key, order->items[i].product, order->buyer->sub);
		struct tally *tally = map_get(&ledger->tallies, key, len);
		if (!tally) {
			tally = xcalloc(1, sizeof(*tally));
			map_set(&ledger->tallies, key, len, tally);
		}
		tally->qty += sign * order->items[i].qty;
		if (!tally->qty) {
			map_remove(&ledger->tallies, key, len);
			free(tally);
		}
	}
}

static void free_buyers(struct map *map)
{
	struct map_cursor cursor = { 0 };
	void *value;
	while (map_next(map, &cursor, NULL, NULL, &value))
		order_list_finish(&((struct buyer *)value)->orders);
	map_free(map);
}

void ledger_destroy(struct ledger *ledger)
{
	if (!ledger)
		return;
	idempotency_finish(&ledger->keys);
	expiry_finish(&ledger->expiry);
	map_free(&ledger->tallies);
	map_free(&ledger->orders);
	order_list_finish(&ledger->all_orders);
	free_buyers(&ledger->buyers);
	while (!list_empty(&ledger->all_rooms))
		room_destroy(list_entry(ledger->all_rooms.next, struct room, link));
	map_finish(&ledger->rooms);
	free(ledger);
}
