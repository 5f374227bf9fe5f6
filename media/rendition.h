/*
 * One encoding of a room's picture: its bus, what it looks like and whether it runs. A broadcast
 * keeps a few of them, in slots: the source alone, the layers of a simulcast source (slot = order
 * of the rids), or the source in slot 0 and rungs that a transcoder makes. Guarded by the
 * broadcast's lock, but for the bus, which guards itself.
 */
#ifndef SOUK_MEDIA_RENDITION_H
#define SOUK_MEDIA_RENDITION_H

#include "media/frame.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct bus;

#define RENDITION_AUDIO "audio" /* the sound alone, beside those of the picture */

enum {
	RENDITION_BEHIND_MAX = 15, /* frames of another slot: then this one has stopped */
	RENDITION_STAMP_US = 1000000, /* capture time goes into packages as often */
	RENDITION_RATE_US = 500000, /* a measure of the bit rate spans this, */
	RENDITION_RATE_MEAN = 8, /* the mean about so many: several keyframes */
	RENDITION_NAME_MAX = 12, /* "source", "720p", with the NUL */
};

/* What a transcoder could make, should somebody read it. */
struct rendition_offer {
	uint16_t width, height;
	uint32_t bps;
};

struct rendition {
	struct bus *bus;
	struct media_config *config; /* NULL: nothing came since the publisher began */
	bool offered; /* a rung: made by a transcoder while it has readers */
	struct rendition_offer offer;
	uint64_t pictures; /* of all slots, when this one had its last frame */
	int64_t stamped_us; /* capture time went into this frame's packages last */
	int64_t key_asked_us;
	uint32_t bps; /* measured, its heights; 0: not yet */
	uint32_t mean_bps;
	unsigned measures; /* in the mean */
	uint64_t window_bytes;
	int64_t window_us; /* media time of the window's first frame */
};

/* A rendition as readers see it. */
struct rendition_info {
	uint8_t slot;
	bool running; /* false: a rung that nobody reads */
	bool made; /* a rung, of our own making */
	uint16_t width, height;
	uint8_t profile, constraints, level; /* as in its SPS; 0: not known yet */
	bool reorders;
	uint32_t bps; /* what it reaches with its keyframes; 0: not known yet */
	uint32_t mean_bps; /* what a path has to carry in the long run; 0: not known yet */
};

/* From the smallest picture to the largest; of two that are as large, what was made comes first. */
struct rendition_table {
	unsigned count;
	struct rendition_info at[RENDITIONS_MAX];
};

/* All of a room's, with what is known of them together. */
struct renditions {
	struct rendition slot[RENDITIONS_MAX];
	uint64_t pictures; /* of all slots */
	unsigned running; /* bits 1 << slot */
	unsigned best; /* the largest picture of what the publisher sends; leads the clock */
	atomic_uint changed; /* how often one started, stopped, was offered or changed its size */
};

int renditions_init(struct renditions *renditions) __attribute__((warn_unused_result));
void renditions_finish(struct renditions *renditions);

/* Another publisher begins: nothing is known of its pictures. */
void renditions_restart(struct renditions *renditions);

/* Keeps the configuration of a frame's slot; true when it is another one. */
bool renditions_take_config(struct renditions *renditions, struct media_config *config,
			    unsigned slot);

/* A frame is about to be shared: measures it, sets frame->stamp, sees what runs and what stopped.
 */
void renditions_frame(struct renditions *renditions, struct frame *frame);

/* NULL withdraws the offer. */
void renditions_offer(struct renditions *renditions, unsigned slot,
		      const struct rendition_offer *offer);

void renditions_table(const struct renditions *renditions, struct rendition_table *out);

/* From the smallest to the largest. */
void rendition_table_add(struct rendition_table *table, const struct rendition_info *info);

/* The index in the table, or -1. */
int rendition_table_find(const struct rendition_table *table, unsigned slot);

/* "source" for the largest, else by the shorter side: "360p". */
void rendition_name(const struct rendition_table *table, unsigned index,
		    char name[RENDITION_NAME_MAX]);

/* The index of the largest with this name, or -1. */
int rendition_table_named(const struct rendition_table *table, const char *name);

/* What a reader can decode: no reordering and a profile up to `profile_max`; 0: everything. */
bool rendition_fits(const struct rendition_info *info, uint8_t profile_max);

#endif
