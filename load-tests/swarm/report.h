/*
 * What a run has to say: a line of progress for people, the limits with held or broken, JSON for
 * programs, and a page with plots. A snapshot of sums next to what the clients measured. One
 * thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_REPORT_H
#define SOUK_LOAD_TESTS_SWARM_REPORT_H

#include "load-tests/swarm/buyers.h"
#include "load-tests/swarm/host.h"
#include "load-tests/swarm/own_load.h"
#include "load-tests/swarm/viewer.h"

struct crowd;

enum { REPORT_CROWDS = CLIENT_WS + 1 }; /* kinds of viewers, by enum client_kind */

struct report {
	const struct scene *scene;
	const struct own_load *load;
	const struct crowd *crowds[REPORT_CROWDS];
	const struct order_figures *orders; /* NULL: no buyers */
	double seconds; /* since the start */
	double all_joined_s; /* 0: not all */
	struct viewer_figures viewers[REPORT_CROWDS];
	struct host_figures hosts;
	uint64_t orders_acknowledged; /* as of this snapshot */
	int64_t cpu_us;
	uint64_t farewells_failed;
};

enum report_status { REPORT_HELD = 0, REPORT_BROKEN = 1, REPORT_BOTTLENECK = 3 };

/* The line, without its end: what happened since `before`, which may be zeroed. */
void report_line(const struct report *now, const struct report *before, char *out, size_t size);

struct limit_verdict report_judge(const struct report *report, enum limit_id id);
bool report_bottleneck(const struct report *report);
enum report_status report_status(const struct report *report);
/* Each limit as held or broken, and what the run was worth, to stderr. */
void report_verdict(const struct report *report);

/* How far apart the two ways of counting are, at most, over all viewers that decrypt, in percent of
 * packets, frames and time watched. */
struct report_proof {
	uint64_t viewers;
	double loss, frames, freeze;
	uint64_t cheap_frames, full_frames;
};
struct report_proof report_proof(const struct report *report);

/* To `path`, or to stdout when it is NULL. -errno when it cannot be written. */
int report_write_json(const struct report *report, const char *path)
	__attribute__((warn_unused_result));
int report_write_html(const struct report *report, const char *path)
	__attribute__((warn_unused_result));

#endif
