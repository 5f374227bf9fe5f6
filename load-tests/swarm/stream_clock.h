/*
 * When a picture was captured, by a stream's own stamps: the line that the message `clock` draws
 * (docs/api.md section 5.4), or the pair of an RTCP sender report. A value.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_STREAM_CLOCK_H
#define SOUK_LOAD_TESTS_SWARM_STREAM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct stream_clock {
	bool known;
	bool has_rtp;
	uint32_t rtp; /* the stamp of media_us */
	int64_t media_us;
	int64_t capture_us; /* server UTC */
	double rate_ppm;
};

/* Capture time (server UTC) of a picture with this RTP timestamp (90 kHz); 0: not known. */
int64_t stream_clock_of_rtp(const struct stream_clock *clock, uint32_t timestamp);
/* Of an FLV tag of this time. */
int64_t stream_clock_of_ms(const struct stream_clock *clock, uint32_t ms);

#endif
