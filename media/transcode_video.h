/*
 * Pictures for every link: gives the pictures of one source out again in other sizes and bit rates
 * (rungs), without B-frames and in constrained baseline. A child of the pool does the work; when it
 * is lost, the rungs go on at the source's next keyframe.
 *
 * Each keyframe of the source is one of every rung; others come by request alone. When the child
 * falls behind, pictures are left out: first every one but keyframes is decoded for the sake of
 * those that refer to it and not encoded, and over the cap nothing is sent up to the next keyframe.
 *
 * Owner: the thread of the pool's loop, for everything here. Nothing blocks.
 */
#ifndef SOUK_MEDIA_TRANSCODE_VIDEO_H
#define SOUK_MEDIA_TRANSCODE_VIDEO_H

#include "media/frame.h"
#include "media/transcoder/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct transcode_pool;
struct transcode_video;

enum {
	TRANSCODE_VIDEO_BEHIND = 8, /* pictures not yet worked off: only keyframes are encoded */
	TRANSCODE_VIDEO_MAX = 32, /* then nothing goes in before the next keyframe */
	TRANSCODE_VIDEO_GOP_MAX = 400, /* pictures of a cached GOP, which come at once */
};

/* A frame of the rung in slot frame->rendition. Its times, its epoch and its stamp are those of the
 * source's picture. Borrowed: who keeps it takes a reference. Fires from the loop, never inside the
 * functions below. transcode_video_destroy() may be called inside. */
typedef void (*transcode_video_fn)(struct frame *frame, void *arg);

int transcode_video_create(struct transcode_video **out, struct transcode_pool *pool,
			   transcode_video_fn on_frame, void *arg)
	__attribute__((warn_unused_result));

/* All rungs that shall run from now on, slots in rising order. Those that ran as they are here go
 * on undisturbed. */
void transcode_video_rungs(struct transcode_video *video, const struct protocol_rung *rungs,
			   unsigned count);

/* A keyframe of the rung, at the next picture. */
void transcode_video_key(struct transcode_video *video, unsigned slot);

/* The cached GOP, from its keyframe on: only its last picture is seen. */
void transcode_video_start(struct transcode_video *video, struct frame *const *gop, size_t count);

/* Takes one picture in, copies what it needs. In decoding order. */
void transcode_video_push(struct transcode_video *video, const struct frame *frame);

/* Nothing goes in before the source's next keyframe. */
bool transcode_video_needs_key(const struct transcode_video *video);

struct transcode_video_stats {
	uint64_t frames_in;
	uint64_t frames_out; /* of all rungs */
	uint64_t skipped; /* decoded, not encoded */
	uint64_t dropped; /* not even decoded: over the cap, or there was no child */
	uint64_t decode_errors;
	uint64_t cpu_us; /* of the children */
	unsigned restarts; /* children replaced */
	unsigned in_flight; /* pictures in that are not worked off yet */
	int64_t latency_p50_us, latency_p99_us; /* of a picture, in to out; 0: none yet */
};

void transcode_video_stats(const struct transcode_video *video,
			   struct transcode_video_stats *stats);

/* The process that works for it now, for logs; 0 while there is none. */
pid_t transcode_video_pid(const struct transcode_video *video);

/* No callback fires afterwards. Ends the child. Takes NULL. */
void transcode_video_destroy(struct transcode_video *video);

#endif
