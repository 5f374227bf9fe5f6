#include "load-tests/netimp/line_input.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

struct got {
	char text[256]; /* the lines, each in brackets */
	size_t longest;
	int left; /* lines that are still wanted; negative: all */
};

static bool on_line(const char *line, size_t len, void *arg)
{
	struct got *got = arg;
	const size_t used = strlen(got->text);
	snprintf(got->text + used, sizeof(got->text) - used, "[%.*s]", (int)len, line);
	got->longest = len > got->longest ? len : got->longest;
	return --got->left != 0;
}

Test(line_input, joins_what_comes_in_pieces)
{
	static const char *const pieces[] = { "sta", "ts\nse", "", "t x\n\nqu", "it" };
	struct line_input input = { .len = 0 };
	struct got got = { .left = -1 };
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		cr_assert(line_input_feed(&input, pieces[i], strlen(pieces[i]), on_line, &got));
	cr_assert(eq(str, (char *)got.text, "[stats][set x][]"));
	line_input_end(&input, on_line, &got);
	cr_assert(eq(str, (char *)got.text, "[stats][set x][][quit]"));
}

Test(line_input, a_line_that_is_too_long_is_cut_one_byte_over_the_cap)
{
	static char flood[3 * CONTROL_LINE_MAX];
	struct line_input input = { .len = 0 };
	struct got got = { .left = -1 };
	memset(flood, 'x', sizeof(flood));
	cr_assert(line_input_feed(&input, flood, sizeof(flood), on_line, &got));
	cr_assert(line_input_feed(&input, "\nstats\n", 7, on_line, &got));
	cr_assert(eq(sz, got.longest, CONTROL_LINE_MAX + 1));
}

Test(line_input, stops_when_no_more_is_wanted)
{
	struct line_input input = { .len = 0 };
	struct got got = { .left = 1 };
	cr_assert(not(line_input_feed(&input, "quit\nstats\n", 11, on_line, &got)));
	cr_assert(eq(str, (char *)got.text, "[quit]"));
}
