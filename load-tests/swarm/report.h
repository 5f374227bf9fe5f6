/* What a run has to say: a line a second for people, JSON at the end for programs. One thread. */
#ifndef SOUK_LOAD_TESTS_SWARM_REPORT_H
#define SOUK_LOAD_TESTS_SWARM_REPORT_H

#include "load-tests/swarm/buyers.h"
#include "load-tests/swarm/figures.h"
#include "load-tests/swarm/join_times.h"

#include <stdbool.h>

struct report {
	double seconds; /* since the start */
	struct viewer_figures whep, flv;
	const struct join_times *whep_times, *flv_times;
	const struct order_figures *orders; /* NULL: no buyers */
	uint64_t whep_wanted, flv_wanted, buyers_wanted;
	uint64_t failures;
	double all_joined_s; /* 0: not all */
	int64_t cpu_us;
	double busiest_percent; /* of one core, in any second */
};

/* The line: what happened since `before`, which may be zeroed. */
void report_progress(const struct report *now, const struct report *before);

/* Nothing was lost and everybody was served. */
bool report_good(const struct report *report);

/* To `path`, or to stdout when it is NULL. -errno when it cannot be written. */
int report_write(const struct report *report, const char *path) __attribute__((warn_unused_result));

#endif
