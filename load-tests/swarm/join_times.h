/* How long viewers waited from the start of their HTTP request; filled by all viewers of a kind.
 * One thread. */
#ifndef SOUK_LOAD_TESTS_SWARM_JOIN_TIMES_H
#define SOUK_LOAD_TESTS_SWARM_JOIN_TIMES_H

#include "load-tests/swarm/histogram.h"

struct join_times {
	struct histogram picture; /* first video packet, or tag */
	struct histogram keyframe; /* first packet of a keyframe, by those who can tell */
};

#endif
