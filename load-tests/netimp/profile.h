/*
 * What a direction does to its packets, as set by hand: all zero (and a queue) is a perfect wire.
 * A value.
 */
#ifndef SOUK_LOAD_TESTS_NETIMP_PROFILE_H
#define SOUK_LOAD_TESTS_NETIMP_PROFILE_H

#include <stdint.h>

enum { QUEUE_DEFAULT_BYTES = 64 * 1024 };

struct profile {
	int64_t delay_us;
	int64_t jitter_us; /* added delay, uniform in 0..jitter, drawn anew every 20 ms */
	double loss; /* share, at random places */
	/* Gilbert-Elliott: p good -> bad and r bad -> good, drawn for each packet; loss in each. */
	double p, r, good, bad;
	double duplicate;
	double reorder; /* the packet skips the delay */
	int64_t rate_bps; /* of the whole IP packet; 0: as fast as it comes */
	int64_t queue_bytes; /* that wait for the rate; more is dropped at the tail */
	int64_t down; /* 1: what comes and what waits is dropped; what is on its way arrives */
};

static inline struct profile profile_clean(void)
{
	return (struct profile){ .bad = 1, .queue_bytes = QUEUE_DEFAULT_BYTES };
}

#endif
