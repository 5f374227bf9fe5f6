/*
 * What a room costs, in metrics of its own: the processes that make what its source does not bring.
 * Kept as long as the worker, since metrics are never taken away; rooms over the cap share the
 * metrics of room ".other". The home worker's thread.
 */
#ifndef SOUK_SERVER_ROOM_COST_H
#define SOUK_SERVER_ROOM_COST_H

#include <stdint.h>

struct map;
struct metrics;
struct room_cost;

enum { ROOM_COSTS_MAX = 256 }; /* rooms of a worker with metrics of their own */

enum room_cost_of {
	ROOM_COST_SOUND_CPU, /* microseconds */
	ROOM_COST_VIDEO_CPU,
	ROOM_COST_RUNGS, /* that run now */
	ROOM_COST_RUNG_FRAMES,
	ROOM_COST_LEFT_OUT, /* pictures that were not encoded, for want of time */
	ROOM_COST_DELAY_P50, /* microseconds from a picture to its rung */
	ROOM_COST_DELAY_P99,
	ROOM_COST_KINDS
};

/* Of the worker's `costs`, made when it is not there yet. */
struct room_cost *room_cost_find(struct map *costs, struct metrics *metrics, unsigned worker,
				 const char *room);

/* Both take NULL. */
void room_cost_add(struct room_cost *cost, enum room_cost_of of, uint64_t by);
void room_cost_set(struct room_cost *cost, enum room_cost_of of, uint64_t value);

void room_costs_finish(struct map *costs);

#endif
