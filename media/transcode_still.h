/*
 * Stills of one room's pictures: a keyframe goes into a souk-transcoder child (media/transcoder),
 * a JPEG comes back. One at a time. Owner: the thread of the pool's loop.
 */
#ifndef SOUK_MEDIA_TRANSCODE_STILL_H
#define SOUK_MEDIA_TRANSCODE_STILL_H

#include "media/transcoder/protocol.h"

#include <stdbool.h>

struct buf;
struct transcode_pool;
struct transcode_still;

/* `jpeg` NULL: none could be made of it. The transcoder may be asked anew, or be destroyed, in
 * here. */
typedef void (*transcode_still_fn)(struct buf *jpeg, void *arg);

/* Takes a child of the pool's. */
int transcode_still_create(struct transcode_still **out, struct transcode_pool *pool,
			   transcode_still_fn done, void *arg) __attribute__((warn_unused_result));

/* `header` is an AVCDecoderConfigurationRecord, `picture` a keyframe as in struct frame; takes
 * references. `done` is called once, never inside. -EBUSY while one is under way, -EINVAL for what
 * is too long. */
int transcode_still_ask(struct transcode_still *still, struct buf *header, struct buf *picture,
			uint16_t side) __attribute__((warn_unused_result));

/* `done` is not called any more. Ends the child. Takes NULL. */
void transcode_still_destroy(struct transcode_still *still);

#endif
