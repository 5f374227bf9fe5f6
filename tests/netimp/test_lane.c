#include "load-tests/netimp/lane.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

enum { MTU = 1500, MANY = 100000, LOG_MAX = 1000, MS = 1000, SECOND = 1000000 };

/* A lane with its own time; remembers what came out. */
struct wire {
	struct packet_pool pool;
	struct lane lane;
	int64_t now_us;
	uint32_t sent;
	uint32_t came; /* all of them; the first LOG_MAX are kept */
	struct {
		uint32_t number;
		int64_t at_us;
	} log[LOG_MAX];
};

static void wire_init(struct wire *wire, struct profile profile, uint64_t seed)
{
	memset(wire, 0, sizeof(*wire));
	packet_pool_init(&wire->pool, MTU);
	lane_init(&wire->lane, &wire->pool, seed, 0);
	lane_set(&wire->lane, &profile, 0);
}

static void wire_finish(struct wire *wire)
{
	lane_finish(&wire->lane);
	packet_pool_finish(&wire->pool);
}

static void on_packet(const struct packet *packet, void *arg)
{
	struct wire *wire = arg;
	if (wire->came < LOG_MAX) {
		memcpy(&wire->log[wire->came].number, packet->data, sizeof(uint32_t));
		wire->log[wire->came].at_us = wire->now_us;
	}
	wire->came++;
}

/* Wakes up exactly when the lane asks for it. */
static void run_until(struct wire *wire, int64_t end_us)
{
	while (lane_next_us(&wire->lane) <= end_us) {
		if (lane_next_us(&wire->lane) > wire->now_us)
			wire->now_us = lane_next_us(&wire->lane);
		lane_advance(&wire->lane, wire->now_us, on_packet, wire);
	}
	wire->now_us = end_us;
}

static void send_one(struct wire *wire, uint32_t len)
{
	struct packet *packet = packet_take(&wire->pool);
	packet->len = len;
	memcpy(packet->data, &wire->sent, sizeof(uint32_t));
	wire->sent++;
	lane_send(&wire->lane, packet, wire->now_us);
	lane_advance(&wire->lane, wire->now_us, on_packet, wire);
}

static void send_evenly(struct wire *wire, uint32_t count, uint32_t len, int64_t gap_us)
{
	for (uint32_t i = 0; i < count; i++) {
		send_one(wire, len);
		run_until(wire, wire->now_us + gap_us);
	}
}

static bool in_order(const struct wire *wire)
{
	for (uint32_t i = 1; i < wire->came && i < LOG_MAX; i++)
		if (wire->log[i].number < wire->log[i - 1].number)
			return false;
	return true;
}

Test(lane, a_clean_one_delivers_at_once_and_asks_for_nothing)
{
	struct wire wire;
	wire_init(&wire, profile_clean(), 1);
	send_one(&wire, MTU);
	cr_assert(eq(u32, wire.came, 1));
	cr_assert(eq(i64, lane_next_us(&wire.lane), INT64_MAX));
	cr_assert(eq(u64, wire.lane.counters.out_bytes, MTU));
	wire_finish(&wire);
}

Test(lane, delays_each_packet_by_exactly_the_delay)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.delay_us = 25 * MS;
	wire_init(&wire, profile, 1);
	send_evenly(&wire, 100, 100, 7 * MS);
	run_until(&wire, 2 * SECOND);
	cr_assert(eq(u32, wire.came, 100));
	for (uint32_t i = 0; i < 100; i++)
		cr_assert(eq(i64, wire.log[i].at_us, i * 7 * MS + 25 * MS));
	cr_assert(eq(u64, wire.lane.counters.late, 0));
	wire_finish(&wire);
}

Test(lane, counts_what_leaves_late)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.delay_us = 10 * MS;
	wire_init(&wire, profile, 1);
	send_one(&wire, 100);
	lane_advance(&wire.lane, 15 * MS, on_packet, &wire);
	cr_assert(eq(u64, wire.lane.counters.late, 1));
	cr_assert(eq(i64, wire.lane.counters.late_max_us, 5 * MS));
	wire_finish(&wire);
}

Test(lane, a_shorter_delay_does_not_let_packets_overtake)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.delay_us = 100 * MS;
	wire_init(&wire, profile, 1);
	send_evenly(&wire, 5, 100, MS);
	profile.delay_us = 0;
	lane_set(&wire.lane, &profile, wire.now_us);
	send_evenly(&wire, 5, 100, MS);
	cr_assert(eq(u32, wire.came, 0));
	run_until(&wire, SECOND);
	cr_assert(eq(u32, wire.came, 10));
	cr_assert(in_order(&wire));
	cr_assert(eq(i64, wire.log[9].at_us, 104 * MS));
	wire_finish(&wire);
}

Test(lane, loses_the_share_it_was_told_to_with_any_seed)
{
	static const double losses[] = { 0.001, 0.01, 0.05, 0.1, 0.3, 1 };
	enum { COUNT = 10500, SEEDS = 20 };
	for (size_t i = 0; i < sizeof(losses) / sizeof(*losses); i++) {
		for (uint64_t seed = 0; seed < SEEDS; seed++) {
			struct wire wire;
			struct profile profile = profile_clean();
			profile.loss = losses[i];
			wire_init(&wire, profile, seed);
			send_evenly(&wire, COUNT, 100, 100);
			const uint64_t lost = wire.lane.counters.lost;
			cr_assert(epsilon_eq(dbl, (double)lost / COUNT, losses[i], 0.005));
			cr_assert(eq(u64, wire.came + lost, COUNT));
			wire_finish(&wire);
		}
	}
}

Test(lane, what_it_loses_by_chance_has_no_memory)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.loss = 0.2;
	wire_init(&wire, profile, 11);
	uint32_t runs = 0;
	bool came_before = true;
	for (uint32_t i = 0; i < MANY; i++) {
		const uint32_t before = wire.came;
		send_one(&wire, 100);
		runs += came_before && wire.came == before;
		came_before = wire.came > before;
	}
	/* A run of losses is 1 / (1 - loss) long in the mean. */
	const double length = (double)wire.lane.counters.lost / runs;
	cr_assert(epsilon_eq(dbl, length, 1.25, 0.02));
	wire_finish(&wire);
}

Test(lane, burst_loss_has_the_stationary_rate_and_length_of_the_model)
{
	static uint8_t came[MANY];
	struct wire wire;
	struct profile profile = profile_clean();
	profile.p = 0.02;
	profile.r = 0.25;
	wire_init(&wire, profile, 3);
	for (uint32_t i = 0; i < MANY; i++) {
		const uint32_t before = wire.came;
		send_one(&wire, 100);
		came[i] = wire.came > before;
	}
	uint32_t lost = 0;
	uint32_t bursts = 0;
	for (uint32_t i = 0; i < MANY; i++) {
		lost += !came[i];
		bursts += !came[i] && (!i || came[i - 1]);
	}
	/* Stationary p / (p + r), mean burst 1 / r. */
	cr_assert(epsilon_eq(dbl, (double)lost / MANY, 0.02 / 0.27, 0.005));
	cr_assert(epsilon_eq(dbl, (double)lost / bursts, 4.0, 0.2));
	cr_assert(eq(u64, wire.lane.counters.burst_lost, lost));
	wire_finish(&wire);
}

Test(lane, burst_loss_may_be_partial_in_both_states)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.p = 0.1;
	profile.r = 0.1;
	profile.good = 0.02;
	profile.bad = 0.4;
	wire_init(&wire, profile, 3);
	send_evenly(&wire, MANY, 100, 100);
	cr_assert(epsilon_eq(dbl, (double)wire.lane.counters.burst_lost / MANY, 0.21, 0.01));
	wire_finish(&wire);
}

Test(lane, the_same_seed_loses_the_same_packets_whatever_else_is_set)
{
	struct wire plain;
	struct wire delayed;
	struct wire other;
	struct profile profile = profile_clean();
	profile.loss = 0.2;
	wire_init(&plain, profile, 5);
	wire_init(&other, profile, 6);
	profile.delay_us = 30 * MS;
	profile.jitter_us = 10 * MS;
	wire_init(&delayed, profile, 5);
	struct wire *const wires[] = { &plain, &delayed, &other };
	for (size_t i = 0; i < 3; i++) {
		send_evenly(wires[i], 500, 100, MS);
		run_until(wires[i], 2 * SECOND);
	}
	cr_assert(eq(u32, plain.came, delayed.came));
	bool differs = plain.came != other.came;
	for (uint32_t i = 0; i < plain.came; i++) {
		cr_assert(eq(u32, plain.log[i].number, delayed.log[i].number));
		differs |= plain.log[i].number != other.log[i].number;
	}
	cr_assert(differs);
	for (size_t i = 0; i < 3; i++)
		wire_finish(wires[i]);
}

Test(lane, jitter_is_uniform_and_keeps_the_order)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.delay_us = 25 * MS;
	profile.jitter_us = 30 * MS;
	wire_init(&wire, profile, 2);
	/* Far enough apart that nobody waits for the one before. */
	send_evenly(&wire, LOG_MAX, 100, 60 * MS);
	run_until(&wire, wire.now_us + SECOND);
	int64_t sum = 0;
	int64_t least = INT64_MAX;
	int64_t most = 0;
	for (uint32_t i = 0; i < LOG_MAX; i++) {
		const int64_t took = wire.log[i].at_us - i * 60 * MS;
		sum += took;
		least = took < least ? took : least;
		most = took > most ? took : most;
	}
	cr_assert(epsilon_eq(dbl, (double)sum / LOG_MAX, 40 * MS, MS));
	cr_assert(least >= 25 * MS && least < 26 * MS);
	cr_assert(most <= 55 * MS && most > 54 * MS);
	wire_finish(&wire);

	wire_init(&wire, profile, 2);
	send_evenly(&wire, LOG_MAX, 100, MS);
	run_until(&wire, wire.now_us + SECOND);
	cr_assert(eq(u32, wire.came, LOG_MAX));
	cr_assert(in_order(&wire));
	wire_finish(&wire);
}

Test(lane, packets_of_one_burst_share_their_jitter)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.jitter_us = 100 * MS;
	wire_init(&wire, profile, 2);
	for (int i = 0; i < 10; i++)
		send_one(&wire, 100);
	run_until(&wire, SECOND);
	cr_assert(eq(u32, wire.came, 10));
	cr_assert(eq(i64, wire.log[0].at_us, wire.log[9].at_us));
	wire_finish(&wire);
}

Test(lane, reordered_packets_skip_the_delay)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.delay_us = 20 * MS;
	profile.reorder = 0.05;
	wire_init(&wire, profile, 4);
	send_evenly(&wire, LOG_MAX, 100, MS);
	run_until(&wire, wire.now_us + SECOND);
	uint32_t early = 0;
	for (uint32_t i = 0; i < LOG_MAX; i++)
		early += wire.log[i].at_us == (int64_t)wire.log[i].number * MS;
	cr_assert(eq(u32, wire.came, LOG_MAX));
	cr_assert(not(in_order(&wire)));
	cr_assert(eq(u64, wire.lane.counters.reordered, early));
	cr_assert(epsilon_eq(dbl, (double)early / LOG_MAX, 0.05, 0.02));
	wire_finish(&wire);
}

Test(lane, duplicates_come_twice_with_the_same_content)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.duplicate = 1;
	profile.delay_us = 5 * MS;
	wire_init(&wire, profile, 4);
	send_evenly(&wire, 50, 100, MS);
	run_until(&wire, SECOND);
	cr_assert(eq(u32, wire.came, 100));
	for (uint32_t i = 0; i < 100; i++)
		cr_assert(eq(u32, wire.log[i].number, i / 2));
	cr_assert(eq(u64, wire.lane.counters.duplicated, 50));
	wire_finish(&wire);
}

Test(lane, the_rate_spaces_packets_out)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.rate_bps = 1000000; /* 1,250 bytes: 10 ms */
	profile.delay_us = 3 * MS;
	wire_init(&wire, profile, 1);
	for (int i = 0; i < 5; i++)
		send_one(&wire, 1250);
	run_until(&wire, SECOND);
	cr_assert(eq(u32, wire.came, 5));
	for (uint32_t i = 0; i < 5; i++)
		cr_assert(eq(i64, wire.log[i].at_us, (i + 1) * 10 * MS + 3 * MS));
	wire_finish(&wire);
}

Test(lane, an_overfed_rate_is_exact_for_small_and_large_packets)
{
	static const struct {
		int64_t rate_bps;
		uint32_t len;
	} rows[] = { { 300000, 1500 }, { 5000000, 1500 }, { 5000000, 40 }, { 900000000, 100 } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct wire wire;
		struct profile profile = profile_clean();
		profile.rate_bps = rows[i].rate_bps;
		wire_init(&wire, profile, 1);
		const int64_t run_us = rows[i].rate_bps > 100000000 ? SECOND / 10 : 2 * SECOND;
		/* Twice what fits through. */
		const double gap_us = rows[i].len * 8e6 / (double)rows[i].rate_bps / 2;
		for (double at = 0; at < (double)run_us; at += gap_us) {
			run_until(&wire, (int64_t)at);
			send_one(&wire, rows[i].len);
		}
		const double fits = (double)rows[i].rate_bps * (double)run_us / 8e6 / rows[i].len;
		cr_assert(epsilon_eq(dbl, wire.came, fits, 1 + fits / 1000));
		cr_assert(gt(u64, wire.lane.counters.queue_dropped, 0));
		wire_finish(&wire);
	}
}

Test(lane, the_queue_is_bounded_in_bytes_and_drops_its_tail)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.rate_bps = 1000000;
	profile.queue_bytes = 10000;
	wire_init(&wire, profile, 1);
	for (int i = 0; i < 20; i++)
		send_one(&wire, 1000);
	cr_assert(eq(i64, wire.lane.queue_bytes, 10000));
	cr_assert(eq(u64, wire.lane.counters.queue_dropped, 10));
	run_until(&wire, SECOND);
	cr_assert(eq(u32, wire.came, 10));
	cr_assert(eq(u32, wire.log[9].number, 9));
	cr_assert(eq(i64, wire.lane.queue_bytes, 0));
	wire_finish(&wire);
}

Test(lane, a_queue_of_nothing_still_sends_one_packet_at_a_time)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.rate_bps = 1000000;
	profile.queue_bytes = 0;
	wire_init(&wire, profile, 1);
	send_one(&wire, 1000);
	send_one(&wire, 1000);
	run_until(&wire, SECOND);
	cr_assert(eq(u32, wire.came, 1));
	wire_finish(&wire);
}

Test(lane, a_new_rate_applies_to_what_is_left_of_the_packet_under_way)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.rate_bps = 1000000;
	wire_init(&wire, profile, 1);
	send_one(&wire, 1250); /* 10 ms at this rate */
	run_until(&wire, 5 * MS);
	profile.rate_bps = 500000;
	lane_set(&wire.lane, &profile, wire.now_us);
	run_until(&wire, SECOND);
	cr_assert(eq(i64, wire.log[0].at_us, 15 * MS));

	for (int i = 0; i < 4; i++)
		send_one(&wire, 1250);
	profile.rate_bps = 0;
	lane_set(&wire.lane, &profile, wire.now_us);
	run_until(&wire, wire.now_us);
	cr_assert(eq(u32, wire.came, 5), "without a rate nothing waits");
	wire_finish(&wire);
}

Test(lane, an_outage_drops_what_comes_and_waits_but_not_what_is_on_its_way)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.rate_bps = 1000000;
	profile.delay_us = 50 * MS;
	wire_init(&wire, profile, 1);
	send_one(&wire, 1250);
	send_one(&wire, 1250);
	run_until(&wire, 12 * MS);
	profile.down = 1;
	lane_set(&wire.lane, &profile, wire.now_us);
	send_evenly(&wire, 10, 1250, MS);
	run_until(&wire, SECOND);
	cr_assert(eq(u32, wire.came, 1));
	cr_assert(eq(u64, wire.lane.counters.down_dropped, 11));
	profile.down = 0;
	lane_set(&wire.lane, &profile, wire.now_us);
	send_one(&wire, 1250);
	run_until(&wire, 2 * SECOND);
	cr_assert(eq(u32, wire.came, 2));
	cr_assert(eq(i64, wire.log[1].at_us, SECOND + 60 * MS));
	wire_finish(&wire);
}

Test(lane, a_trace_is_replayed_slot_by_slot_and_packets_wait_in_its_gaps)
{
	static const char text[] = "1000 1\n0 2\n2000 1\n";
	char error[TRACE_ERROR];
	struct trace *trace;
	struct wire wire;
	cr_assert(zero(int, trace_parse(&trace, text, strlen(text), error)));
	wire_init(&wire, profile_clean(), 1);
	wire.now_us = 7 * SECOND;
	lane_set_trace(&wire.lane, trace, wire.now_us);
	/* 20 ms at 1 Mbit/s are two packets; then 40 ms of nothing; 20 ms at 2 Mbit/s are four. */
	for (int i = 0; i < 8; i++)
		send_one(&wire, 1250);
	run_until(&wire, 8 * SECOND);
	static const int64_t due_ms[] = { 10, 20, 65, 70, 75, 80, 90, 100 };
	cr_assert(eq(u32, wire.came, 8));
	for (size_t i = 0; i < 8; i++)
		cr_assert(eq(i64, wire.log[i].at_us, 7 * SECOND + due_ms[i] * MS));
	lane_set_trace(&wire.lane, NULL, wire.now_us);
	send_one(&wire, 1250);
	cr_assert(eq(u32, wire.came, 9));
	wire_finish(&wire);
}

Test(lane, a_made_up_5g_trace_carries_its_mean_rate)
{
	enum { MINUTE_SLOTS = 3000 };
	struct trace *trace;
	struct wire wire;
	int64_t bits = 0;
	trace_make_5g(&trace, 9);
	for (size_t i = 0; i < MINUTE_SLOTS; i++)
		bits += trace_rate_bps(trace, i) / 50;
	wire_init(&wire, profile_clean(), 1);
	lane_set_trace(&wire.lane, trace, 0);
	for (int64_t at = 0; at < 60ll * SECOND; at += 250) {
		run_until(&wire, at);
		send_one(&wire, MTU);
	}
	cr_assert(epsilon_eq(dbl, wire.came * MTU * 8.0 / (double)bits, 1.0, 0.01));
	wire_finish(&wire);
}

Test(lane, gives_every_packet_back_to_the_pool)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.delay_us = 10 * MS;
	profile.jitter_us = 5 * MS;
	profile.loss = 0.1;
	profile.duplicate = 0.1;
	profile.reorder = 0.1;
	profile.rate_bps = 5000000;
	profile.queue_bytes = 20000;
	wire_init(&wire, profile, 8);
	send_evenly(&wire, 5000, 1000, MS);
	run_until(&wire, wire.now_us + SECOND);
	uint32_t idle = 0;
	for (const struct packet *packet = wire.pool.idle; packet; packet = packet->next)
		idle++;
	cr_assert(eq(u32, idle, wire.pool.count));
	const struct lane_counters *counters = &wire.lane.counters;
	cr_assert(eq(u64, counters->in + counters->duplicated,
		     counters->out + counters->lost + counters->queue_dropped));
	wire_finish(&wire);
}

Test(lane, what_is_under_way_at_the_end_is_freed)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.delay_us = SECOND;
	profile.rate_bps = 1000000;
	wire_init(&wire, profile, 1);
	send_evenly(&wire, 20, 1250, MS);
	wire_finish(&wire); /* the leak check is the judge */
}

Test(lane, a_pool_at_its_cap_costs_the_copy_not_the_packet)
{
	struct wire wire;
	struct profile profile = profile_clean();
	profile.duplicate = 1;
	wire_init(&wire, profile, 1);
	wire.pool.max = 1;
	send_one(&wire, 100);
	cr_assert(eq(u32, wire.came, 1));
	cr_assert(eq(u64, wire.lane.counters.full_dropped, 1));
	wire_finish(&wire);
}
