/* The names of HLS files: what a path under /hls/{room}/ asks for. Pure; any thread. */
#ifndef SOUK_SERVER_HLS_NAME_H
#define SOUK_SERVER_HLS_NAME_H

#include "media/output/hls_image.h"

#include <stdint.h>

enum hls_kind {
	HLS_INDEX, /* index.m3u8: multivariant */
	HLS_PLAYLIST, /* source.m3u8 */
	HLS_MAP, /* source-i17.mp4 */
	HLS_SEGMENT, /* source-17.m4s */
	HLS_PART, /* source-17.3.m4s */
	/* For players that know MPEG transport streams alone. */
	HLS_TS_INDEX, /* index-ts.m3u8 */
	HLS_TS_PLAYLIST, /* source-ts.m3u8 */
	HLS_TS_SEGMENT, /* source-17.ts */
};

struct hls_name {
	enum hls_kind kind;
	char rendition[HLS_RENDITION_NAME];
	uint64_t number; /* of the segment or map */
	uint64_t part;
};

/* -ENOENT: no such name. */
int hls_name_parse(struct hls_name *out, const char *text) __attribute__((warn_unused_result));

/* Digits alone, up to 10^15; moves *at behind them. -EINVAL: there are none, or too many. */
int hls_number_parse(const char **at, uint64_t *out) __attribute__((warn_unused_result));
/* The same for microseconds: up to 10^18. */
int hls_time_parse(const char **at, uint64_t *out) __attribute__((warn_unused_result));

#endif
