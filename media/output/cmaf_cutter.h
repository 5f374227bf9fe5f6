/*
 * Cuts a rendition's frames into CMAF parts and segments: parts of up to a third of a second,
 * segments of about two that begin with a keyframe (of a source whose keyframes are rare, some
 * begin without). A new epoch, another configuration and a hole in the source begin anew: map()
 * comes again and what follows is discontinuous. Knows neither HLS nor files. One owner thread.
 */
#ifndef SOUK_MEDIA_CMAF_CUTTER_H
#define SOUK_MEDIA_CMAF_CUTTER_H

#include "media/frame.h"
#include "media/output/cmaf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cmaf_cutter;

enum {
	CMAF_PART_US = 334000, /* 10 pictures of 30 a second, 8 of 25 */
	CMAF_SEGMENT_US = 1900000, /* from then on a keyframe begins the next */
	CMAF_SEGMENT_MAX_US = 3500000, /* and whatever comes from then on */
	CMAF_SEGMENT_PARTS_MAX = 64, /* a source may be odd, or hostile */
	CMAF_SEGMENT_BYTES_MAX = 16 * 1024 * 1024,
	CMAF_SEGMENT_LONGEST_US =
		4400000, /* that players are promised; no picture would reach beyond */
	/* A discontinuity: nothing came for so long, of a source without sound. */
	CMAF_HOLE_US = 1000000,
	CMAF_STILL_ALONE_US = CMAF_SEGMENT_MAX_US,
	CMAF_HURRY_SEGMENTS = 3, /* Chromium's own player gives up on fewer (decision 0008) */
	CMAF_SOUND_WAIT_US = 300000, /* pictures wait for their sound, which may be transcoded */
	CMAF_WAIT_US = 1500000, /* sound that was announced is waited for */
	CMAF_KEY_WAIT_US = 12000000, /* and a keyframe */
	CMAF_HELD_MAX = 2048, /* frames meanwhile */
	CMAF_EVENTS_MAX = 64, /* that wait for the next part; more are dropped */
};

struct cmaf_part {
	struct buf *data; /* the receiver takes a reference */
	const struct cmaf_fragment *content; /* what is in it, for other forms; during the call */
	uint32_t epoch;
	bool starts_segment;
	bool independent; /* starts with a keyframe */
	int64_t media_us; /* presentation of its first picture, or sound */
	int64_t capture_us; /* of that */
	int64_t duration_us;
};

struct cmaf_expected {
	bool video, audio;
	struct media_config *aac; /* that of the sound; taken over. NULL: not known */
};

struct cmaf_cutter_ops {
	/* What the source brings, as far as is known now. */
	struct cmaf_expected (*expected)(void *arg);
	/* Before the first part, and before the first part after a discontinuity. */
	void (*map)(void *arg, const struct cmaf_tracks *tracks, struct buf *header);
	void (*part)(void *arg, const struct cmaf_part *part);
	void (*segment)(void *arg); /* the one of the last part is complete */
};

int cmaf_cutter_create(struct cmaf_cutter **out, const struct cmaf_cutter_ops *ops, void *arg)
	__attribute__((warn_unused_result));

/* Before the first frame: the first segments are a part each, since players begin with nothing less
 * than a segment, and some with nothing less than three; not all begin with a keyframe then. */
void cmaf_cutter_hurry(struct cmaf_cutter *cutter);

/* Before the first frame: pictures say where parts and segments begin, as in the other renditions
 * of the source, but only the sound goes into them. */
void cmaf_cutter_sound_alone(struct cmaf_cutter *cutter);

/* The next frame in order of decoding, as the fan-out brings it; `now_us` is monotonic. */
void cmaf_cutter_push(struct cmaf_cutter *cutter, struct frame *frame, int64_t now_us);

/* The pictures that come are left out up to the next keyframe. */
bool cmaf_cutter_wants_key(const struct cmaf_cutter *cutter);

/* A box made by cmaf_event(), for the next part. */
void cmaf_cutter_event(struct cmaf_cutter *cutter, struct buf *event);

/* The next keyframe begins anew, as if the configuration had changed. */
void cmaf_cutter_break(struct cmaf_cutter *cutter);

/* What waits becomes the last part and its segment ends; the next frame begins anew. */
void cmaf_cutter_flush(struct cmaf_cutter *cutter);

void cmaf_cutter_destroy(struct cmaf_cutter *cutter); /* takes NULL */

#endif
