/*
 * When a viewer's picture stands still: a gap between frames of at least max(3 x mean, mean + 150
 * ms), the mean taken over the 30 gaps before it (as in W3C webrtc-stats, totalFreezesDuration).
 * Embedded, zeroed is empty. One owner.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_FREEZE_H
#define SOUK_LOAD_TESTS_SWARM_FREEZE_H

#include <stdint.h>

enum { FREEZE_GAPS = 30, FREEZE_EXTRA_US = 150000 };

struct freeze {
	uint64_t frames;
	uint64_t count; /* of freezes that have ended */
	int64_t frozen_us; /* their time */
	int64_t longest_us; /* gap of any size */
	int64_t first_us, last_us; /* first and newest frame; valid once `frames` is not 0 */
	int64_t sum_us; /* of the gaps kept */
	uint32_t gaps_us[FREEZE_GAPS];
	unsigned kept, next;
};

/* A frame can be shown. */
void freeze_frame(struct freeze *freeze, int64_t now_us);

/* frozen_us and the freeze that lasts at this moment. */
int64_t freeze_until(const struct freeze *freeze, int64_t now_us);

#endif
