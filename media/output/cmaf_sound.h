/*
 * The sound of a CMAF track: exact steps of whole frames, so that no rounding of the source's
 * stamps adds up, with silence where the source has a hole: a player stands still where one of its
 * tracks does. Part of a cmaf_cutter.
 */
#ifndef SOUK_MEDIA_CMAF_SOUND_H
#define SOUK_MEDIA_CMAF_SOUND_H

#include "media/output/cmaf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CMAF_SOUND_GONE_US = 1000000, /* nothing for so long: silence goes on in its place */
};

struct cmaf_sound {
	struct media_config *config; /* a reference; NULL: no sound */
	uint32_t step; /* samples a frame */
	struct frame *waiting[CMAF_RUN_MAX]; /* a reference each */
	size_t count;
	struct frame *silence; /* NULL: cannot be made */
	bool began; /* `next` is known */
	uint64_t begin, next; /* where it begins and goes on, in samples */
	int64_t end_us; /* of the newest frame that came, in decoding time */
	struct frame *run[CMAF_RUN_MAX]; /* what is given out; borrowed */
	size_t used; /* of the waiting ones: run or dropped */
};

/* Takes a reference. Sound from `begin_us` on is wanted; INT64_MIN: as it comes. */
void cmaf_sound_begin(struct cmaf_sound *sound, struct media_config *config, int64_t begin_us);
void cmaf_sound_push(struct cmaf_sound *sound, struct frame *frame);

int64_t cmaf_sound_frame_us(const struct cmaf_sound *sound);

/* What there is before `until_us` (INT64_MAX: all), valid until cmaf_sound_taken(). */
struct cmaf_run cmaf_sound_run(struct cmaf_sound *sound, int64_t until_us);
void cmaf_sound_taken(struct cmaf_sound *sound);

void cmaf_sound_end(struct cmaf_sound *sound);

#endif
