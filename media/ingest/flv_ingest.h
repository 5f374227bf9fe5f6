/*
 * FLV audio and video tag bodies (as RTMP messages carry them, also with the extended headers of
 * Enhanced RTMP v2) -> frames of H.264, AAC and Opus. Timestamps of 32 bits are unwrapped; audio
 * gets exact times from its sample count. What it does not know it skips and counts. One thread.
 */
#ifndef SOUK_MEDIA_FLV_INGEST_H
#define SOUK_MEDIA_FLV_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame;
struct media_config;

struct flv_ingest {
	/* Called for each frame; owns the reference. Times are source times in microseconds. */
	void (*frame)(void *arg, struct frame *frame);
	void *arg;
	struct media_config *video, *audio; /* NULL until their sequence header came */
	unsigned length_size; /* of the AVC length fields */
	bool reorders; /* a composition time other than 0 was seen, or a group without IDR picture
			*/
	bool clock_started;
	uint32_t last_ms;
	int64_t unwrapped_ms; /* of last_ms */
	/* Audio time: anchor + samples since it / rate */
	bool audio_anchored;
	int64_t audio_anchor_us;
	uint64_t audio_samples;
	unsigned frame_samples;
	uint64_t skipped; /* messages of unknown codecs, or malformed */
	uint32_t refused_video; /* the last codec not taken: a FourCC, or FLV's number of it */
};

void flv_ingest_init(struct flv_ingest *ingest, void (*frame)(void *arg, struct frame *frame),
		     void *arg);

/* The body of one tag. 0, -EINVAL malformed (skipped and counted; the stream may go on),
 * -ENOTSUP for a codec that Souk does not take (skipped and counted). */
int flv_ingest_video(struct flv_ingest *ingest, uint32_t timestamp_ms, const uint8_t *data,
		     size_t len);
int flv_ingest_audio(struct flv_ingest *ingest, uint32_t timestamp_ms, const uint8_t *data,
		     size_t len);

void flv_ingest_finish(struct flv_ingest *ingest);

#endif
