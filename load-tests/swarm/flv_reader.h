/*
 * Walks through an FLV stream by its tag headers (Adobe FLV 10.1 annex E.4) without keeping its
 * media: counts, order, gaps, and the live messages in its script tags. Bytes may come in any cut.
 * One owner.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_FLV_READER_H
#define SOUK_LOAD_TESTS_SWARM_FLV_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLV_READER_HEADER = 13, FLV_READER_TAG = 11, FLV_READER_PEEK = 2 };

/* Both may be NULL. */
struct flv_reader_ops {
	void (*frame)(void *arg, uint32_t ms, bool key); /* the beginning of a picture */
	void (*message)(void *arg, const char *text, size_t len); /* of a tag onSouk */
};

struct flv_reader {
	uint64_t video, audio, scripts; /* tags; video without headers and end marks */
	uint64_t keyframes;
	uint64_t backward; /* timestamps that go back within a kind */
	uint64_t gaps; /* steps of the video's timestamps over FLV_READER_GAP_MS */
	bool began_with_key; /* valid once `video` is not 0 */
	bool bad; /* not FLV; nothing more is read */

	/* private */
	const struct flv_reader_ops *ops;
	void *arg;
	uint8_t *script; /* body of the script tag being collected; NULL: none */
	size_t script_len, script_have;
	uint8_t head[FLV_READER_HEADER]; /* what is being collected */
	size_t have, want;
	bool headed;
	uint32_t skip; /* rest of the tag and its size behind it */
	uint32_t last_ms[2]; /* video, audio */
	bool timed[2];
};

/* A frame of 25 fps has 40 ms; a sink that skips goes to the next keyframe. */
enum { FLV_READER_GAP_MS = 200, FLV_READER_SCRIPT_MAX = 128 * 1024 };

/* `ops` NULL: only counts. */
void flv_reader_init(struct flv_reader *reader, const struct flv_reader_ops *ops, void *arg);
void flv_reader_finish(struct flv_reader *reader);
void flv_reader_feed(struct flv_reader *reader, const uint8_t *data, size_t len);

#endif
