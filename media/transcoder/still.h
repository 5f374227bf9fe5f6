/*
 * A picture of a stream as JPEG: one keyframe, decoded, made smaller and encoded within the call.
 * Elements are made for each: stills are rare. Works inside the sandbox. One thread.
 */
#ifndef SOUK_MEDIA_TRANSCODER_STILL_H
#define SOUK_MEDIA_TRANSCODER_STILL_H

#include "media/transcoder/protocol.h"

/* Appends to `bytes`, into which *out points. -ENODATA: nothing came out of it. */
int still_make(const struct protocol_still *still, struct bytes *bytes, struct protocol_jpeg *out)
	__attribute__((warn_unused_result));

#endif
