#include "load-tests/netimp/due_heap.h"

#include "load-tests/netimp/seeded.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { COUNT = 1000, TIMES = 50 };

Test(due_heap, pops_by_time_and_equal_times_in_their_order)
{
	struct packet_pool pool;
	struct due_heap heap = { 0 };
	struct seeded seeded;
	packet_pool_init(&pool, 1500);
	seeded_init(&seeded, 1, 0);
	for (int i = 0; i < COUNT; i++)
		due_heap_push(&heap, packet_take(&pool), (int64_t)(seeded_unit(&seeded) * TIMES));
	int64_t last_us = -1;
	uint64_t last_order = 0;
	for (int i = 0; i < COUNT; i++) {
		struct packet *packet = due_heap_pop(&heap);
		cr_assert(packet->due_us > last_us ||
			  (packet->due_us == last_us && packet->order > last_order));
		last_us = packet->due_us;
		last_order = packet->order;
		packet_give(&pool, packet);
	}
	cr_assert(zero(ptr, due_heap_pop(&heap)));
	due_heap_finish(&heap);
	packet_pool_finish(&pool);
}

Test(due_heap, the_pool_ends_at_its_cap)
{
	struct packet_pool pool;
	packet_pool_init(&pool, 9000);
	pool.max = 2;
	struct packet *first = packet_take(&pool);
	struct packet *second = packet_take(&pool);
	cr_assert(zero(ptr, packet_take(&pool)));
	packet_give(&pool, first);
	cr_assert(eq(ptr, packet_take(&pool), first));
	packet_give(&pool, first);
	packet_give(&pool, second);
	packet_pool_finish(&pool);
}
