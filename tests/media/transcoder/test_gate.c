#include "media/transcoder/gate.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

enum { LANES = 6, ROUNDS = 200 };

static struct gate gate;
/* Of a lane, one a round. */
struct lane {
	pthread_t thread;
	uint64_t tickets[ROUNDS];
};

static struct lane lanes[LANES];
static atomic_uint inside, most, entered;
static uint64_t order[LANES * ROUNDS];

static void *work(void *arg)
{
	const struct lane *lane = arg;
	for (int i = 0; i < ROUNDS; i++) {
		const uint64_t ticket = lane->tickets[i];
		gate_enter(&gate, ticket);
		const unsigned now = atomic_fetch_add(&inside, 1) + 1;
		if (now > atomic_load(&most))
			atomic_store(&most, now);
		order[atomic_fetch_add(&entered, 1)] = ticket;
		atomic_fetch_sub(&inside, 1);
		gate_leave(&gate);
	}
	return NULL;
}

static void give_tickets(void)
{
	for (int i = 0; i < ROUNDS; i++)
		for (int lane = 0; lane < LANES; lane++)
			lanes[lane].tickets[i] = gate_ticket(&gate);
}

static void start(struct lane *lane)
{
	cr_assert(not(pthread_create(&lane->thread, NULL, work, lane)));
}

static void run(unsigned width)
{
	gate_init(&gate, width);
	give_tickets();
	for (int lane = LANES; lane-- > 0;) /* the last ones come first */
		start(&lanes[lane]);
	for (int lane = 0; lane < LANES; lane++)
		pthread_join(lanes[lane].thread, NULL);
	gate_finish(&gate);
}

Test(gate, one_processor_takes_them_in_the_order_of_their_tickets)
{
	run(1);
	cr_assert(eq(uint, most, 1));
	cr_assert(eq(uint, entered, LANES * ROUNDS));
	for (unsigned i = 0; i < entered; i++)
		cr_assert(eq(u64, order[i], i));
}

Test(gate, no_more_are_inside_than_there_are_processors)
{
	run(3);
	cr_assert(le(uint, most, 3));
}

Test(gate, who_comes_late_does_not_wait_for_those_behind)
{
	gate_init(&gate, 2);
	const uint64_t first = gate_ticket(&gate);
	for (int i = 0; i < 4; i++) {
		gate_enter(&gate, gate_ticket(&gate));
		gate_leave(&gate);
	}
	gate_enter(&gate, first);
	gate_leave(&gate);
	gate_finish(&gate);
}
