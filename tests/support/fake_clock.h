/* A clock that stands still until a test turns it. UTC starts at 2026-01-01T00:00:00Z. */
#ifndef SOUK_TESTS_FAKE_CLOCK_H
#define SOUK_TESTS_FAKE_CLOCK_H

#include "server/core/clock.h"

struct loop;

struct fake_clock {
	struct clock clock; /* give &fake.clock to loop_create() */
	int64_t now_us;
};

void fake_clock_init(struct fake_clock *fake);

/* Moves to each due timer of the loop in turn, in steps of at most 1 ms, and fires it. */
void fake_clock_advance(struct fake_clock *fake, struct loop *loop, int64_t by_us);

#endif
