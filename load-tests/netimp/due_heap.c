#include "load-tests/netimp/due_heap.h"

#include "server/core/alloc.h"

#include <stdbool.h>
#include <stdlib.h>

static bool before(const struct packet *a, const struct packet *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

void due_heap_push(struct due_heap *heap, struct packet *packet, int64_t due_us)
{
	if (heap->count == heap->size) {
		heap->size = heap->size ? heap->size * 2 : 64;
		heap->items = xrealloc(heap->items, heap->size * sizeof(struct packet *));
	}
	packet->due_us = due_us;
	packet->order = heap->pushed++;
	uint32_t at = heap->count++;
	for (; at && before(packet, heap->items[(at - 1) / 2]); at = (at - 1) / 2)
		heap->items[at] = heap->items[(at - 1) / 2];
	heap->items[at] = packet;
}

struct packet *due_heap_pop(struct due_heap *heap)
{
	if (!heap->count)
		return NULL;
	struct packet *first = heap->items[0];
	struct packet *last = heap->items[--heap->count];
	uint32_t at = 0;
	for (uint32_t child = 1; child < heap->count; child = at * 2 + 1) {
		if (child + 1 < heap->count && before(heap->items[child + 1], heap->items[child]))
			child++;
		if (!before(heap->items[child], last))
			break;
		heap->items[at] = heap->items[child];
		at = child;
	}
	heap->items[at] = last;
	return first;
}

void due_heap_finish(struct due_heap *heap)
{
	free(heap->items);
	*heap = (struct due_heap){ 0 };
}
