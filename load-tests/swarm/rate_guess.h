/*
 * A receiver's estimate of its path for REMB: grows by 8 % a second up to 1.5 times what comes,
 * falls to 85 % of it when packets queue up or get lost (draft-ietf-rmcat-gcc-02 §5.5, without its
 * Kalman filter: a load client needs the sender to see the right direction). Zeroed is empty. One
 * owner.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_RATE_GUESS_H
#define SOUK_LOAD_TESTS_SWARM_RATE_GUESS_H

#include <stdint.h>

enum { RATE_GUESS_BEGIN_BPS = 300000, RATE_GUESS_QUEUE_US = 50000 };

struct rate_guess {
	uint64_t bps; /* 0: none yet */
	uint64_t bytes; /* since the last turn */
	int64_t turned_us;
	int64_t least_us, sum_us; /* transit of the frames since: arrival - stream time */
	unsigned frames;
	int64_t usual_us; /* least transit of late, follows slowly upwards */
};

/* A frame's newest packet: `transit_us` has any constant in it. */
void rate_guess_frame(struct rate_guess *guess, int64_t transit_us);
/* Ends an interval of about a second. `lost`: share of packets, of 256. */
uint64_t rate_guess_turn(struct rate_guess *guess, unsigned lost, int64_t now_us);

#endif
