/*
 * The two times of the process (design: "two times, never mixed"): a monotonic one that everything
 * is computed in, and UTC = monotonic + the offset read when the clock was made, so that a step of
 * the system's clock never moves a show. Tests replace mono_us by a clock they turn by hand.
 */
#ifndef SOUK_CORE_CLOCK_H
#define SOUK_CORE_CLOCK_H

#include <stdint.h>

struct clock {
	int64_t (*mono_us)(const struct clock *clock);
	int64_t utc_offset_us;
};

/* CLOCK_MONOTONIC, with the offset to CLOCK_REALTIME as it is now. */
void clock_init(struct clock *clock);

/* By how much the system's clock has been set since then. */
int64_t clock_set_us(const struct clock *clock);

static inline int64_t clock_mono_us(const struct clock *clock)
{
	return clock->mono_us(clock);
}

static inline int64_t clock_utc_us(const struct clock *clock)
{
	return clock->mono_us(clock) + clock->utc_offset_us;
}

#endif
