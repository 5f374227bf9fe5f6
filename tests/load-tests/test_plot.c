#include "load-tests/swarm/plot.h"

#include "server/core/alloc.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 16 };

/* Every tag that opens is closed, in order; what stands between has no stray '<' or '&'. */
static bool is_well_formed(const char *text)
{
	const char *open[DEPTH_MAX];
	size_t lens[DEPTH_MAX], depth = 0;
	for (; *text; text++) {
		if (*text == '&' && !strchr("alqg", text[1]))
			return false;
		if (*text != '<')
			continue;
		const char *end = strchr(text, '>');
		const bool closing = text[1] == '/';
		const char *name = text + 1 + closing;
		const size_t len = strcspn(name, " />");
		if (!end || !len || memchr(text + 1, '<', (size_t)(end - text) - 1))
			return false;
		if (closing && (!depth-- || lens[depth] != len || memcmp(open[depth], name, len)))
			return false;
		if (!closing && end[-1] != '/') {
			if (depth == DEPTH_MAX)
				return false;
			lens[depth] = len;
			open[depth++] = name;
		}
		text = end;
	}
	return !depth;
}

static struct {
	char *text;
	size_t len;
} drawn;

static char *draw(const struct series *series, const char *title, double seconds)
{
	FILE *out = open_memstream(&drawn.text, &drawn.len);
	const struct plot plot = {
		.title = title, .unit = "ms", .series = series, .scale = 1000, .seconds = seconds
	};
	plot_write(&plot, out);
	fclose(out);
	return drawn.text;
}

Test(plot, is_well_formed_and_stays_in_its_frame)
{
	struct series *series = xcalloc(1, sizeof(*series));
	for (int second = 1; second <= 2000; second++) {
		for (int i = 0; i < 10; i++)
			series_add(series, (second * 7919 + i * 104729) % 250000);
		series_turn(series, second);
	}
	char *text = draw(series, "a < b & \"c\"", 2000);
	cr_assert(is_well_formed(text));
	cr_assert(ne(ptr, strstr(text, "a &lt; b &amp; &quot;c&quot;"), NULL));
	size_t points = 0;
	for (const char *at = strstr(text, "points=\""); at; at = strstr(at + 1, "points=\"")) {
		for (char *next = (char *)at + 8; *next != '"';) {
			const double x = strtod(next, &next);
			const double y = strtod(next + 1, &next);
			cr_assert(x >= 0 && x <= 720 && y >= 0 && y <= 220, "%f %f", x, y);
			next += *next == ' ';
			points++;
		}
	}
	cr_assert(ge(sz, points, 4 * 400));
	cr_assert(le(sz, points, 4 * 600));
	free(text);
	series_finish(series);
	free(series);
}

Test(plot, of_nothing_or_of_zeros_is_well_formed)
{
	struct series *series = xcalloc(1, sizeof(*series));
	char *text = draw(series, "", 0);
	cr_assert(is_well_formed(text));
	free(text);
	series_add(series, 0);
	series_turn(series, 0.5);
	text = draw(series, "", 0.5);
	cr_assert(is_well_formed(text));
	cr_assert(eq(ptr, strstr(text, "nan"), NULL));
	cr_assert(eq(ptr, strstr(text, "inf"), NULL));
	free(text);
	series_finish(series);
	free(series);
}

Test(plot, axes_have_round_numbers)
{
	cr_assert(epsilon_eq(dbl, plot_round_up(0.13), 0.2, 1e-9));
	cr_assert(epsilon_eq(dbl, plot_round_up(1), 1, 1e-9));
	cr_assert(epsilon_eq(dbl, plot_round_up(499), 500, 1e-9));
	cr_assert(epsilon_eq(dbl, plot_round_up(501), 1000, 1e-9));
}

Test(series, keeps_a_distribution_for_each_second_that_has_one)
{
	struct series *series = xcalloc(1, sizeof(*series));
	for (int i = 1; i <= 100; i++)
		series_add(series, i * 1000);
	series_turn(series, 1);
	series_turn(series, 2);
	series_add(series, 7000);
	series_turn(series, 3);
	cr_assert(eq(sz, series->count, 2));
	cr_assert(eq(u64, series->points[0].count, 100));
	cr_assert(ge(i64, series->points[0].p50, 50000));
	cr_assert(le(i64, series->points[0].p50, 51000));
	cr_assert(eq(i64, series->points[0].max, 100000));
	cr_assert(eq(i64, series->points[1].p99, 7000));
	cr_assert(eq(u64, series->whole.count, 101));
	series_finish(series);
	free(series);
}
