/*
 * Sound for everybody: gives the frames of an audio rendition out again in another codec (AAC to
 * Opus, Opus to AAC). A child of the pool does the work; when it is lost, the gap becomes silence
 * and the timestamps go on.
 *
 * Owner: the thread of the pool's loop, for everything here. Nothing blocks.
 */
#ifndef SOUK_MEDIA_TRANSCODE_H
#define SOUK_MEDIA_TRANSCODE_H

#include "media/frame.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct transcode;
struct transcode_pool;

/* A frame of the other codec, in order, its own media_us, capture_us and epoch derived from those
 * that were pushed. Borrowed: who keeps it takes a reference. Fires from the loop, never inside
 * transcode_push(). transcode_destroy() may be called inside. */
typedef void (*transcode_frame_fn)(struct frame *frame, void *arg);

/*
 * `from` says what will be pushed (CODEC_AAC with its AudioSpecificConfig, or CODEC_OPUS); a pushed
 * frame with another config of the same codec changes it on the way. `to` is the other one of the
 * two. -EINVAL for any other pair or an AAC config without header.
 *
 * Opus comes out as 48 kHz stereo, 20 ms a frame, 96 kbit/s; AAC as LC 48 kHz stereo, 1024 samples
 * a frame, 128 kbit/s. The first frame out never starts before the first one in.
 */
int transcode_create(struct transcode **out, struct transcode_pool *pool, struct media_config *from,
		     enum codec to, transcode_frame_fn on_frame, void *arg)
	__attribute__((warn_unused_result));

/* What comes out; known at once, the same for the life of the object. Borrowed. */
struct media_config *transcode_config(const struct transcode *transcode);

/*
 * Takes one frame in; copies what it needs. Frames of an epoch come in order of media_us; a gap of
 * up to 2 s is filled with silence, a longer one or a new epoch starts afresh. Over the cap (64
 * frames not yet worked off) the frame is dropped and counted, and becomes silence.
 */
void transcode_push(struct transcode *transcode, const struct frame *frame);

struct transcode_stats {
	uint64_t frames_in;
	uint64_t frames_out;
	uint64_t dropped; /* at the cap, or while there was no child */
	uint64_t decode_errors;
	uint64_t silence_us; /* put in for gaps */
	uint64_t cpu_us; /* of the children */
	unsigned restarts; /* children replaced */
	unsigned in_flight; /* frames in that are not worked off yet */
};

void transcode_stats(const struct transcode *transcode, struct transcode_stats *stats);

/* The process that works for it now, for logs; 0 while there is none. */
pid_t transcode_pid(const struct transcode *transcode);

/* No callback fires afterwards. Ends the child. Takes NULL. */
void transcode_destroy(struct transcode *transcode);

#endif
