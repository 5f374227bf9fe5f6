#include "media/frame_rate.h"

enum {
	WINDOW = 15, /* steps of an estimate */
	STEP_MAX_US = 500000, /* longer is a gap */
	STEP_MIN_US = 1000000 / 240,
};

/* Stamps in milliseconds and pictures left out blur it: a rate that is nearly a usual one is that.
 */
static uint32_t usual(uint32_t step_us)
{
	static const uint32_t steps[] = { 16667, 20000, 33333, 40000, 41667, 66667 };
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const int64_t off = (int64_t)step_us - steps[i];
		if (off * 50 <= steps[i] && off * 50 >= -(int64_t)steps[i])
			return steps[i];
	}
	return step_us;
}

void frame_rate_note(struct frame_rate *rate, int64_t dts_us)
{
	int64_t step_us;
	const bool known = rate->begun &&
			   !__builtin_sub_overflow(dts_us, rate->last_us, &step_us) &&
			   step_us >= STEP_MIN_US && step_us <= STEP_MAX_US;
	rate->last_us = dts_us;
	rate->begun = true;
	if (!known)
		return;
	rate->sum_us += step_us;
	if (++rate->steps < WINDOW)
		return;
	rate->estimate_us = usual((uint32_t)(rate->sum_us / rate->steps));
	rate->sum_us = 0;
	rate->steps = 0;
}

uint32_t frame_rate_better(const struct frame_rate *rate, uint32_t used_us)
{
	const int64_t off = (int64_t)rate->estimate_us - used_us;
	const bool near = off * 10 <= used_us && off * 10 >= -(int64_t)used_us;
	return !rate->estimate_us || near ? used_us : rate->estimate_us;
}
