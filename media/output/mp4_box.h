/* Boxes of ISO 14496-12 §4.2 in a byte buffer: begun, filled, and ended with their size. Pure; any
 * thread. */
#ifndef SOUK_MEDIA_MP4_BOX_H
#define SOUK_MEDIA_MP4_BOX_H

#include "server/core/bytes.h"

enum { MP4_BOX_HEAD = 8 };

static inline void mp4_patch32(struct bytes *out, size_t at, uint32_t value)
{
	if (!bytes_ok(out)) /* what did not fit is not there */
		return;
	for (int i = 0; i < 4; i++)
		out->data[at + (size_t)i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Returns where it begins, for mp4_box_end(). */
static inline size_t mp4_box(struct bytes *out, const char type[4])
{
	const size_t at = out->len;
	bytes_be32(out, 0);
	bytes_put(out, type, 4);
	return at;
}

static inline size_t mp4_box_full(struct bytes *out, const char type[4], uint8_t version,
				  uint32_t flags)
{
	const size_t at = mp4_box(out, type);
	bytes_be32(out, (uint32_t)version << 24 | flags);
	return at;
}

static inline void mp4_box_end(struct bytes *out, size_t at)
{
	mp4_patch32(out, at, (uint32_t)(out->len - at));
}

#endif
