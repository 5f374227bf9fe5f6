/*
 * What goes into a broadcast: the frames of whoever publishes, one at a time, and what transcoders
 * make of them. A publisher belongs to the thread that began it; made frames come from a thread for
 * each track.
 */
#ifndef SOUK_MEDIA_PUBLISH_H
#define SOUK_MEDIA_PUBLISH_H

#include "media/frame.h"

#include <stdint.h>

struct broadcast;
struct mqueue;
struct publisher;
struct rendition_offer;

struct publisher_params {
	uint32_t epoch; /* at least; 0: just the next one */
	/* Keyframe requests are run on this queue's thread, which is the publisher's. NULL: the
	 * source cannot be asked (RTMP). The queue outlives the publisher. */
	struct mqueue *queue;
	void (*request_key)(void *arg, unsigned slot);
	void *arg;
};

/* Takes the broadcast over: a former publisher's frames are refused from now on. The calling thread
 * becomes the publisher's thread for the functions below. */
int broadcast_publish_begin(struct broadcast *broadcast, const struct publisher_params *params,
			    struct publisher **out) __attribute__((warn_unused_result));

/* What the source says will come; `config` NULL: not more than that. */
void broadcast_promise(struct publisher *publisher, enum codec codec, struct media_config *config);

/* The frame's media_us and dts_us are source times: any origin, one clock for all tracks; of a
 * simulcast source frame->rendition is set. Sets its times, epoch and stamps, and shares it. Takes
 * over the reference. -ESTALE when another publisher took over, -EAGAIN when the frame was dropped
 * (before the first keyframe, stray after a jump). */
int broadcast_push(struct publisher *publisher, struct frame *frame);

/* See clock_map_sender_report(). */
void broadcast_sender_report(struct publisher *publisher, int64_t host_us, int64_t source_us,
			     int64_t arrival_us, int64_t rtt_us);

void broadcast_publish_end(struct publisher *publisher); /* frees it; takes NULL */

/* A transcoded frame, sound or a rung that was offered: media_us, dts_us, capture_us and epoch are
 * set by its maker from the source's frames. One thread a track. Takes over the reference; -ESTALE
 * for a former epoch or a rung that is offered no more. */
int broadcast_push_made(struct broadcast *broadcast, struct frame *frame);

/* A rung that a transcoder would make, were there a reader; never slot 0. NULL: no more, its frames
 * are forgotten. Slots that the publisher fills itself must not be offered. */
void broadcast_offer(struct broadcast *broadcast, unsigned slot,
		     const struct rendition_offer *offer);

#endif
