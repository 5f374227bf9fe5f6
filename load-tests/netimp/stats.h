/* Counters as one line of JSON. One thread. */
#ifndef SOUK_LOAD_TESTS_NETIMP_STATS_H
#define SOUK_LOAD_TESTS_NETIMP_STATS_H

#include "load-tests/netimp/lane.h"

#include <stdio.h>

struct stats_lane {
	const struct lane *lane;
	int64_t device_dropped; /* before the impairer could read them; -1: unknown */
	uint64_t write_failed;
};

/* `lanes`: a->b, then b->a. CPU time is the process's own. */
void stats_print(const struct stats_lane lanes[2], int64_t run_us, FILE *out);

#endif
