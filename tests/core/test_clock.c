#include "server/core/clock.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { SECOND_US = 1000000, BETWEEN_CALLS_US = 2000 };

Test(clock, tells_by_how_much_the_machines_was_set)
{
	struct clock clock;
	clock_init(&clock);
	cr_expect(lt(i64, clock_set_us(&clock), BETWEEN_CALLS_US));
	clock.utc_offset_us -= 5 * SECOND_US;
	cr_expect(ge(i64, clock_set_us(&clock), 5 * SECOND_US - BETWEEN_CALLS_US));
	clock.utc_offset_us += 3600LL * SECOND_US;
	cr_expect(lt(i64, clock_set_us(&clock), -3590LL * SECOND_US));
}

Test(clock, utc_follows_the_monotonic_one)
{
	struct clock clock;
	clock_init(&clock);
	const int64_t mono_us = clock_mono_us(&clock), utc_us = clock_utc_us(&clock);
	cr_expect(ge(i64, utc_us, mono_us + clock.utc_offset_us));
	cr_expect(gt(i64, utc_us, 1600000000LL * SECOND_US));
}
