#include "load-tests/swarm/stream_clock.h"

static int64_t on_line(const struct stream_clock *clock, int64_t ahead_us)
{
	return clock->capture_us + ahead_us + (int64_t)((double)ahead_us * clock->rate_ppm / 1e6);
}

int64_t stream_clock_of_rtp(const struct stream_clock *clock, uint32_t timestamp)
{
	if (!clock->known || !clock->has_rtp)
		return 0;
	return on_line(clock, (int64_t)(int32_t)(timestamp - clock->rtp) * 100 / 9);
}

int64_t stream_clock_of_ms(const struct stream_clock *clock, uint32_t ms)
{
	if (!clock->known)
		return 0;
	const uint32_t line_ms = (uint32_t)(clock->media_us / 1000);
	const int64_t ahead_us = (int64_t)(int32_t)(ms - line_ms) * 1000;
	return on_line(clock, ahead_us - clock->media_us % 1000);
}
