/*
 * Everything the engine knows: rooms, shelves, orders, keys. Built from the store alone, so it can
 * be thrown away and loaded again at any time. Control thread.
 */
#ifndef SOUK_COMMERCE_LEDGER_H
#define SOUK_COMMERCE_LEDGER_H

#include "commerce/expiry.h"
#include "commerce/idempotency.h"
#include "server/core/list.h"
#include "server/core/map.h"

struct room;
struct store;

enum { LEDGER_ROOMS_MAX = 10000 };

struct ledger {
	struct map rooms; /* id to room; those not deleted */
	struct list all_rooms; // room.link
	struct list changed; // room.changed: readers see an older state
	struct map orders; /* id to order */
	struct order_list all_orders;
	struct map buyers; /* sub to buyer */
	struct map tallies; /* (pid, sub) to struct tally */
	struct expiry expiry;
	struct idempotency keys;
	struct list announcing; // product.announce: stock that was not yet told
	int64_t next_rid;
	int64_t next_pid;
	int64_t next_movement;
};

/* Pieces of one product that one buyer holds or has bought. */
struct tally {
	int64_t qty;
};

void ledger_create(struct ledger **out);

/* Reads the whole store; blocks. -EUCLEAN when what it says cannot be. */
int ledger_load(struct ledger **out, struct store *store, int64_t now_us)
	__attribute__((warn_unused_result));

struct room *ledger_room(const struct ledger *ledger, const char *id);
void ledger_add_room(struct ledger *ledger, struct room *room);
/* Readers of the room want a new snapshot. */
void ledger_room_changed(struct ledger *ledger, struct room *room);

struct buyer *ledger_buyer(struct ledger *ledger, const char *sub); /* made if new */

/* Lists the order everywhere and lets it expire if it is reserved. */
void ledger_add_order(struct ledger *ledger, struct order *order);

int64_t ledger_tally(const struct ledger *ledger, const struct product *product, const char *sub);
/* Adds the order's pieces to its buyer's tallies, or takes them off (sign -1). */
void ledger_count_order(struct ledger *ledger, const struct order *order, int sign);

void ledger_destroy(struct ledger *ledger); /* takes NULL */

#endif
