/*
 * Walks through an FLV stream by its tag headers (Adobe FLV 10.1 annex E.4) without keeping its
 * media: counts, order and gaps. Bytes may come in any cut. One owner.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_FLV_READER_H
#define SOUK_LOAD_TESTS_SWARM_FLV_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLV_READER_HEADER = 13, FLV_READER_TAG = 11, FLV_READER_PEEK = 2 };

struct flv_reader {
	uint64_t video, audio, script; /* tags; video without headers and end marks */
	uint64_t keyframes;
	uint64_t backward; /* timestamps that go back within a kind */
	uint64_t gaps; /* steps of the video's timestamps over FLV_READER_GAP_MS */
	bool began_with_key; /* valid once `video` is not 0 */
	bool bad; /* not FLV; nothing more is read */

	/* private */
	uint8_t head[FLV_READER_HEADER]; /* what is being collected */
	size_t have, want;
	bool headed;
	uint32_t skip; /* rest of the tag and its size behind it */
	uint32_t last_ms[2]; /* video, audio */
	bool timed[2];
};

/* A frame of 25 fps has 40 ms; a sink that skips goes to the next keyframe. */
enum { FLV_READER_GAP_MS = 200 };

void flv_reader_init(struct flv_reader *reader);
void flv_reader_feed(struct flv_reader *reader, const uint8_t *data, size_t len);

#endif
