#include "commerce/rate_limit.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

Test(rate_limit, burst_then_rate)
{
	struct rate_limit *limit;
	cr_assert(eq(int, rate_limit_create(&limit, 10, 20), 0));
	for (int i = 0; i < 20; i++)
		cr_assert(eq(i64, rate_limit_take(limit, "ann", 0), 0));
	cr_assert(eq(i64, rate_limit_take(limit, "ann", 0), 100000));
	cr_assert(eq(i64, rate_limit_take(limit, "bob", 0), 0));
	cr_assert(eq(i64, rate_limit_take(limit, "ann", 99999), 1));
	cr_assert(eq(i64, rate_limit_take(limit, "ann", 100000), 0));
	cr_assert(gt(i64, rate_limit_take(limit, "ann", 100000), 0));
	rate_limit_destroy(limit);
}

Test(rate_limit, full_buckets_are_forgotten_and_names_are_bounded)
{
	struct rate_limit *limit;
	char name[16];
	cr_assert(eq(int, rate_limit_create(&limit, 1, 5), 0));
	for (int i = 0; i < RATE_LIMIT_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		cr_assert(eq(i64, rate_limit_take(limit, name, 0), 0));
	}
	cr_assert(gt(i64, rate_limit_take(limit, "one more", 0), 0));
	cr_assert(eq(sz, rate_limit_names(limit), RATE_LIMIT_NAMES_MAX));
	cr_assert(eq(i64, rate_limit_take(limit, "one more", 2000000), 0));
	cr_assert(eq(sz, rate_limit_names(limit), 1));
	rate_limit_destroy(limit);
}
