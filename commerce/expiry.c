#include "commerce/expiry.h"

#include "commerce/order.h"
#include "server/core/alloc.h"

#include <stdlib.h>

enum { FIRST_SIZE = 64 };

static void place(struct expiry *expiry, size_t at, struct order *order)
{
	expiry->heap[at] = order;
	order->expiry_place = at + 1;
}

static void sift_up(struct expiry *expiry, size_t at)
{
	struct order *order = expiry->heap[at];
	for (; at > 0 && expiry->heap[(at - 1) / 2]->expires_us > order->expires_us;
	     at = (at - 1) / 2)
		place(expiry, at, expiry->heap[(at - 1) / 2]);
	place(expiry, at, order);
}

static void sift_down(struct expiry *expiry, size_t at)
{
	struct order *order = expiry->heap[at];
	for (;;) {
		size_t child = at * 2 + 1;
		if (child >= expiry->count)
			break;
		if (child + 1 < expiry->count &&
		    expiry->heap[child + 1]->expires_us < expiry->heap[child]->expires_us)
			child++;
		if (expiry->heap[child]->expires_us >= order->expires_us)
			break;
		place(expiry, at, expiry->heap[child]);
		at = child;
	}
	place(expiry, at, order);
}

void expiry_add(struct expiry *expiry, struct order *order)
{
	if (expiry->count == expiry->size) {
		expiry->size = expiry->size ? expiry->size * 2 : FIRST_SIZE;
		expiry->heap = xrealloc(expiry->heap, expiry->size * sizeof(struct order *));
	}
	place(expiry, expiry->count++, order);
	sift_up(expiry, expiry->count - 1);
}

void expiry_remove(struct expiry *expiry, struct order *order)
{
	if (!order->expiry_place)
		return;
	const size_t at = order->expiry_place - 1;
	struct order *last = expiry->heap[--expiry->count];
	order->expiry_place = 0;
	if (last == order)
		return;
	place(expiry, at, last);
	sift_up(expiry, at);
	sift_down(expiry, last->expiry_place - 1);
}

struct order *expiry_first(const struct expiry *expiry)
{
	return expiry->count ? expiry->heap[0] : NULL;
}

void expiry_finish(struct expiry *expiry)
{
	free(expiry->heap);
	*expiry = (struct expiry){ 0 };
}
