/*
 * One measure over a run: a distribution for each second, and one of all. Values are microseconds,
 * or parts per million where the measure is a share. Embedded, zeroed is empty. One thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_SERIES_H
#define SOUK_LOAD_TESTS_SWARM_SERIES_H

#include "load-tests/swarm/histogram.h"

#include <stddef.h>

struct series_point {
	double at_s;
	uint64_t count;
	int64_t p50, p90, p99, max;
};

struct series {
	struct histogram second; /* being collected */
	struct histogram whole;
	struct series_point *points; /* of seconds in which something was measured */
	size_t count, size;
};

void series_add(struct series *series, int64_t value);
/* Ends a second: its point is `at_s`. */
void series_turn(struct series *series, double at_s);
void series_finish(struct series *series);

#endif
