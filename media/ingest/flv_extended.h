/*
 * The extended tag headers of Enhanced RTMP v2 ("Enhanced Audio", "Enhanced Video"): modifiers are
 * passed over, of several tracks the first one (track 0) is picked. What stands behind is the
 * caller's to read. Untrusted; any thread.
 */
#ifndef SOUK_MEDIA_FLV_EXTENDED_H
#define SOUK_MEDIA_FLV_EXTENDED_H

#include "server/core/bits.h"

#include <stdbool.h>
#include <stdint.h>

enum flv_extended_kind {
	FLV_EXTENDED_OTHER, /* end of sequence, metadata, another track, types of a later text */
	FLV_EXTENDED_CONFIG,
	FLV_EXTENDED_FRAMES,
	FLV_EXTENDED_FRAMES_X, /* video with the composition time 0 left out */
};

struct flv_extended {
	enum flv_extended_kind kind;
	uint32_t fourcc; /* 0: none was read */
	struct bits body;
};

/* `first` has been read: frame type and packet type of video, 9 and the packet type of audio. 0, or
 * -EINVAL when it is cut off. */
int flv_extended_video(struct flv_extended *out, uint8_t first, struct bits *bits)
	__attribute__((warn_unused_result));
int flv_extended_audio(struct flv_extended *out, uint8_t first, struct bits *bits)
	__attribute__((warn_unused_result));

#endif
