/* The estimator against a simulated link: a rate, a delay, a queue that drops at its end. */
#include "media/rtp/bandwidth.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	STEP_US = 1000,
	FRAME_US = 33000,
	FEEDBACK_US = 50000,
	PACKET = 1200,
	PACKET_BITS = PACKET * 8,
	FLIGHT = 8192, /* packets that the test remembers */
};

struct link {
	int64_t now_us;
	int64_t rate_bps;
	int64_t delay_us; /* one way */
	int64_t queue_max_us; /* longer waits are losses */
	double loss; /* beside the queue's */
	int64_t free_at_us; /* when the last packet in the queue has left */
	int64_t queued_max_us; /* the longest wait since the last phase began */
	int64_t owed_bits; /* of the present frame, still to be paced out */
	int64_t credit_bits;
	struct packet_fate flight[FLIGHT];
	uint64_t sent, reported;
	unsigned random;
	int64_t encoder_max_bps; /* 0: as much as it is told */
	struct bandwidth bandwidth;
};

static void link_init(struct link *link, int64_t rate_bps)
{
	const struct bandwidth_config config = { .min_bps = 100000,
						 .max_bps = 6000000,
						 .start_bps = 1000000 };
	memset(link, 0, sizeof(*link));
	link->now_us = 1000000;
	link->rate_bps = rate_bps;
	link->delay_us = 20000;
	link->queue_max_us = 500000;
	link->random = 1;
	bandwidth_init(&link->bandwidth, &config);
	bandwidth_rtt(&link->bandwidth, 2 * link->delay_us);
}

static bool unlucky(struct link *link)
{
	link->random = link->random * 1103515245 + 12345;
	return (link->random >> 8 & 0xffff) < link->loss * 65536;
}

static void send_packet(struct link *link)
{
	struct packet_fate *fate = &link->flight[link->sent++ % FLIGHT];
	const int64_t from_us = link->free_at_us > link->now_us ? link->free_at_us : link->now_us;
	*fate = (struct packet_fate){ .sent_us = link->now_us, .bytes = PACKET };
	if (from_us - link->now_us > link->queue_max_us || unlucky(link))
		return;
	if (from_us - link->now_us > link->queued_max_us)
		link->queued_max_us = from_us - link->now_us;
	link->free_at_us = from_us + (int64_t)PACKET * 8 * 1000000 / link->rate_bps;
	fate->arrival_us = link->free_at_us + link->delay_us;
	fate->received = true;
}

/* Everything that has arrived, or was overtaken, by now less the way back. */
static void feed_back(struct link *link)
{
	struct packet_fate fates[FLIGHT];
	const int64_t seen_us = link->now_us - link->delay_us;
	unsigned count = 0;
	uint64_t upto = link->reported;
	for (uint64_t at = link->reported; at < link->sent; at++) {
		const struct packet_fate *fate = &link->flight[at % FLIGHT];
		if (fate->received && fate->arrival_us <= seen_us)
			upto = at + 1;
	}
	for (uint64_t at = link->reported; at < upto; at++)
		fates[count++] = link->flight[at % FLIGHT];
	link->reported = upto;
	bandwidth_fates(&link->bandwidth, fates, count, link->now_us);
}

static void step(struct link *link)
{
	int64_t target = bandwidth_target_bps(&link->bandwidth);
	if (link->encoder_max_bps && target > link->encoder_max_bps)
		target = link->encoder_max_bps;
	link->now_us += STEP_US;
	if (link->now_us % FRAME_US < STEP_US)
		link->owed_bits += target * FRAME_US / 1000000;
	link->credit_bits += target * 3 / 2 * STEP_US / 1000000;
	while (link->owed_bits >= PACKET_BITS && link->credit_bits >= 0) {
		send_packet(link);
		link->owed_bits -= PACKET_BITS;
		link->credit_bits -= PACKET_BITS;
	}
	if (link->credit_bits > 0)
		link->credit_bits = 0;
	if (link->now_us % FEEDBACK_US < STEP_US)
		feed_back(link);
}

/* Runs for so long; returns the mean target of the last third. */
static int64_t run(struct link *link, int64_t for_us)
{
	const int64_t end_us = link->now_us + for_us;
	int64_t sum = 0;
	int64_t count = 0;
	link->queued_max_us = 0;
	while (link->now_us < end_us) {
		step(link);
		if (end_us - link->now_us < for_us / 3) {
			sum += bandwidth_target_bps(&link->bandwidth);
			count++;
		}
	}
	return count ? sum / count : 0;
}

/* Microseconds until the target has reached `bps`; more than 60 s when it never does. */
static int64_t until(struct link *link, int64_t bps, bool above)
{
	const int64_t from_us = link->now_us;
	while (above ? bandwidth_target_bps(&link->bandwidth) < bps
		     : bandwidth_target_bps(&link->bandwidth) > bps) {
		step(link);
		if (link->now_us - from_us > 60000000)
			break;
	}
	return link->now_us - from_us;
}

Test(bandwidth, grows_to_most_of_the_link_and_keeps_its_queue_short)
{
	struct link link;
	link_init(&link, 5000000);
	cr_expect(lt(i64, until(&link, 4000000, true), 15000000));
	const int64_t mean = run(&link, 30000000);
	cr_expect(gt(i64, mean, 3500000), "%ld", (long)mean);
	cr_expect(lt(i64, mean, 5200000), "%ld", (long)mean);
	cr_expect(lt(i64, link.queued_max_us, 400000), "%ld", (long)link.queued_max_us);
}

Test(bandwidth, follows_a_link_from_5_to_1_and_back_to_5_mbit)
{
	struct link link;
	link_init(&link, 5000000);
	run(&link, 20000000);
	link.rate_bps = 1000000;
	const int64_t down_us = until(&link, 1000000, false);
	cr_expect(lt(i64, down_us, 2000000), "%ld", (long)down_us);
	run(&link, 5000000); /* what was queued meanwhile */
	const int64_t narrow = run(&link, 15000000);
	cr_expect(gt(i64, narrow, 600000), "%ld", (long)narrow);
	cr_expect(lt(i64, narrow, 1050000), "%ld", (long)narrow);
	cr_expect(lt(i64, link.queued_max_us, 500000), "%ld", (long)link.queued_max_us);
	link.rate_bps = 5000000;
	const int64_t up_us = until(&link, 3500000, true);
	cr_expect(lt(i64, up_us, 20000000), "%ld", (long)up_us);
	cr_log_info("down %ld ms, at 1 Mbit/s %ld, up %ld ms", (long)down_us / 1000, (long)narrow,
		    (long)up_us / 1000);
}

Test(bandwidth, random_loss_below_two_percent_is_no_reason_to_slow_down)
{
	struct link link;
	link_init(&link, 4000000);
	link.loss = 0.01;
	const int64_t mean = run(&link, 40000000);
	cr_expect(gt(i64, mean, 2500000), "%ld", (long)mean);
}

Test(bandwidth, heavy_loss_slows_down)
{
	struct link link;
	link_init(&link, 100000000);
	run(&link, 10000000);
	link.loss = 0.3;
	const int64_t mean = run(&link, 15000000);
	cr_expect(lt(i64, mean, 1000000), "%ld", (long)mean);
	link.loss = 0;
	cr_expect(lt(i64, until(&link, 3000000, true), 30000000));
}

Test(bandwidth, does_not_grow_beyond_what_an_idle_encoder_has_tried)
{
	struct link link;
	link_init(&link, 100000000);
	link.encoder_max_bps = 500000;
	const int64_t mean = run(&link, 20000000);
	cr_expect(lt(i64, mean, 1100000), "%ld", (long)mean);
}

Test(bandwidth, keeps_within_its_bounds)
{
	struct link link;
	link_init(&link, 100000000);
	run(&link, 40000000);
	cr_expect(eq(i64, bandwidth_target_bps(&link.bandwidth), 6000000));
	link.rate_bps = 20000;
	run(&link, 10000000);
	cr_expect(eq(i64, bandwidth_target_bps(&link.bandwidth), 100000));
}

Test(bandwidth, the_receiver_s_clock_may_begin_below_zero)
{
	struct link link;
	link_init(&link, 5000000);
	link.delay_us = -10000000;
	run(&link, 9000000);
	cr_expect(gt(i64, bandwidth_arriving_bps(&link.bandwidth), 500000));
}

Test(bandwidth, without_numbers_reports_and_remb_decide)
{
	struct link link;
	link_init(&link, 1);
	struct bandwidth *bandwidth = &link.bandwidth;
	for (int second = 1; second <= 10; second++)
		bandwidth_report(bandwidth, 0, (int64_t)second * 1000000);
	cr_expect(gt(i64, bandwidth_target_bps(bandwidth), 1500000));
	bandwidth_remb(bandwidth, 700000);
	cr_expect(eq(i64, bandwidth_target_bps(bandwidth), 700000));
	bandwidth_report(bandwidth, 128, 11000000);
	cr_expect(lt(i64, bandwidth_target_bps(bandwidth), 600000));
}

Test(bandwidth, begins_again_below_the_old_rate_after_a_blackout)
{
	struct link link;
	link_init(&link, 5000000);
	run(&link, 20000000);
	bandwidth_blackout(&link.bandwidth);
	cr_expect(le(i64, bandwidth_target_bps(&link.bandwidth), 1000000));
	cr_expect(lt(i64, until(&link, 3500000, true), 20000000));
}
