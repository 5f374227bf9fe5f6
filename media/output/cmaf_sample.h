/* The first picture in fragments of this folder's muxer, for a still of it. Reads what was stored:
 * bounded. Pure; any thread. */
#ifndef SOUK_MEDIA_CMAF_SAMPLE_H
#define SOUK_MEDIA_CMAF_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/* The AVCDecoderConfigurationRecord in a header made by cmaf_header(); NULL: there is none. */
struct buf *cmaf_find_avcc(const void *header, size_t len) __attribute__((warn_unused_result));

/* The first picture of a fragment made by cmaf_fragment(); NULL: there is none. */
struct buf *cmaf_first_picture(const void *fragment, size_t len)
	__attribute__((warn_unused_result));

#endif
