/* Cost of what server/core/loop and mqueue offer: timers, deferred calls, turns, waking another
 * thread. Starts a thread of its own. */
#ifndef SOUK_LOAD_TESTS_MICRO_LOOP_COST_H
#define SOUK_LOAD_TESTS_MICRO_LOOP_COST_H

struct meter;

void loop_cost(struct meter *meter);

#endif
