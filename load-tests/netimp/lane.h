/*
 * One direction of the impaired link: what becomes of each packet and when it leaves. Pure: time is
 * an argument, chance comes from the seed. In this order: outage, loss, duplication, rate with its
 * queue, delay with jitter. Packets keep their order unless reordering is asked for, as on a wire:
 * a packet whose jitter is small waits for the one before it. One thread.
 */
#ifndef SOUK_LOAD_TESTS_NETIMP_LANE_H
#define SOUK_LOAD_TESTS_NETIMP_LANE_H

#include "load-tests/netimp/due_heap.h"
#include "load-tests/netimp/profile.h"
#include "load-tests/netimp/seeded.h"
#include "load-tests/netimp/trace.h"

#include <stdbool.h>

struct lane_counters {
	uint64_t in, in_bytes;
	uint64_t out, out_bytes;
	uint64_t lost; /* by chance */
	uint64_t burst_lost; /* by the Gilbert-Elliott model */
	uint64_t duplicated;
	uint64_t reordered; /* sent past the delay */
	uint64_t queue_dropped; /* at the tail */
	uint64_t down_dropped;
	uint64_t full_dropped; /* the pool of packets was at its cap: no fact about the link */
	uint64_t late; /* left more than 1 ms after they were due: the machine was busy */
	int64_t late_max_us;
};

struct lane {
	struct profile profile;
	struct trace *trace; /* owned; stands in for the rate; NULL without */
	int64_t trace_start_us;
	struct packet_pool *pool;
	struct seeded loss_draw, burst_draw, duplicate_draw, reorder_draw, jitter_draw;
	bool bad; /* the Gilbert-Elliott state */
	double loss_rest; /* lost packets that the last block of packets still owes */
	uint32_t block_left, block_losses; /* to come and to lose in this block */
	int64_t jitter_us; /* drawn, good until jitter_end_us */
	int64_t jitter_end_us;

	struct packet *head, *tail; /* wait for the rate, packet.next; head is being sent */
	int64_t queue_bytes;
	int64_t head_left; /* of the head, in bits * 1e6: rate_bps * microseconds */
	int64_t served_us; /* up to here the rate has been spent */

	struct due_heap flight; /* on their way */
	int64_t last_due_us;
	struct lane_counters counters;
};

typedef void (*lane_deliver_fn)(const struct packet *packet, void *arg);

/* `stream` tells the directions apart. `pool` must outlive the lane. */
void lane_init(struct lane *lane, struct packet_pool *pool, uint64_t seed, uint64_t stream);

/* From now on. What waits is sent at the new rate; what is on its way keeps its time. */
void lane_set(struct lane *lane, const struct profile *profile, int64_t now_us);
/* Takes the trace; it starts at its beginning now. NULL: the profile's rate again. */
void lane_set_trace(struct lane *lane, struct trace *trace, int64_t now_us);

/* Takes the packet. Nothing is delivered from here. */
void lane_send(struct lane *lane, struct packet *packet, int64_t now_us);

/* Hands out all that is due, in the order of its time. */
void lane_advance(struct lane *lane, int64_t now_us, lane_deliver_fn deliver, void *arg);

/* When lane_advance() has something to do; INT64_MAX: not before the next lane_send(). */
int64_t lane_next_us(const struct lane *lane);

void lane_finish(struct lane *lane);

#endif
