#include "commerce/snapshot.h"

#include "server/core/buf.h"
#include "server/core/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct room_snapshot *room_snapshot_ref(struct room_snapshot *snapshot)
{
	atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
	return snapshot;
}

void room_snapshot_unref(struct room_snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < snapshot->product_count; i++)
		buf_unref(snapshot->products[i].json);
	buf_unref(snapshot->room);
	buf_unref(snapshot->data);
	buf_unref(snapshot->message);
	free(snapshot);
}

const struct snapshot_product *room_snapshot_product(const struct room_snapshot *snapshot,
						     const char *sku)
{
	for (size_t i = 0; i < snapshot->product_count; i++)
		if (strcmp(snapshot->products[i].sku, sku) == 0)
			return &snapshot->products[i];
	return NULL;
}

int room_snapshot_products(const struct room_snapshot *snapshot, const struct page_request *page,
			   struct bytes *out)
{
	const struct snapshot_product *after =
		page->after[0] ? room_snapshot_product(snapshot, page->after) : NULL;
	if (page->after[0] && !after) /* the first page again would never end */
		return -ENOENT;
	const size_t first = after ? (size_t)(after - snapshot->products) + 1 : 0;
	size_t end = first + page->limit;
	if (end > snapshot->product_count)
		end = snapshot->product_count;
	bytes_text(out, "{\"items\":[");
	for (size_t i = first; i < end; i++) {
		if (i > first)
			bytes_u8(out, ',');
		bytes_put(out, snapshot->products[i].json->data, snapshot->products[i].json->len);
	}
	bytes_text(out, "],\"next\":");
	if (end < snapshot->product_count)
		bytes_printf(out, "\"%s\"}", snapshot->products[end - 1].sku);
	else
		bytes_text(out, "null}");
	return 0;
}

const char *room_state_name(enum room_state state)
{
	static const char *const names[] = { "idle", "live", "lost", "ended" };
	return names[state];
}
