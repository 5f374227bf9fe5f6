/*
 * MPEG transport stream (ISO 13818-1) from the fragments of a cmaf_cutter: a piece for each, to be
 * put one behind the other. A segment begins with the tables, so that it can be read on its own;
 * continuity counters go on over segments. H.264 as Annex B, sound as ADTS. Times are those of the
 * CMAF form in 90 kHz, modulo 2^33. One owner, one thread.
 */
#ifndef SOUK_MEDIA_TS_MUXER_H
#define SOUK_MEDIA_TS_MUXER_H

#include "media/output/cmaf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TS_PACKET_LEN = 188,
	TS_PMT_PID = 0x1000,
	TS_VIDEO_PID = 0x100,
	TS_AUDIO_PID = 0x101,
	TS_PART_MAX = 2 * CMAF_FRAGMENT_MAX, /* bytes of a piece */
	/* How far the clock is behind decoding: what a receiver may have to buffer (§2.4.2.6: less
	 * than a second). */
	TS_LEAD_TICKS = 45000,
	TS_SOUND_FRAMES = 4, /* share a packet of the elementary stream */
};

struct ts_muxer {
	bool pictures, sound; /* the tracks there are */
	uint8_t adts[2]; /* of the sound: AudioSpecificConfig in its two bytes */
	uint8_t object_type;
	uint32_t sample_rate;
	uint8_t version; /* of the PMT */
	bool began;
	bool jumps; /* the next clock reference does not continue the one before */
	uint8_t counters[4];
};

void ts_muxer_init(struct ts_muxer *ts);

/* What follows has these tracks and continues nothing. Sound that ADTS cannot describe is left
 * out. */
void ts_muxer_tracks(struct ts_muxer *ts, const struct cmaf_tracks *tracks);

/* NULL when memory is short, it would exceed TS_PART_MAX, or nothing is left in it. */
struct buf *ts_muxer_part(struct ts_muxer *ts, const struct cmaf_fragment *fragment)
	__attribute__((warn_unused_result));

/* CRC_32 of annex A: polynomial 0x04c11db7 from all ones, nothing reflected. */
uint32_t ts_crc32(const void *data, size_t len);

#endif
