/*
 * Which rendition of the picture a reader is shown, and its way from one to another: at a keyframe
 * of the new one, without a frame twice, left out or out of order. While it waits for that keyframe
 * it keeps the old rendition no further than the new one has come, because a transcoded rung and
 * the later layers of a picture arrive some milliseconds after the first.
 *
 * Part of struct sink: driven by the fan-out, in its thread.
 */
#ifndef SOUK_MEDIA_SINK_PICTURE_H
#define SOUK_MEDIA_SINK_PICTURE_H

#include "media/rendition.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PICTURE_HELD_MAX = 8, /* frames; then the new rendition is not waited for */
	PICTURE_SAME_US = 8000, /* layers of one picture are no further apart */
	PICTURE_ASK_US = 500000, /* of media time, between two requests for a keyframe */
	PICTURE_PATIENCE_US = 1000000, /* a way up can wait for the source's own keyframe */
};

struct sink_picture {
	/* Set by the owner before fanout_add(). */
	uint8_t profile_max; /* H.264 profile_idc, and no reordering; 0: takes everything */
	bool begins_low; /* the first frames come from the smallest picture that runs */
	/* fanout_want(). */
	uint8_t wanted; /* 1 + slot; 0: the largest that runs */
	/* The fan-out's. */
	uint8_t shown, next; /* slots; the same: no change is on its way */
	bool waits; /* for `next`, which runs */
	unsigned held_count;
	int64_t shown_us; /* decoding time of the newest frame that was given out */
	int64_t next_us; /* and of the newest that was seen of `next` */
	int64_t ask_us; /* a keyframe of `next` is asked for at this decoding time */
	struct frame *held[PICTURE_HELD_MAX];
};

struct picture_choice {
	uint8_t first, then; /* slots: to begin with, to go for */
};

struct picture_choice picture_choose(const struct sink_picture *picture,
				     const struct rendition_table *table);

/* Whether the reader can decode this frame: until what fits has begun it is better shown nothing.
 */
bool picture_fits(const struct sink_picture *picture, const struct frame *frame);

/* Goes for another rendition. */
void picture_go(struct sink_picture *picture, unsigned slot, const struct rendition_table *table);

/* While a change is on its way: takes a frame of any rendition (its own reference) and tells in
 * `out` what the reader gets now; the references are the caller's. */
size_t picture_take(struct sink_picture *picture, struct frame *frame,
		    struct frame *out[PICTURE_HELD_MAX + 1]);

/* True when a keyframe of `next` has to be asked for now; then not again for a while. */
bool picture_asks(struct sink_picture *picture, const struct frame *frame);

void picture_drop(struct sink_picture *picture); /* what is held */

#endif
