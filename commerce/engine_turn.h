/*
 * The inside of the engine, shared by its files: requests that wait, the turn that decides them,
 * the commit under way. Control thread.
 */
#ifndef SOUK_COMMERCE_ENGINE_TURN_H
#define SOUK_COMMERCE_ENGINE_TURN_H

#include "commerce/engine.h"
#include "commerce/ledger.h"
#include "commerce/store.h"
#include "commerce/transaction.h"
#include "server/core/log.h"
#include "server/core/loop.h"

enum {
	ENGINE_QUEUE_MAX = 16384, /* waiting requests; more get 503 overloaded */
	ENGINE_TURN_MAX = 2048, /* requests decided by one commit */
	ENGINE_EXPIRE_MAX = 1024, /* orders expired by one commit */
};

struct engine_op;

/* Decides the request in memory and fills op->answer. For reads, between turns. */
typedef void (*engine_decide_fn)(struct engine *engine, struct engine_op *op);

struct media_state {
	enum room_state state;
	uint32_t epoch;
	bool stale; /* found live when the process began */
};

/* A waiting request with its arguments. */
struct engine_op {
	struct list link; // engine.waiting, turn or reads
	engine_decide_fn decide;
	struct engine_reply reply; /* fn NULL: nobody waits */
	bool keep; /* asked by ourselves: decided again after a failed commit */
	struct answer answer;
	struct caller caller;
	char room[NAME_MAX_LEN + 1];
	char name[NAME_MAX_LEN + 1]; /* SKU or order */
	uint64_t after;
	union {
		struct room_request create_room;
		struct room_patch patch_room;
		struct product_request add_product;
		struct product_patch patch_product;
		struct pin_request pin;
		struct order_request place;
		struct order_change change;
		struct page_request page;
		struct media_state media;
	};
};

struct engine {
	struct engine_options options;
	struct log log;
	struct ledger *ledger; /* NULL while it cannot be loaded */
	struct list waiting; // engine_op.link: writes for the next turn
	size_t waiting_count; /* with reads */
	struct list turn; // engine_op.link: decided, not yet durable
	struct list reads; // engine_op.link: wait for the end of the commit
	struct transaction tx; /* of the turn */
	struct store_commit commit;
	bool committing;
	bool overdue; /* something fell due while it could not be looked at */
	bool refusing; /* a turn was not stored, and the store has not worked since */
	struct deferred soon; /* runs a turn */
	struct timer tick; /* next expiry, stock event or snapshot */
	struct timer retry; /* next attempt to reach a store that failed */
	int64_t rest_until_us; /* not before, when a turn fails again */
	int64_t load_us; /* what the last loading took */
	struct engine_stats stats;
};

/* A request for the next turn or, as a read, for the next moment between turns. */
struct engine_op *engine_op_new(engine_decide_fn decide, const char *room,
				struct engine_reply reply);
void engine_write(struct engine *engine, struct engine_op *op);
void engine_read(struct engine *engine, struct engine_op *op);

/* The op's room; without one, 404 is answered and NULL returned. */
struct room *engine_op_room(struct engine *engine, struct engine_op *op);

void engine_refuse(struct engine_op *op, int status, const char *code, const char *member,
		   const char *detail);
/* Whether the room may have `count` more events now; else 429 is answered. */
bool engine_op_events(struct engine *engine, struct engine_op *op, struct room *room,
		      unsigned count);

/* Stock events that are due go into the turn. The monotonic time of the next one, or -1. */
int64_t engine_announce_stock(struct engine *engine, int64_t now_us);

/* Media state of rooms found live when the process began. */
void engine_rooms_lost(struct engine *engine);

#endif
