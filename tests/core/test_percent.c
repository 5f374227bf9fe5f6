#include "server/core/percent.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

Test(percent, query_parameters_are_decoded)
{
	char out[16];
	static const char query[] =
		"a=1&b=x+y%21&c&a=2&%64=e&bad=%4&nul=%00&long=01234567890123456";
	cr_assert(eq(long, percent_query(query, "a", out, sizeof(out)), 1));
	cr_assert(eq(str, out, "1"));
	cr_assert(eq(long, percent_query(query, "b", out, sizeof(out)), 4));
	cr_assert(eq(str, out, "x y!"));
	cr_assert(eq(long, percent_query(query, "c", out, sizeof(out)), 0));
	cr_assert(eq(long, percent_query(query, "d", out, sizeof(out)), 1));
	cr_assert(eq(long, percent_query(query, "z", out, sizeof(out)), -ENOENT));
	cr_assert(eq(long, percent_query(query, "bad", out, sizeof(out)), -EINVAL));
	cr_assert(eq(long, percent_query(query, "nul", out, sizeof(out)), -EINVAL));
	cr_assert(eq(long, percent_query(query, "long", out, sizeof(out)), -E2BIG));
	cr_assert(eq(long, percent_query("", "a", out, sizeof(out)), -ENOENT));
}
