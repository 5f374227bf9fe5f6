#include "media/transcoder/line.h"

enum {
	GAP_MAX_US = 2000000, /* more silence than that is not made up */
	DRIFT_US = 5000, /* sound this far from its picture is not yet noticed */
	JUMP_MIN_US = 10000, /* less is the jitter of a coarse stamp */
	DRIFT_SHIFT = 6,
};

void line_start(struct line *line, uint32_t rate, int64_t anchor_us)
{
	*line = (struct line){ .rate = rate, .anchor_us = anchor_us };
}

int64_t line_time_us(int64_t anchor_us, int64_t samples, uint32_t rate)
{
	const int64_t scaled = samples * 1000000;
	const int64_t half = scaled < 0 ? -(int64_t)(rate / 2) : (int64_t)(rate / 2);
	return anchor_us + (scaled + half) / (int64_t)rate;
}

static int64_t samples_of(const struct line *line, int64_t us)
{
	const int64_t half = us < 0 ? -500000 : 500000;
	return (us * line->rate + half) / 1000000;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* How many samples to put in (or, negative, to leave out) for a frame that comes `off` samples
 * late. */
static int64_t correction(struct line *line, int64_t off, uint32_t count)
{
	const int64_t jump = larger((int64_t)count * 3 / 4, samples_of(line, JUMP_MIN_US));
	if (off >= jump || off <= -jump) {
		line->drift = 0;
		return off;
	}
	line->drift += off - line->drift / (1 << DRIFT_SHIFT);
	const int64_t drift = line->drift / (1 << DRIFT_SHIFT);
	if (drift < samples_of(line, DRIFT_US) && drift > -samples_of(line, DRIFT_US))
		return 0;
	line->drift = 0;
	return drift;
}

struct line_step line_take(struct line *line, int64_t media_us, uint32_t count)
{
	/* The time that the line has reached; a stamp near it cannot overflow what follows. */
	const int64_t end_us = line_time_us(line->anchor_us, line->written, line->rate);
	int64_t ahead_us;
	if (__builtin_sub_overflow(media_us, end_us, &ahead_us) || ahead_us > GAP_MAX_US ||
	    ahead_us < -GAP_MAX_US)
		return (struct line_step){ .restart = true };
	const int64_t off = samples_of(line, media_us - line->anchor_us) - line->written;
	const int64_t more = correction(line, off, count);
	struct line_step step = { 0 };
	if (more > 0)
		step.silence = (uint32_t)more;
	else
		step.skip = -more < count ? (uint32_t)-more : count;
	line->written += (int64_t)step.silence + count - step.skip;
	return step;
}
