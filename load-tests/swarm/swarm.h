/*
 * One run: lets viewers in at the ramp's pace and buyers order, prints a line a second, and ends
 * after the duration. One thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_SWARM_H
#define SOUK_LOAD_TESTS_SWARM_SWARM_H

#include "load-tests/swarm/options.h"

/* Exit status: 0 when all went well, 1 otherwise. */
int swarm_run(const struct swarm_options *options);

#endif
