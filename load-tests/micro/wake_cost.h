/* Cost of a message between two loops in two threads. Starts a thread of its own. */
#ifndef SOUK_LOAD_TESTS_MICRO_WAKE_COST_H
#define SOUK_LOAD_TESTS_MICRO_WAKE_COST_H

struct meter;

void wake_cost(struct meter *meter);

#endif
