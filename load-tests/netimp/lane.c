#include "load-tests/netimp/lane.h"

#include <stdlib.h>
#include <string.h>

enum {
	JITTER_HOLD_US = 20000,
	LATE_US = 1000,
	BITS_SCALE = 8 * 1000000,
	LOSS_BLOCK = 1000,
	DRAWS = 5
};

static const int64_t UNLIMITED = INT64_MAX;

void lane_init(struct lane *lane, struct packet_pool *pool, uint64_t seed, uint64_t stream)
{
	*lane = (struct lane){ .profile = profile_clean(), .pool = pool };
	struct seeded *const draws[DRAWS] = { &lane->loss_draw, &lane->burst_draw,
					      &lane->duplicate_draw, &lane->reorder_draw,
					      &lane->jitter_draw };
	for (uint64_t i = 0; i < DRAWS; i++)
		seeded_init(draws[i], seed, stream * DRAWS + i);
}

/* The rate at a time, and until when it holds. */
static int64_t rate_at(const struct lane *lane, int64_t at_us, int64_t *until_us)
{
	*until_us = INT64_MAX;
	if (!lane->trace)
		return lane->profile.rate_bps ? lane->profile.rate_bps : UNLIMITED;
	const int64_t slot = (at_us - lane->trace_start_us) / TRACE_SLOT_US;
	*until_us = lane->trace_start_us + (slot + 1) * TRACE_SLOT_US;
	return trace_rate_bps(lane->trace, (size_t)slot);
}

/* Frames of video are cut into packets that follow one another at once: were each to draw its own
 * jitter, the last of a frame would nearly always be late and the frames would hardly jitter. */
static int64_t jitter_at(struct lane *lane, int64_t at_us)
{
	if (!lane->profile.jitter_us)
		return 0;
	if (at_us >= lane->jitter_end_us) {
		const double most = (double)lane->profile.jitter_us;
		lane->jitter_us = (int64_t)(most * seeded_unit(&lane->jitter_draw) + 0.5);
		lane->jitter_end_us = at_us + JITTER_HOLD_US;
	}
	return lane->jitter_us;
}

/* The packet has left the queue at `at_us` and goes on its way. */
static void depart(struct lane *lane, struct packet *packet, int64_t at_us)
{
	const int64_t delay_us = lane->profile.delay_us + jitter_at(lane, at_us);
	if (seeded_chance(&lane->reorder_draw, lane->profile.reorder)) {
		lane->counters.reordered++;
		due_heap_push(&lane->flight, packet, at_us);
		return;
	}
	if (at_us + delay_us > lane->last_due_us)
		lane->last_due_us = at_us + delay_us;
	due_heap_push(&lane->flight, packet, lane->last_due_us);
}

static struct packet *take_head(struct lane *lane)
{
	struct packet *packet = lane->head;
	lane->head = packet->next;
	lane->queue_bytes -= packet->len;
	if (lane->head)
		lane->head_left = (int64_t)lane->head->len * BITS_SCALE;
	return packet;
}

/* Spends the rate on what waits, up to `end_us`, over which it does not change. */
static void serve_steady(struct lane *lane, int64_t rate_bps, int64_t end_us)
{
	const int64_t start_us = lane->served_us;
	const int64_t most = INT64_MAX / rate_bps;
	/* An idle span has nothing to save up; a long busy one is cut, so that nothing overflows.
	 */
	const int64_t span_us = end_us - start_us < most ? end_us - start_us : most;
	const int64_t budget = rate_bps * span_us;
	int64_t spent = 0;
	while (lane->head && lane->head_left <= budget - spent) {
		spent += lane->head_left;
		depart(lane, take_head(lane), start_us + spent / rate_bps);
	}
	if (lane->head)
		lane->head_left -= budget - spent;
	lane->served_us = start_us + span_us;
}

static void serve(struct lane *lane, int64_t now_us)
{
	while (lane->head) {
		int64_t end_us;
		const int64_t rate_bps = rate_at(lane, lane->served_us, &end_us);
		if (rate_bps == UNLIMITED) {
			depart(lane, take_head(lane), lane->served_us);
			continue;
		}
		if (lane->served_us >= now_us)
			return;
		if (end_us > now_us)
			end_us = now_us;
		if (rate_bps)
			serve_steady(lane, rate_bps, end_us);
		else
			lane->served_us = end_us;
	}
}

static void drop_queue(struct lane *lane)
{
	while (lane->head) {
		packet_give(lane->pool, take_head(lane));
		lane->counters.down_dropped++;
	}
}

void lane_set(struct lane *lane, const struct profile *profile, int64_t now_us)
{
	serve(lane, now_us);
	if (profile->jitter_us != lane->profile.jitter_us)
		lane->jitter_end_us = 0;
	if (profile->loss != lane->profile.loss) {
		lane->block_left = 0;
		lane->loss_rest = 0.5; /* so that a share is rounded, not cut */
	}
	lane->profile = *profile;
	if (profile->down)
		drop_queue(lane);
	serve(lane, now_us);
}

void lane_set_trace(struct lane *lane, struct trace *trace, int64_t now_us)
{
	serve(lane, now_us);
	trace_destroy(lane->trace);
	lane->trace = trace;
	lane->trace_start_us = now_us;
	serve(lane, now_us);
}

static void enqueue(struct lane *lane, struct packet *packet, int64_t now_us)
{
	/* A queue smaller than a packet still holds the one that is being sent. */
	if (lane->head && lane->queue_bytes + packet->len > lane->profile.queue_bytes) {
		lane->counters.queue_dropped++;
		packet_give(lane->pool, packet);
		return;
	}
	packet->next = NULL;
	if (lane->head) {
		lane->tail->next = packet;
	} else {
		lane->head = packet;
		lane->head_left = (int64_t)packet->len * BITS_SCALE;
		lane->served_us = now_us;
	}
	lane->tail = packet;
	lane->queue_bytes += packet->len;
	serve(lane, now_us);
}

/*
 * Of each block of packets exactly the share that was asked for, at random places (Knuth, TAOCP 2,
 * 3.4.2, algorithm S): with a coin for each packet, 10,000 packets at 10 % would miss by more than
 * half a point one time in ten.
 */
static bool lost_by_chance(struct lane *lane)
{
	if (!lane->block_left) {
		const double losses = lane->profile.loss * LOSS_BLOCK + lane->loss_rest;
		lane->block_left = LOSS_BLOCK;
		lane->block_losses = (uint32_t)losses;
		lane->loss_rest = losses - lane->block_losses;
	}
	const double chance = (double)lane->block_losses / lane->block_left--;
	const bool hit = seeded_chance(&lane->loss_draw, chance);
	lane->block_losses -= hit;
	return hit;
}

static bool lost(struct lane *lane)
{
	const struct profile *profile = &lane->profile;
	const bool turns = seeded_chance(&lane->burst_draw, lane->bad ? profile->r : profile->p);
	lane->bad = profile->p > 0 && lane->bad != turns;
	const bool by_burst =
		seeded_chance(&lane->burst_draw, lane->bad ? profile->bad : profile->good);
	const bool by_chance = lost_by_chance(lane);
	if (by_burst)
		lane->counters.burst_lost++;
	else if (by_chance)
		lane->counters.lost++;
	return by_burst || by_chance;
}

static struct packet *copy_of(struct lane *lane, const struct packet *packet)
{
	struct packet *copy = packet_take(lane->pool);
	if (!copy) {
		lane->counters.full_dropped++;
		return NULL;
	}
	copy->len = packet->len;
	memcpy(copy->data, packet->data, packet->len);
	return copy;
}

void lane_send(struct lane *lane, struct packet *packet, int64_t now_us)
{
	lane->counters.in++;
	lane->counters.in_bytes += packet->len;
	serve(lane, now_us);
	if (lane->profile.down) {
		lane->counters.down_dropped++;
		packet_give(lane->pool, packet);
		return;
	}
	const bool twice = seeded_chance(&lane->duplicate_draw, lane->profile.duplicate);
	if (lost(lane)) {
		packet_give(lane->pool, packet);
		return;
	}
	struct packet *copy = twice ? copy_of(lane, packet) : NULL;
	enqueue(lane, packet, now_us);
	if (copy) {
		lane->counters.duplicated++;
		enqueue(lane, copy, now_us);
	}
}

void lane_advance(struct lane *lane, int64_t now_us, lane_deliver_fn deliver, void *arg)
{
	serve(lane, now_us);
	const struct packet *first;
	while ((first = due_heap_first(&lane->flight)) && first->due_us <= now_us) {
		struct packet *packet = due_heap_pop(&lane->flight);
		const int64_t late_us = now_us - packet->due_us;
		lane->counters.out++;
		lane->counters.out_bytes += packet->len;
		lane->counters.late += late_us > LATE_US;
		if (late_us > lane->counters.late_max_us)
			lane->counters.late_max_us = late_us;
		deliver(packet, arg);
		packet_give(lane->pool, packet);
	}
}

int64_t lane_next_us(const struct lane *lane)
{
	const struct packet *first = due_heap_first(&lane->flight);
	int64_t next_us = first ? first->due_us : INT64_MAX;
	if (!lane->head)
		return next_us;
	int64_t end_us;
	const int64_t rate_bps = rate_at(lane, lane->served_us, &end_us);
	if (rate_bps) {
		const int64_t sent_us =
			lane->served_us + (lane->head_left + rate_bps - 1) / rate_bps;
		end_us = sent_us < end_us ? sent_us : end_us;
	}
	return end_us < next_us ? end_us : next_us;
}

void lane_finish(struct lane *lane)
{
	struct packet *packet;
	while (lane->head)
		packet_give(lane->pool, take_head(lane));
	while ((packet = due_heap_pop(&lane->flight)))
		packet_give(lane->pool, packet);
	due_heap_finish(&lane->flight);
	trace_destroy(lane->trace);
	lane->trace = NULL;
}
