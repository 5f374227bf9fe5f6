/*
 * One room's committed state, rendered once for all readers. Immutable and reference counted; any
 * thread may ref and unref.
 */
#ifndef SOUK_COMMERCE_SNAPSHOT_H
#define SOUK_COMMERCE_SNAPSHOT_H

#include "commerce/request.h"

#include <stdatomic.h>
#include <stdint.h>

struct buf;
struct bytes;

enum room_state { ROOM_IDLE, ROOM_LIVE, ROOM_LOST, ROOM_ENDED };

struct snapshot_product {
	char sku[NAME_MAX_LEN + 1];
	struct buf *json; /* body of GET …/products/{sku} */
};

struct room_snapshot {
	atomic_uint refs;
	char id[NAME_MAX_LEN + 1];
	struct room_settings settings;
	enum room_state state;
	uint32_t epoch;
	uint32_t viewers;
	uint64_t seq; /* of the last event it contains */
	char pinned[NAME_MAX_LEN + 1]; /* empty: nothing */
	struct buf *room; /* body of GET /api/rooms/{room} */
	struct buf *data; /* body of GET …/state */
	/* The live message `state` around the same data. Where that exceeds 16,000 bytes it has the
	 * first products and what is pinned, and `more`: the cursor of those left out. */
	struct buf *message;
	size_t product_count;
	struct snapshot_product products[];
};

struct room_snapshot *room_snapshot_ref(struct room_snapshot *snapshot);
void room_snapshot_unref(struct room_snapshot *snapshot); /* takes NULL */

/* One product, or NULL. */
const struct snapshot_product *room_snapshot_product(const struct room_snapshot *snapshot,
						     const char *sku);

/* Appends the list body of GET …/products for this page. -ENOENT: nothing on the shelf is the
 * page's cursor. */
int room_snapshot_products(const struct room_snapshot *snapshot, const struct page_request *page,
			   struct bytes *out) __attribute__((warn_unused_result));

const char *room_state_name(enum room_state state); /* "idle", … */

#endif
