/*
 * A room as commerce sees it: settings, state, shelf, timeline, orders. A deleted room stays in
 * memory, because orders name it. Control thread.
 */
#ifndef SOUK_COMMERCE_ROOM_H
#define SOUK_COMMERCE_ROOM_H

#include "commerce/order.h"
#include "commerce/rate_limit.h"
#include "commerce/row.h"
#include "commerce/snapshot.h"
#include "commerce/timeline.h"
#include "server/core/list.h"
#include "server/core/map.h"

struct product;
struct transaction;

enum {
	ROOM_PRODUCTS_MAX = 500,
	ROOM_EVENTS_PER_S = 50,
	/* Stock events leave this many of them to the host. */
	ROOM_HOST_EVENTS = 10,
};

struct room {
	struct list link; // ledger.all_rooms
	struct list dirty; // transaction.rooms
	struct list changed; // ledger.changed: since the last snapshot
	struct list products; // product.link, removed ones too, in the order of adding
	struct map shelf; /* sku to product; those not removed */
	struct order_list orders;
	struct timeline timeline;
	int64_t rid;
	char id[NAME_MAX_LEN + 1];
	struct room_settings settings;
	enum room_state state;
	uint32_t epoch;
	struct product *pinned;
	int64_t created_us;
	bool deleted;
	/* Kept in memory alone. */
	uint32_t viewers;
	bool unseen; /* its picture cannot be shown by WebRTC */
	int64_t newest_capture_us; /* 0: nothing was ever sent */
	int64_t clock_err_us;
	int64_t pinned_at_us; /* 0: not known, its event is no longer kept */
	struct token_bucket events;
	bool urgent; /* by a host, who will read what was just written */
	int64_t published_us; /* monotonic; in arrears while the next snapshots may go at once */
	struct room_snapshot *snapshot;
};

struct room *room_create(const struct room_request *request, int64_t rid, int64_t now_us);
struct room *room_from_row(const struct room_row *row); /* without what is pinned */
void room_to_row(const struct room *room, struct room_row *row);
void room_apply(struct room *room, const struct room_patch *patch);

struct product *room_product(const struct room *room, const char *sku);

/* Whether the room may have `count` more events now; takes them if so. */
bool room_take_events(struct room *room, unsigned count, int64_t now_us);

json_t *room_json(const struct room *room);

/* What readers get; a new reference. */
struct room_snapshot *room_render(struct room *room);

void room_destroy(struct room *room); /* with its products; takes NULL */

#endif
