/*
 * The index beside a recording: which bytes of the file are which moment. A text file that only
 * grows, a line a part, written once the bytes it names are on the disk; a line that was cut off by
 * a crash is as if it were not there. Pure; any thread.
 *
 *   souk-recording 1
 *   T <header bytes> <sample rate> <video 0|1> <codecs>
 *   P <offset> <bytes> <media_us> <capture_us> <duration_us> <flags: s segment begins, k keyframe,
 * -, > E <event, base64> Z                      the show is over
 */
#ifndef SOUK_MEDIA_RECORD_INDEX_H
#define SOUK_MEDIA_RECORD_INDEX_H

#include "server/core/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* No time of a recording is further from 1970, either way: two thousand years. */
#define RECORD_TIME_MAX_US (INT64_C(1) << 56)

enum {
	RECORD_PART_MAX_S = 3600,
	RECORD_PARTS_MAX = 1000000, /* four days of parts; then the rest is not seen */
	RECORD_EVENTS_MAX = 100000,
	RECORD_CODECS_MAX = 80,
	RECORD_LINE_MAX = 64 * 1024,
};

struct record_track {
	uint64_t header_len; /* the file begins with it */
	uint32_t sample_rate; /* 0: no sound */
	bool video;
	char codecs[RECORD_CODECS_MAX];
};

struct record_part {
	uint64_t offset, len;
	int64_t media_us, capture_us, duration_us;
	bool starts_segment, independent;
};

struct record_index {
	struct record_track track;
	struct record_part *parts;
	size_t part_count, part_size;
	struct buf **events; /* messages, as they were sent */
	size_t event_count, event_size;
	bool over;
};

void record_put_track(struct bytes *out, const struct record_track *track);
void record_put_part(struct bytes *out, const struct record_part *part);
void record_put_event(struct bytes *out, const void *message, size_t len);
void record_put_end(struct bytes *out);

/* -EINVAL: not of this form at all. Parts beyond `file_len` bytes are left out, and what follows
 * them. record_index_finish() in every case. */
int record_index_parse(struct record_index *index, const void *text, size_t len, uint64_t file_len)
	__attribute__((warn_unused_result));
void record_index_finish(struct record_index *index);

/* Capture time at which the last part ends; 0 without parts. */
int64_t record_index_end_us(const struct record_index *index);

#endif
