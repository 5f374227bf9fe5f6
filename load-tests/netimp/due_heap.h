/* Packets by the time at which they are due, equal times in the order of their coming. One thread.
 */
#ifndef SOUK_LOAD_TESTS_NETIMP_DUE_HEAP_H
#define SOUK_LOAD_TESTS_NETIMP_DUE_HEAP_H

#include "load-tests/netimp/packet.h"

struct due_heap {
	struct packet **items; /* binary heap, items[0] first */
	uint32_t count; /* bounded by the pool that the packets come from */
	uint32_t size;
	uint64_t pushed;
};

void due_heap_finish(struct due_heap *heap); /* must be empty */
void due_heap_push(struct due_heap *heap, struct packet *packet, int64_t due_us);
struct packet *due_heap_pop(struct due_heap *heap); /* NULL when empty */

static inline const struct packet *due_heap_first(const struct due_heap *heap)
{
	return heap->count ? heap->items[0] : 0;
}

#endif
