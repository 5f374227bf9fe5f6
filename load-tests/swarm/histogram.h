/*
 * Distribution of durations in microseconds, in buckets of 1/64 of a power of two (1.6 %), so that
 * adding is cheap and memory fixed. Embedded, zeroed is empty. One thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_HISTOGRAM_H
#define SOUK_LOAD_TESTS_SWARM_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_PARTS = 64, HISTOGRAM_POWERS = 34, HISTOGRAM_BUCKETS = 64 * 34 };

struct histogram {
	uint64_t count;
	int64_t max_us;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, int64_t us); /* negative counts as 0 */

/* The value that `percent` of the samples do not exceed; 0 when there are none. */
int64_t histogram_percentile(const struct histogram *histogram, double percent);

#endif
