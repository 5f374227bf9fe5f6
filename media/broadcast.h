/*
 * The media side of one room: the renditions of its picture, a bus of sound for each codec, the
 * clock, and who publishes (publish.h). Reference counted, because a room is owned by control while
 * publishers and viewers of several workers use it; every function may be called on any thread
 * unless it says otherwise.
 */
#ifndef SOUK_MEDIA_BROADCAST_H
#define SOUK_MEDIA_BROADCAST_H

#include "media/frame.h"
#include "media/rendition.h"

#include <stdbool.h>
#include <stdint.h>

struct broadcast;
struct clock;

enum { BROADCAST_KEY_INTERVAL_US = 500000 }; /* keyframe requests, design section 12 */

/* Called on the thread that caused it. It may only push a message to the owner's thread, which then
 * looks at the state: edges of two threads may overtake each other. Each may be NULL. */
struct broadcast_ops {
	/* The track got its first reader or lost its last: see broadcast_readers(). */
	void (*readers)(void *arg, enum track track);
	/* Somebody cannot go on without a keyframe of a rung: at most once in 500 ms. */
	void (*rung_key)(void *arg, unsigned slot);
	/* A publisher's clock jumped: a new epoch without a new publisher. Publisher's thread. */
	void (*epoch)(void *arg, uint32_t epoch);
	/* A source's first configuration, or another one. Publisher's thread. */
	void (*config)(void *arg, enum codec codec);
};

/* `clock` must outlive it. ops may be NULL. */
int broadcast_create(struct broadcast **out, const struct clock *clock,
		     const struct broadcast_ops *ops, void *arg)
	__attribute__((warn_unused_result));
struct broadcast *broadcast_ref(struct broadcast *broadcast);
void broadcast_unref(struct broadcast *broadcast); /* takes NULL */

/* After this no callback of ops runs; for the owner that goes away before the last reference. */
void broadcast_detach(struct broadcast *broadcast);

/* Every reader hears ended() after the last frame, and the caches are emptied. A later publish
 * makes it live again for new readers. */
void broadcast_end(struct broadcast *broadcast);

/* Asks for a keyframe of a rendition, at most once in 500 ms. */
void broadcast_request_key(struct broadcast *broadcast, unsigned slot);

/* The largest picture that the publisher sends now; 0 while there is none. */
unsigned broadcast_best(struct broadcast *broadcast);
void broadcast_renditions(struct broadcast *broadcast, struct rendition_table *out);
/* Counts the renditions that start, stop, are offered or change their size. No lock. */
unsigned broadcast_renditions_changed(const struct broadcast *broadcast);

/* A reference to the configuration of the present source (its largest picture), or NULL. */
struct media_config *broadcast_video_config(struct broadcast *broadcast);
struct media_config *broadcast_audio_config(struct broadcast *broadcast, enum codec codec);

bool broadcast_has_video(struct broadcast *broadcast); /* false: audio only, or not known yet */
bool broadcast_has_audio(struct broadcast *broadcast); /* in any codec */
bool broadcast_audio_only(struct broadcast *broadcast); /* so far, and a picture is overdue */
struct broadcast_expected {
	bool video, audio; /* the source has it, or said that it will */
	struct media_config *aac; /* a reference, or NULL: not known yet */
};
void broadcast_expected(struct broadcast *broadcast, struct broadcast_expected *out);
uint32_t broadcast_epoch(struct broadcast *broadcast);
unsigned broadcast_readers(struct broadcast *broadcast, enum track track);

/* The present epoch's line: capture_us = this one's + (m - media_us) * (1 + rate_ppm / 10^6). */
struct broadcast_clock {
	uint32_t epoch;
	int64_t media_us;
	int64_t capture_us;
	int32_t rate_ppm;
	int64_t err_us;
	int64_t gap_us; /* FLV stamps show media_us - gap_us, in milliseconds */
	int64_t newest_capture_us; /* of the newest frame that was shared */
};
/* False before the first frame. */
bool broadcast_clock(struct broadcast *broadcast, struct broadcast_clock *out);
/* AAC has come whose Opus has not, and is not too late to be worth waiting for. */
bool broadcast_opus_due(struct broadcast *broadcast);

struct broadcast_stats {
	uint64_t video_frames, audio_frames, bytes, keyframes, key_requests, stray_frames;
};
void broadcast_stats(struct broadcast *broadcast, struct broadcast_stats *out);

/* For the fan-out. A waiter is told once of what came since it was cleared: frames of the tracks it
 * waits for (at first none) and the end of the show. Its fd (an eventfd) is written, or, when the
 * teller is the thread that waits, `soon` is called, which may only ask for a call of its own. */
struct broadcast_waiter;
struct broadcast_waiter *broadcast_wait(struct broadcast *broadcast, int fd,
					void (*soon)(void *arg), void *arg);
void broadcast_wait_for(struct broadcast_waiter *waiter, unsigned tracks); /* bits 1 << track */
/* Before looking at the buses; true when something was pushed since the last time. */
bool broadcast_wait_clear(struct broadcast_waiter *waiter);
void broadcast_unwait(struct broadcast *broadcast, struct broadcast_waiter *waiter);
struct bus *broadcast_bus(struct broadcast *broadcast, enum track track);
void broadcast_reader_add(struct broadcast *broadcast, enum track track);
void broadcast_reader_remove(struct broadcast *broadcast, enum track track);
unsigned broadcast_ends(struct broadcast *broadcast); /* how often the show has ended */

#endif
