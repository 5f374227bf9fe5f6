/*
 * The swarm's honesty about itself: its CPU time by the second and how late its own loop is. Who is
 * too slow measures itself. Owner thread: the loop's.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_OWN_LOAD_H
#define SOUK_LOAD_TESTS_SWARM_OWN_LOAD_H

#include "load-tests/swarm/series.h"
#include "server/core/loop.h"

#include <stdbool.h>

/* From these on the swarm, not the server, may be what is measured. */
enum { OWN_CPU_MAX_PERCENT = 90, OWN_LAG_P99_MAX_US = 50000 };

struct own_load {
	struct loop *loop;
	struct timer tick;
	struct series lag; /* of a timer that should fire every 10 ms */
	struct series cpu; /* parts per million of one core, by the second */
	int64_t began_cpu_us, second_cpu_us, second_at_us;
	double busiest_percent; /* of one core, in any second */
};

void own_load_begin(struct own_load *load, struct loop *loop);
void own_load_second(struct own_load *load, double at_s);
int64_t own_load_cpu_us(const struct own_load *load); /* since begin */
bool own_load_too_much(const struct own_load *load);
void own_load_stop(struct own_load *load); /* figures stay */
void own_load_finish(struct own_load *load); /* also of a zeroed one */

#endif
