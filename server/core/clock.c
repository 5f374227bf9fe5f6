#include "server/core/clock.h"

#include <time.h>

enum { BETWEEN_US = 1000 };

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

/* Read anew when the thread lost its processor in between. */
static int64_t offset_us(void)
{
	int64_t before_us, utc_us, after_us;
	do {
		before_us = read_us(CLOCK_MONOTONIC);
		utc_us = read_us(CLOCK_REALTIME);
		after_us = read_us(CLOCK_MONOTONIC);
	} while (after_us - before_us > BETWEEN_US);
	return utc_us - before_us;
}

void clock_init(struct clock *clock)
{
	clock->mono_us = real_mono_us;
	clock->utc_offset_us = offset_us();
}

int64_t clock_set_us(const struct clock *clock)
{
	return offset_us() - clock->utc_offset_us;
}
