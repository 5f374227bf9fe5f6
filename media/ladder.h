/*
 * Which rungs a source gets: rows of a shorter side and a bit rate, from configuration, applied to
 * the source's size. The shape of the picture is kept, upright or lying; nothing is made that is
 * not smaller than the source, but for the source's own size where browsers cannot take the source
 * as it is. Plain arithmetic, any thread.
 */
#ifndef SOUK_MEDIA_LADDER_H
#define SOUK_MEDIA_LADDER_H

#include "media/transcoder/protocol.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	LADDER_ROWS_MAX = 8,
	LADDER_SIDE_MIN = 90,
	LADDER_SIDE_MAX = 2160,
	LADDER_KBPS_MIN = 50,
	LADDER_KBPS_MAX = 50000,
	LADDER_RUNGS_MAX = PROTOCOL_SLOTS - 1, /* slot 0 is the source */
};

/* The shorter side of a picture and its bits a second. */
struct ladder_row {
	uint16_t side;
	uint32_t bps;
};

struct ladder {
	unsigned count; /* 0: no rungs */
	struct ladder_row rows[LADDER_ROWS_MAX]; /* from the largest to the smallest */
};

/* "720p:2000,540p:1200,360p:600", kbit/s, in any order, or "none". -EINVAL for anything else, a
 * side twice or out of range. */
int ladder_parse(struct ladder *out, const char *text) __attribute__((warn_unused_result));

struct ladder_source {
	uint16_t width, height;
	bool reencode; /* a rung of the source's own size as well */
};

/* From the largest (slot 1) to the smallest. More than there are slots: the lowest and the highest
 * stay. Returns their number; none for a source that is too large or too small to be encoded. */
unsigned ladder_rungs(const struct ladder *ladder, const struct ladder_source *source,
		      struct protocol_rung out[LADDER_RUNGS_MAX]);

#endif
