/*
 * One run: sets the stage, lets hosts and viewers in at the ramp's pace and buyers order, tells how
 * it goes, and ends after the duration. One thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_SWARM_H
#define SOUK_LOAD_TESTS_SWARM_SWARM_H

#include "load-tests/swarm/options.h"

/* Exit status: 0 when all limits held, 1 when not, 3 when the swarm was the bottleneck. */
int swarm_run(const struct swarm_options *options);

#endif
