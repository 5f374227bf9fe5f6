/*
 * A viewer of HTTP-FLV or WebSocket-FLV: starts with the cached GOP, then one write a video frame,
 * with the audio since the last one riding along; or, for many cheap viewers, one write for
 * several. Behind by 1 s or 512 KiB it skips to the next keyframe, behind by 10 s it is closed.
 * Belongs to its worker's thread.
 */
#ifndef SOUK_MEDIA_FLV_SINK_H
#define SOUK_MEDIA_FLV_SINK_H

#include "media/byte_port.h"
#include "media/sink.h"

#include <stdbool.h>
#include <stdint.h>

struct broadcast;
struct buf;
struct flv_sink;
struct loop;

enum {
	FLV_BACKLOG_US = 1000000, /* design section 12 */
	FLV_BACKLOG_BYTES = 512 * 1024,
	FLV_BACKLOG_CLOSE_US = 10000000,
};

/* The port's owner destroys the sink when the connection ends; the sink asks for that with
 * port.close. Register sink() with the fan-out of the same broadcast; remove it before destroying.
 */
int flv_sink_create(struct flv_sink **out, struct loop *loop, struct broadcast *broadcast,
		    const struct byte_port *port) __attribute__((warn_unused_result));
/* Pictures of so long (at most 400 ms) share a write: a viewer costs less and is that much later.
 * Before fanout_add(). */
void flv_sink_batch(struct flv_sink *sink, int64_t batch_us);
/* What the port writes to, to be fetched before its turn (sink.warm); once, before fanout_add(). */
void flv_sink_target(struct flv_sink *sink, const void *target);
/* Before fanout_add(). */
void flv_sink_sound_alone(struct flv_sink *sink);
struct sink *flv_sink_sink(struct flv_sink *sink);

/* A script tag (flv_script_tag()), sent between frames. Dropped before the start, and while this
 * reader skips: a later state makes it good. */
void flv_sink_event(struct flv_sink *sink, struct buf *tag);

struct flv_sink_stats {
	uint64_t frames, skipped_frames, skips;
	int64_t first_capture_us, last_capture_us; /* of the frames sent; 0 before the first */
	uint32_t last_ms; /* FLV time of the last tag */
	bool too_slow; /* closed for being FLV_BACKLOG_CLOSE_US behind */
};
void flv_sink_stats(const struct flv_sink *sink, struct flv_sink_stats *out);

void flv_sink_destroy(struct flv_sink *sink); /* takes NULL */

#endif
