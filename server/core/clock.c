#include "server/core/clock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t real_mono_us(const struct clock *clock)
{
	(void)clock;
	return read_us(CLOCK_MONOTONIC);
}

void clock_init(struct clock *clock)
{
	clock->mono_us = real_mono_us;
	clock->utc_offset_us = read_us(CLOCK_REALTIME) - read_us(CLOCK_MONOTONIC);
}
