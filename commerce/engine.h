/*
 * The one judge of rooms, shelves and orders. It decides in memory, hands the changes of a turn to
 * the store as one transaction, and lets nobody hear of them before they are durable: then come
 * timeline events (outlet), room snapshots, and the answers, in this order. While a commit is under
 * way requests wait for the next turn, so that outside a turn memory and store agree; after a
 * failed commit memory is thrown away and loaded again, and the requests of that turn, and all
 * until the store takes a commit of nothing, get 503 `store_unavailable`.
 *
 * Control thread only; callbacks too. Requests are copied. A reply comes exactly once; inside the
 * call that asked only as 503 `overloaded`, when too many wait. Roles and bodies were checked by
 * the caller, except who may see an order.
 */
#ifndef SOUK_COMMERCE_ENGINE_H
#define SOUK_COMMERCE_ENGINE_H

#include "commerce/answer.h"
#include "commerce/caller.h"
#include "commerce/outlet.h"
#include "commerce/request.h"
#include "commerce/snapshot.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct log;
struct loop;
struct store;

struct engine_reply {
	void (*fn)(void *arg, const struct answer *answer); /* the answer lives during the call */
	void *arg;
};

struct engine_options {
	struct loop *loop;
	struct store *store; /* stays the caller's; destroyed after the engine */
	struct outlet outlet;
	/* A room's committed state has changed: at once after a host's change, else at most every
	 * 50 ms a room; before the answers of the turn. The callee takes the reference. NULL: the
	 * room is gone. */
	void (*on_snapshot)(void *arg, const char *room, struct room_snapshot *snapshot);
	void *arg;
	const struct log *log; /* parent of the engine's own; may be NULL */
};

/* Loads everything from the store (blocks) and calls on_snapshot for each room. Rooms that were
 * live when the process ended are `lost`. -EIO when the store cannot be read. */
int engine_create(struct engine **out, const struct engine_options *options)
	__attribute__((warn_unused_result));

/* Rooms. create 201, patch and end 200, delete 204, list 200. */
void engine_create_room(struct engine *engine, const struct room_request *request,
			struct engine_reply reply);
void engine_patch_room(struct engine *engine, const char *room, const struct room_patch *patch,
		       struct engine_reply reply);
void engine_end_room(struct engine *engine, const char *room, struct engine_reply reply);
void engine_delete_room(struct engine *engine, const char *room, struct engine_reply reply);
void engine_list_rooms(struct engine *engine, const struct page_request *page,
		       struct engine_reply reply);

/* Shelf. add 201, patch 200, remove 204. Orders of a removed product live on. */
void engine_add_product(struct engine *engine, const char *room,
			const struct product_request *request, struct engine_reply reply);
void engine_patch_product(struct engine *engine, const char *room, const char *sku,
			  const struct product_patch *patch, struct engine_reply reply);
void engine_remove_product(struct engine *engine, const char *room, const char *sku,
			   struct engine_reply reply);

/* 200 with the event (`product.pin`); unpin 204. */
void engine_pin(struct engine *engine, const char *room, const struct pin_request *request,
		struct engine_reply reply);
void engine_unpin(struct engine *engine, const char *room, struct engine_reply reply);

/* Orders. place 201, change 200. A buyer sees its own, a host those of its room; else 404. Lists
 * are newest first: of the room for a host, own ones for the rest. */
void engine_place_order(struct engine *engine, const struct order_request *request,
			const struct caller *caller, struct engine_reply reply);
void engine_change_order(struct engine *engine, const struct order_change *change,
			 const struct caller *caller, struct engine_reply reply);
void engine_get_order(struct engine *engine, const char *id, const struct caller *caller,
		      struct engine_reply reply);
void engine_list_orders(struct engine *engine, const struct page_request *page,
			const struct caller *caller, struct engine_reply reply);

/* Timeline: one page {"items","next"} after the seq in page->after (400 if it is no number); 410
 * `gone` when older than kept. */
void engine_list_events(struct engine *engine, const char *room, const struct page_request *page,
			struct engine_reply reply);

/* What media tells: a new state with its epoch (an epoch only grows; 0 keeps it) becomes a
 * room.live, room.lost or room.ended event. The same state and epoch again does nothing. */
void engine_room_state(struct engine *engine, const char *room, enum room_state state,
		       uint32_t epoch);
/* Newest capture time sent to anybody, and the bound of the room's clock; kept in memory alone. */
void engine_room_clock(struct engine *engine, const char *room, int64_t newest_capture_us,
		       int64_t err_us);
void engine_room_viewers(struct engine *engine, const char *room, uint32_t viewers);
void engine_room_unseen(struct engine *engine, const char *room, bool unseen); /* by WebRTC */

struct engine_stats {
	uint64_t turns; /* transactions committed */
	uint64_t failed_turns;
	uint64_t orders; /* placed since the start */
	uint64_t events;
	uint64_t rooms; /* now */
	uint64_t waiting; /* requests that wait for a turn, now */
	bool loaded; /* false: the store could not be read after a failure, all is refused */
	int64_t failed_us; /* loop time of the newest failure; 0 when a commit has succeeded since
			    */
};
void engine_stats(const struct engine *engine, struct engine_stats *out);

/* Nothing waits and no commit is under way: all that was asked is answered. */
bool engine_idle(const struct engine *engine);

/* Waits for a commit under way; what still waits for an answer gets 503 `store_unavailable`. The
 * store is still needed. Takes NULL. */
void engine_destroy(struct engine *engine);

#endif
