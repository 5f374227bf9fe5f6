/*
 * A room's timeline as HLS carries it: one EXT-X-DATERANGE an event, in every playlist of the room
 * alike, for as long as its date lies in them; the newest pin stays as long as it is in force. One
 * owner thread.
 */
#ifndef SOUK_MEDIA_HLS_EVENTS_H
#define SOUK_MEDIA_HLS_EVENTS_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct bytes;

enum {
	HLS_EVENTS_MAX = 256, /* beyond, events travel as emsg alone */
	HLS_STOCKS_MAX = 128, /* so much of it may be stock, which is told ten times a second */
	HLS_EVENT_TYPE_MAX = 32,
	HLS_DATE_TEXT = 32,
};

struct hls_event {
	char type[HLS_EVENT_TYPE_MAX]; /* "product.pin" */
	uint64_t seq;
	int64_t at_us;
	struct buf *line; /* NULL: not listed */
};

struct hls_events {
	struct hls_event list[HLS_EVENTS_MAX];
	size_t count;
};

void hls_events_init(struct hls_events *events);
void hls_events_finish(struct hls_events *events);

/* `message` is a timeline event (docs/api.md section 5.2), in JSON. Lists it where there is room; a
 * known seq is left out. 0 and what it is in *out (with no line), or -EINVAL. */
int hls_events_add(struct hls_events *events, const struct buf *message, struct hls_event *out)
	__attribute__((warn_unused_result));

/* What a message is, with its line whether there is room or not: the caller's reference. */
int hls_event_make(struct hls_event *out, const struct buf *message)
	__attribute__((warn_unused_result));

/* Forgets what lies before the first date of all playlists. */
void hls_events_trim(struct hls_events *events, int64_t first_capture_us);

/* The tags, oldest first. */
void hls_events_put(const struct hls_events *events, struct bytes *out);

/* "2026-11-21T17:42:08.123Z" */
void hls_date_text(int64_t utc_us, char out[HLS_DATE_TEXT]);

#endif
