/*
 * CMAF (ISO 23000-19) over fragmented MP4 (ISO 14496-12) from frames: a header for a set of tracks,
 * fragments of whole frames, event messages. Picture and sound share a fragment. The frames' media
 * times appear as they are (design section 6): picture in 90 kHz, sound in its sample rate. Pure;
 * any thread.
 */
#ifndef SOUK_MEDIA_CMAF_H
#define SOUK_MEDIA_CMAF_H

#include "media/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CMAF_VIDEO_TRACK = 1,
	CMAF_AUDIO_TRACK = 2,
	CMAF_VIDEO_TIMESCALE = 90000,
	/* Decode times are unsigned and a room's time may begin a little before 0: all are shown
	 * this much later. */
	CMAF_ORIGIN_US = 10000000,
	CMAF_RUN_MAX = 512, /* frames of a track in one fragment */
	CMAF_FRAGMENT_MAX = 16 * 1024 * 1024,
	CMAF_CODEC_TEXT = 32,
};

#define CMAF_EVENT_SCHEME "urn:souk:timeline"

/* NULL: no such track. */
struct cmaf_tracks {
	struct media_config *video, *audio;
};

/* ftyp and moov. NULL when memory is short or there is no track. */
struct buf *cmaf_header(const struct cmaf_tracks *tracks) __attribute__((warn_unused_result));

/* "avc1.42c00c", "mp4a.40.2" (RFC 6381) */
void cmaf_codec_text(const struct media_config *config, char out[CMAF_CODEC_TEXT]);

/* Where media time stands on a track's scale. */
uint64_t cmaf_ticks(int64_t media_us, uint32_t timescale);

/* Frames of one track in order of decoding. `begin` is the first one's decode time in the track's
 * scale, `end` where the track goes on after the last. Sound steps by `step` samples. */
struct cmaf_run {
	struct frame *const *frames;
	size_t count; /* 0: nothing of this track; at most CMAF_RUN_MAX */
	uint64_t begin, end;
	uint32_t step;
};

struct cmaf_fragment {
	uint32_t sequence; /* of the moof, from 1 */
	bool starts_segment; /* an styp comes first */
	struct buf *const *events; /* made by cmaf_event() */
	size_t event_count;
	struct cmaf_run video, audio;
};

/* [styp] emsg… moof mdat; pictures that ask for a stamp carry the time SEI. NULL when memory is
 * short or it would exceed CMAF_FRAGMENT_MAX. */
struct buf *cmaf_fragment(const struct cmaf_fragment *fragment) __attribute__((warn_unused_result));

struct cmaf_event {
	const char *type; /* the event's, as the scheme's value */
	uint32_t id;
	int64_t media_us; /* when it applies */
	const char *text; /* the live message */
	size_t len;
};
/* emsg version 1 */
struct buf *cmaf_event(const struct cmaf_event *event) __attribute__((warn_unused_result));

#endif
