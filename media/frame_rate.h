/*
 * How long a source's pictures last, found out from their times: encoders spend their bits by it.
 * One owner, one thread.
 */
#ifndef SOUK_MEDIA_FRAME_RATE_H
#define SOUK_MEDIA_FRAME_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct frame_rate {
	int64_t last_us; /* decoding time of the picture before */
	bool begun;
	int64_t sum_us; /* of the steps since the last estimate */
	unsigned steps;
	uint32_t estimate_us; /* 0: none yet */
};

/* A picture, by its decoding time. */
void frame_rate_note(struct frame_rate *rate, int64_t dts_us);

/* The estimate when it is more than a tenth off `used_us`, else `used_us`. */
uint32_t frame_rate_better(const struct frame_rate *rate, uint32_t used_us);

#endif
