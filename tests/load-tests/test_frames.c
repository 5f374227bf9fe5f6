#include "load-tests/swarm/frame_board.h"
#include "load-tests/swarm/frame_counter.h"
#include "load-tests/swarm/freeze.h"
#include "load-tests/swarm/nack_list.h"
#include "load-tests/swarm/rate_guess.h"
#include "load-tests/swarm/sent_book.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { FRAME_US = 40000 };

static void show(struct freeze *freeze, int64_t *now_us, int64_t gap_us, int times)
{
	for (int i = 0; i < times; i++) {
		*now_us += gap_us;
		freeze_frame(freeze, *now_us);
	}
}

Test(freeze, begins_at_the_mean_and_150_ms)
{
	struct freeze freeze = { 0 };
	int64_t now_us = 1;
	show(&freeze, &now_us, FRAME_US, 40);
	show(&freeze, &now_us, FRAME_US + FREEZE_EXTRA_US - 1, 1);
	cr_assert(eq(u64, freeze.count, 0));
	show(&freeze, &now_us, FRAME_US, 40);
	show(&freeze, &now_us, FRAME_US + FREEZE_EXTRA_US, 1);
	cr_assert(eq(u64, freeze.count, 1));
	cr_assert(eq(i64, freeze.frozen_us, FRAME_US + FREEZE_EXTRA_US));
	cr_assert(eq(i64, freeze.longest_us, FRAME_US + FREEZE_EXTRA_US));
	cr_assert(eq(u64, freeze.frames, 82));
}

Test(freeze, of_a_slow_stream_is_three_times_the_mean)
{
	struct freeze freeze = { 0 };
	int64_t now_us = 1;
	show(&freeze, &now_us, 200000, 40);
	show(&freeze, &now_us, 599999, 1);
	cr_assert(eq(u64, freeze.count, 0));
	show(&freeze, &now_us, 200000, 40);
	show(&freeze, &now_us, 600000, 1);
	cr_assert(eq(u64, freeze.count, 1));
}

Test(freeze, that_lasts_is_counted_by_its_time)
{
	struct freeze freeze = { 0 };
	int64_t now_us = 1;
	cr_assert(eq(i64, freeze_until(&freeze, 5), 0));
	show(&freeze, &now_us, FRAME_US, 40);
	cr_assert(eq(i64, freeze_until(&freeze, now_us + 100000), 0));
	cr_assert(eq(i64, freeze_until(&freeze, now_us + 900000), 900000));
	cr_assert(eq(u64, freeze.count, 0));
}

/* ---- spread ---- */

struct spreads {
	int count;
	int64_t last_us;
	uint32_t viewers;
};

static void on_spread(void *arg, int64_t spread_us, uint32_t viewers)
{
	struct spreads *spreads = arg;
	spreads->count++;
	spreads->last_us = spread_us;
	spreads->viewers = viewers;
}

Test(frame_board, tells_first_to_last_viewer_once_a_frame_is_at_rest)
{
	static struct frame_board board;
	struct spreads spreads = { 0 };
	frame_board_add(&board, 1000, 10);
	frame_board_add(&board, 1000, 3010);
	frame_board_add(&board, 2000, 3020);
	frame_board_add(&board, 1000, 5010);
	frame_board_sweep(&board, 5010 + FRAME_BOARD_REST_US - 1, on_spread, &spreads);
	cr_assert(eq(int, spreads.count, 0));
	frame_board_sweep(&board, 5010 + FRAME_BOARD_REST_US, on_spread, &spreads);
	cr_assert(eq(int, spreads.count, 1)); /* what one viewer got has no spread */
	cr_assert(eq(i64, spreads.last_us, 5000));
	cr_assert(eq(u32, spreads.viewers, 3));
}

Test(frame_board, keeps_apart_the_frames_of_many_rooms)
{
	static struct frame_board board;
	struct spreads spreads = { 0 };
	for (uint64_t frame = 0; frame < 40; frame++)
		for (uint64_t room = 0; room < 100; room++)
			for (int viewer = 0; viewer < 2; viewer++)
				frame_board_add(&board, frame * FRAME_US * 1021 + room, viewer);
	frame_board_sweep(&board, FRAME_BOARD_REST_US + 1, on_spread, &spreads);
	cr_assert(eq(int, spreads.count, 4000));
}

/* ---- when the host sent them ---- */

Test(sent_book, finds_a_picture_by_a_capture_time_that_is_nearly_its_own)
{
	struct sent_book book = { 0 };
	for (int64_t i = 1; i <= 2 * SENT_BOOK_PICTURES; i++)
		sent_book_add(&book, i * FRAME_US, i);
	sent_book_add(&book, 0, 7); /* nothing was told */
	const int64_t newest = 2 * (int64_t)SENT_BOOK_PICTURES;
	cr_assert(eq(i64, sent_book_find(&book, newest * FRAME_US + 9000), newest));
	cr_assert(eq(i64, sent_book_find(&book, (newest - 5) * FRAME_US - 9000), newest - 5));
	cr_assert(eq(i64, sent_book_find(&book, newest * FRAME_US + FRAME_US / 2), 0));
	cr_assert(eq(i64, sent_book_find(&book, FRAME_US), 0));
}

/* ---- frames by headers ---- */

static unsigned push(struct frame_counter *counter, int64_t seq, int64_t now_us)
{
	/* Frames of three packets from 100 on. */
	const int64_t frame = (seq - 100) / 3;
	const struct frame_packet packet = { seq, (uint32_t)(frame * 3600), (seq - 100) % 3 == 2 };
	return frame_counter_packet(counter, &packet, now_us);
}

Test(frame_counter, tells_a_frame_with_its_last_packet)
{
	struct frame_counter counter = { 0 };
	for (int64_t seq = 100; seq < 130; seq++)
		cr_assert(eq(uint, push(&counter, seq, seq), (seq - 100) % 3 == 2));
	cr_assert(eq(u64, counter.frames, 10));
}

Test(frame_counter, waits_for_what_is_repeated_and_tells_in_order)
{
	struct frame_counter counter = { 0 };
	for (int64_t seq = 100; seq < 112; seq++)
		if (seq != 104)
			push(&counter, seq, seq);
	cr_assert(eq(u64, counter.frames, 1));
	cr_assert(eq(uint, push(&counter, 104, 200), 3));
	cr_assert(eq(u64, counter.frames, 4));
}

Test(frame_counter, does_not_depend_on_the_order_of_packets)
{
	static const int64_t order[] = { 100, 102, 101, 105, 104, 103, 108, 106, 107 };
	struct frame_counter counter = { 0 };
	unsigned told = 0;
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		told += push(&counter, order[i], (int64_t)i);
	cr_assert(eq(uint, told, 3));
}

Test(frame_counter, a_whole_group_waits_for_one_packet_of_a_join)
{
	struct frame_counter counter = { 0 };
	push(&counter, 100, 0);
	push(&counter, 102, 0);
	for (int64_t seq = 103; seq < 100 + 3 * 100; seq++) /* a hundred frames, all at once */
		cr_assert(eq(uint, push(&counter, seq, 1000), 0));
	cr_assert(eq(uint, push(&counter, 101, 60000), 100));
	cr_assert(eq(u64, counter.passed_over, 0));
}

Test(frame_counter, passes_over_what_never_comes)
{
	struct frame_counter counter = { 0 };
	for (int64_t seq = 100; seq < 160; seq++)
		if (seq != 104)
			push(&counter, seq, (seq - 100) * 1000);
	cr_assert(eq(u64, counter.frames, 1));
	for (int64_t seq = 160; seq < 163; seq++)
		push(&counter, seq, 60000 + FRAME_COUNTER_WAIT_US);
	cr_assert(eq(u64, counter.frames, 20)); /* 21 but for one */
	cr_assert(eq(u64, counter.passed_over, 1));
}

Test(frame_counter, padding_behind_a_frame_is_no_frame)
{
	struct frame_counter counter = { 0 };
	for (int64_t seq = 100; seq < 103; seq++)
		push(&counter, seq, 0);
	const struct frame_packet padding = { 103, 0, false };
	cr_assert(eq(uint, frame_counter_packet(&counter, &padding, 0), 0));
	for (int64_t seq = 104; seq < 107; seq++) {
		const struct frame_packet packet = { seq, 3600, seq == 106 };
		frame_counter_packet(&counter, &packet, 0);
	}
	cr_assert(eq(u64, counter.frames, 2));
}

/* ---- what is missing ---- */

Test(nack_list, asks_after_a_moment_and_again_until_it_comes)
{
	struct nack_list list = { 0 };
	uint16_t seqs[8];
	nack_list_miss(&list, 65535, 65538, 0);
	cr_assert(eq(uint, nack_list_due(&list, NACK_LIST_DELAY_US - 1, seqs, 8), 0));
	cr_assert(eq(uint, nack_list_due(&list, NACK_LIST_DELAY_US, seqs, 8), 3));
	cr_assert(eq(u16, seqs[0], 65535));
	cr_assert(eq(u16, seqs[2], 1));
	nack_list_arrived(&list, 65536);
	cr_assert(eq(u64, list.repaired, 1));
	int64_t now_us = NACK_LIST_DELAY_US;
	for (int i = 1; i < NACK_LIST_TIMES; i++) {
		now_us += NACK_LIST_REPEAT_US;
		cr_assert(eq(uint, nack_list_due(&list, now_us, seqs, 8), 2));
	}
	now_us += NACK_LIST_REPEAT_US;
	cr_assert(eq(uint, nack_list_due(&list, now_us, seqs, 8), 0));
	cr_assert(eq(uint, list.count, 0));
	cr_assert(eq(u64, list.given_up, 2));
}

Test(nack_list, gives_up_the_oldest_at_its_cap)
{
	struct nack_list list = { 0 };
	nack_list_miss(&list, 0, 1000, 0);
	cr_assert(eq(uint, list.count, NACK_LIST_MAX));
	cr_assert(eq(i64, list.entries[0].seq, 1000 - NACK_LIST_MAX));
	nack_list_miss(&list, 1001, 1002, 0);
	cr_assert(eq(uint, list.count, NACK_LIST_MAX));
	cr_assert(eq(u64, list.given_up, 1000 - NACK_LIST_MAX + 1));
}

/* ---- the estimate ---- */

static uint64_t pass_second(struct rate_guess *guess, int64_t *now_us, int64_t transit_us,
			    uint64_t bps)
{
	for (int i = 0; i < 25; i++)
		rate_guess_frame(guess, transit_us);
	guess->bytes += bps / 8;
	*now_us += 1000000;
	return rate_guess_turn(guess, 0, *now_us);
}

Test(rate_guess, grows_to_half_more_than_comes_and_falls_with_a_queue)
{
	struct rate_guess guess = { 0 };
	int64_t now_us = 1;
	uint64_t bps = 0;
	rate_guess_turn(&guess, 0, now_us);
	for (int i = 0; i < 30; i++)
		bps = pass_second(&guess, &now_us, 1000, 2000000);
	cr_assert(ge(u64, bps, 2900000));
	cr_assert(le(u64, bps, 3300000));
	bps = pass_second(&guess, &now_us, 1000 + 2 * RATE_GUESS_QUEUE_US, 1000000);
	cr_assert(ge(u64, bps, 849000));
	cr_assert(le(u64, bps, 851000));
}
