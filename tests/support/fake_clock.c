#include "tests/support/fake_clock.h"

#include "server/core/loop.h"

enum { STEP_US = 1000 };

static int64_t fake_mono_us(const struct clock *clock)
{
	return ((const struct fake_clock *)clock)->now_us;
}

void fake_clock_init(struct fake_clock *fake)
{
	fake->clock = (struct clock){ .mono_us = fake_mono_us };
	fake->now_us = 1000000000;
	fake->clock.utc_offset_us = 1767225600000000 - fake->now_us;
}

void fake_clock_advance(struct fake_clock *fake, struct loop *loop, int64_t by_us)
{
	const int64_t end_us = fake->now_us + by_us;
	while (fake->now_us < end_us) {
		const int64_t left_us = end_us - fake->now_us;
		fake->now_us += left_us < STEP_US ? left_us : STEP_US;
		if (loop) {
			loop_run_due(loop);
			loop_poll(loop);
		}
	}
}
