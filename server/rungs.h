/*
 * The picture in other sizes: offers the rungs of the ladder that the source leaves room for, and
 * has a transcoder make those that somebody reads. The lowest is kept warm while there are viewers
 * by WebRTC, so that they start at once. A source of several layers gets none. One room, in its
 * home worker's thread.
 */
#ifndef SOUK_SERVER_RUNGS_H
#define SOUK_SERVER_RUNGS_H

#include "media/ladder.h"
#include "media/sink.h"
#include "server/core/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct broadcast;
struct fanout;
struct room_cost;
struct transcode_pool;
struct transcode_video;

enum {
	RUNGS_LINGER_US = 3000000, /* a rung that nobody reads any more runs on */
	RUNGS_PROFILE_MAX = 100, /* ITU-T H.264 annex A: High; what is above is not decoded */
};

struct rungs_params {
	struct loop *loop;
	struct broadcast *broadcast;
	struct fanout *fanout;
	struct transcode_pool *pool;
	const struct ladder *ladder; /* outlives it */
	struct room_cost *cost; /* what it takes is counted here; NULL: nowhere */
};

struct rungs {
	struct rungs_params params;
	struct sink sink; /* hears the source while a rung runs */
	bool attached;
	struct media_config *source; /* as the rungs were made for; NULL: none */
	uint8_t profile_max; /* of viewers by WebRTC */
	struct protocol_rung offered[LADDER_RUNGS_MAX];
	unsigned count;
	bool keep_warm;
	unsigned running; /* bits 1 << slot */
	struct timer linger;
	struct transcode_video *video; /* NULL: nothing runs, or no picture has come */
	uint64_t told_cpu_us, told_frames, told_left_out; /* of `video`, already counted */
};

void rungs_init(struct rungs *rungs, const struct rungs_params *params);

/* Looks at the source and at who reads what. */
void rungs_update(struct rungs *rungs, uint8_t profile_max, bool keep_warm);

/* Somebody cannot go on without a keyframe of this slot. */
void rungs_key(struct rungs *rungs, unsigned slot);

/* Counts what was used since the last time. */
void rungs_second(struct rungs *rungs);

void rungs_finish(struct rungs *rungs);

#endif
