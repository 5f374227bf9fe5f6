/*
 * The time line of one session: where on the room's media time each decoded sample belongs, and so
 * where silence has to be put in or samples left out before they are encoded again. The encoder is
 * then fed without a hole, and the time of what it gives follows from counting. Sources stamp
 * exactly (RTP, n * 1024 / rate), so that a missing frame shows at once; a slow drift of a source's
 * sample clock against its stamps is mended in steps of a few ms. One owner, one thread.
 */
#ifndef SOUK_MEDIA_TRANSCODER_LINE_H
#define SOUK_MEDIA_TRANSCODER_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct line {
	uint32_t rate; /* samples a second */
	int64_t anchor_us; /* media time of sample 0 */
	int64_t written; /* samples handed on since */
	int64_t drift; /* smoothed deviation of the stamps, in 1/64 samples */
};

/* What to do with the samples of a frame. */
struct line_step {
	bool restart; /* too far off: start a new line at this frame */
	uint32_t silence; /* samples to put in before */
	uint32_t skip; /* of the frame's samples to leave out at its start */
};

void line_start(struct line *line, uint32_t rate, int64_t anchor_us);

/* `count` samples, the first of them at `media_us`. Unless it says restart they count as handed on.
 */
struct line_step line_take(struct line *line, int64_t media_us, uint32_t count);

/* The time `samples` after `anchor_us`, rounded; samples may be negative. */
int64_t line_time_us(int64_t anchor_us, int64_t samples, uint32_t rate);

#endif
