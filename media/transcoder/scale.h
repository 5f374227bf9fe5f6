/*
 * Makes a plane of 8-bit samples smaller: each sample out is the mean of the area it covers, which
 * keeps fine patterns from flickering. Of our own, because GStreamer's scaler compiles its loops at
 * run time, which the sandbox forbids; what it then falls back to takes three times as long. Planes
 * larger than the source are made too, by repeating samples. One owner, one thread.
 */
#ifndef SOUK_MEDIA_TRANSCODER_SCALE_H
#define SOUK_MEDIA_TRANSCODER_SCALE_H

#include <stddef.h>
#include <stdint.h>

struct scale;

struct scale_size {
	unsigned width, height; /* 1..SCALE_SIDE_MAX */
};

enum { SCALE_SIDE_MAX = 8192 };

/* -EINVAL for a side that is out of range. */
int scale_create(struct scale **out, struct scale_size from, struct scale_size to)
	__attribute__((warn_unused_result));

/* Strides in bytes, at least the widths. */
void scale_plane(struct scale *scale, uint8_t *out, size_t out_stride, const uint8_t *in,
		 size_t in_stride);

/* Takes NULL. */
void scale_destroy(struct scale *scale);

#endif
