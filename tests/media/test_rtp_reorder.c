#include "media/rtp/rtp_reorder.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

enum { KEPT = 4096 };

struct fixture {
	struct rtp_reorder *reorder;
	uint32_t out[KEPT]; /* timestamps, which the tests set to the number sent */
	bool after_loss[KEPT];
	unsigned count;
	int64_t now_us;
};

static struct fixture f;

static void on_unit(void *arg, const struct rtp_unit *unit)
{
	(void)arg;
	if (f.count == KEPT || unit->len != 4 || unit->data[0] != (uint8_t)unit->timestamp)
		abort();
	f.after_loss[f.count] = unit->after_loss;
	f.out[f.count++] = unit->timestamp;
}

static void setup(void)
{
	f = (struct fixture){ .reorder = malloc(sizeof(*f.reorder)) };
	rtp_reorder_init(f.reorder, true, on_unit, NULL);
}

static void teardown(void)
{
	rtp_reorder_finish(f.reorder);
	free(f.reorder);
}

TestSuite(rtp_reorder, .init = setup, .fini = teardown);

static enum reorder_result push(uint32_t number)
{
	const uint8_t data[] = { (uint8_t)number, 0, 0, 0 };
	const struct rtp_unit unit = {
		.data = data, .len = 4, .timestamp = number, .arrival_us = f.now_us
	};
	return rtp_reorder_push(f.reorder, (uint16_t)number, &unit);
}

static unsigned nacks(uint16_t *seqs)
{
	return rtp_reorder_nacks(f.reorder, f.now_us, 40000, seqs, 2000);
}

Test(rtp_reorder, order_is_restored_over_the_wrap)
{
	static const uint32_t sent[] = { 65533, 65535, 65534, 65538, 65537, 65536, 65539 };
	for (unsigned i = 0; i < 7; i++)
		cr_assert(eq(int, push(sent[i]), REORDER_NEW));
	cr_assert(eq(uint, f.count, 7));
	for (unsigned i = 0; i < 7; i++) {
		cr_assert(eq(u32, f.out[i], 65533 + i));
		cr_assert(not(f.after_loss[i]));
	}
}

Test(rtp_reorder, copies_and_latecomers_are_told_apart)
{
	push(10);
	push(12);
	cr_assert(eq(int, push(12), REORDER_DUPLICATE));
	cr_assert(eq(int, push(10), REORDER_LATE));
	cr_assert(eq(int, push(9), REORDER_LATE));
	cr_assert(eq(int, push(5000), REORDER_STRAY));
	cr_assert(eq(int, push(11), REORDER_NEW));
	cr_assert(eq(uint, f.count, 3));
}

Test(rtp_reorder, nacks_follow_their_timetable)
{
	uint16_t seqs[2000];
	push(10);
	push(14);
	cr_assert(eq(uint, nacks(seqs), 0));
	f.now_us += NACK_DELAY_US;
	cr_assert(eq(uint, nacks(seqs), 3));
	cr_assert(eq(u16, seqs[0], 11));
	cr_assert(eq(u16, seqs[2], 13));
	f.now_us += 45000;
	cr_assert(eq(uint, nacks(seqs), 0)); /* 1.25 round trips */
	cr_assert(eq(int, push(12), REORDER_FILLED));
	cr_assert(eq(i64, f.reorder->repair_us, 45000));
	f.now_us += 6000;
	cr_assert(eq(uint, nacks(seqs), 2));
	unsigned rounds = 0;
	for (unsigned i = 0; i < 20; i++) {
		f.now_us += 50000;
		rounds += nacks(seqs) > 0;
	}
	cr_assert(eq(uint, rounds, NACK_TIMES_MAX - 2));
}

Test(rtp_reorder, patience_follows_the_round_trip)
{
	push(1);
	push(3);
	f.now_us += GIVE_UP_MIN_US - 1;
	rtp_reorder_expire(f.reorder, f.now_us, 10000);
	cr_assert(eq(uint, f.count, 1));
	f.now_us += 1;
	rtp_reorder_expire(f.reorder, f.now_us, 100000);
	cr_assert(eq(uint, f.count, 1));
	rtp_reorder_expire(f.reorder, f.now_us, 10000);
	cr_assert(eq(uint, f.count, 2));
	cr_assert(f.after_loss[1]);
	cr_assert(eq(u64, f.reorder->given_up, 1));
	cr_assert(eq(uint, f.reorder->missing, 0));
	cr_assert(eq(int, push(2), REORDER_LATE));
	push(4);
	cr_assert(not(f.after_loss[2]));
}

Test(rtp_reorder, several_gaps_are_given_up_one_by_one)
{
	push(1);
	push(3);
	f.now_us += 100000;
	push(5);
	f.now_us += 100000;
	rtp_reorder_expire(f.reorder, f.now_us, 0);
	cr_assert(eq(uint, f.count, 2)); /* 3 is out, 4 has time left */
	f.now_us += 100000;
	rtp_reorder_expire(f.reorder, f.now_us, 0);
	cr_assert(eq(uint, f.count, 3));
	cr_assert(f.after_loss[1]);
	cr_assert(f.after_loss[2]);
}

Test(rtp_reorder, the_window_is_the_most_that_waits)
{
	push(0);
	for (uint32_t i = 2; i < REORDER_WINDOW + 1; i++)
		cr_assert(eq(int, push(i), REORDER_NEW));
	cr_assert(eq(uint, f.count, 1));
	cr_assert(eq(int, push(REORDER_WINDOW + 1), REORDER_STRAY));
	cr_assert(eq(int, push(REORDER_WINDOW + 2), REORDER_NEW)); /* two agree: go on from here */
	cr_assert(eq(uint, f.count, 2));
	cr_assert(f.after_loss[1]);
	cr_assert(eq(u32, f.out[1], REORDER_WINDOW + 2));
}

Test(rtp_reorder, whatever_comes_leaves_in_order_and_once)
{
	uint32_t random = 3, next = 0;
	static bool sent[KEPT];
	for (unsigned i = 0; i < 20000 && next < 3000; i++) {
		random = random * 1664525 + 1013904223;
		const uint32_t number = next + (random >> 16) % 40;
		push(number);
		sent[number] = true;
		while (sent[next])
			next++;
		f.now_us += 100;
	}
	cr_assert(ge(uint, f.count, 3000 - 40));
	for (unsigned i = 1; i < f.count; i++)
		cr_assert(eq(u32, f.out[i], f.out[i - 1] + 1));
}
