/*
 * One rendition as HLS: takes the parts and segments of a cmaf_cutter, keeps as many as readers may
 * ask for, and makes images of them (RFC 8216bis). All in memory. One owner thread.
 */
#ifndef SOUK_MEDIA_HLS_WINDOW_H
#define SOUK_MEDIA_HLS_WINDOW_H

#include "media/output/cmaf_cutter.h"
#include "media/output/hls_image.h"

#include <stddef.h>
#include <stdint.h>

struct hls_events;
struct hls_window;

enum {
	HLS_TARGET_S = 4, /* EXT-X-TARGETDURATION: segments, rounded, are never longer */
	HLS_PARTS_US = 3 * HLS_TARGET_S * 1000000, /* parts are listed that near the end */
	HLS_SKIP_S = 6 * HLS_TARGET_S, /* CAN-SKIP-UNTIL, the least that is allowed */
	HLS_LISTED_US = 32 * 1000000,
	/* Shorter ones, of which a rendition begins with a few, leave the playlist as soon as three
	 * target durations follow (RFC 8216bis §6.2.2; decision 0026). */
	HLS_REGULAR_US = 1000000,
	HLS_LISTED_LEAST_US = 3 * HLS_TARGET_S * 1000000,
	/* What left the playlist may be asked for as long again, and a segment more (RFC 8216bis
	 * §6.2.2). */
	HLS_KEPT_US = 2 * HLS_LISTED_US + HLS_TARGET_S * 1000000,
	/* Behind a last part so short a segment is listed as whole with the part that follows
	 * (decision 0025). */
	HLS_SHORT_PART_US = 250000,
	HLS_BYTES_MAX = 96 * 1024 * 1024, /* a rendition; beyond, the oldest goes earlier */
	HLS_SEGMENTS_MAX = 512,
	HLS_BLOCK_US = 3 * HLS_TARGET_S * 1000000, /* a request waits so long: then 503 */
	HLS_ADVANCE_SEGMENTS = 2, /* beyond the newest: 400 */
	HLS_ADVANCE_PARTS = 9, /* 3 s of parts (§6.2.5.2) */
};

/* `msn`: of the first segment. */
int hls_window_create(struct hls_window **out, const char *rendition, uint64_t msn)
	__attribute__((warn_unused_result));

/* What follows is behind the discontinuity of this number (media/output/hls_breaks.h), which is
 * higher each time; tags in the playlist stand for those in between, too. */
void hls_window_discontinuity(struct hls_window *window, uint64_t number);

/* As the cutter calls them. */
void hls_window_map(struct hls_window *window, const struct cmaf_tracks *tracks,
		    struct buf *header);
/* `ts` is the same as transport stream; NULL: that is not made. */
void hls_window_part(struct hls_window *window, const struct cmaf_part *part, struct buf *ts);
void hls_window_segment(struct hls_window *window);

void hls_window_end(struct hls_window *window); /* the show is over */

/* Capture time of the oldest listed picture; 0 when nothing is there. */
int64_t hls_window_first_us(const struct hls_window *window);
/* Where a rendition that was stopped goes on: numbers of segments never come twice. */
uint64_t hls_window_next_msn(const struct hls_window *window);

/* How far another rendition of the room is, for EXT-X-RENDITION-REPORT. */
struct hls_report {
	const char *rendition;
	uint64_t msn;
	size_t part;
};
bool hls_window_report(const struct hls_window *window, struct hls_report *out);

struct hls_others {
	const struct hls_events *events;
	const struct hls_report *reports;
	size_t report_count;
};

/* A reference; NULL when memory is short or nothing is there yet. */
struct hls_image *hls_window_image(const struct hls_window *window, const struct hls_others *others)
	__attribute__((warn_unused_result));

void hls_window_destroy(struct hls_window *window); /* takes NULL */

#endif
