#include "load-tests/netimp/trace.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct trace *parsed(const char *text)
{
	struct trace *trace = NULL;
	char error[TRACE_ERROR] = "";
	cr_assert(zero(int, trace_parse(&trace, text, strlen(text), error)), "%s", error);
	return trace;
}

Test(trace, reads_rates_runs_gaps_and_comments)
{
	struct trace *trace = parsed("# kbit/s\n1000\n\n  0 2 # a gap\r\n2500\t3");
	static const int64_t rates[] = { 1000000, 0, 0, 2500000, 2500000, 2500000, 1000000 };
	cr_assert(eq(sz, trace_slots(trace), 6));
	for (size_t i = 0; i < 7; i++)
		cr_assert(eq(i64, trace_rate_bps(trace, i), rates[i]), "slot %zu", i);
	trace_destroy(trace);
}

static const char *const bad[] = { "",
				   "# nothing\n",
				   "0 10\n",
				   "x\n",
				   "1000 x\n",
				   "-5\n",
				   "1000 2 3\n",
				   "1000 0\n",
				   "100000001\n",
				   "1e3\n",
				   "1.5\n",
				   "1 1000001\n",
				   "99999999999999999999\n" };

ParameterizedTestParameters(trace, refuses)
{
	static size_t rows[sizeof(bad) / sizeof(*bad)];
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, sizeof(rows) / sizeof(*rows));
}

ParameterizedTest(size_t *row, trace, refuses)
{
	struct trace *trace = NULL;
	char error[TRACE_ERROR] = "";
	cr_assert(eq(int, trace_parse(&trace, bad[*row], strlen(bad[*row]), error), -EINVAL));
	cr_assert(zero(ptr, trace));
	cr_assert(ne(sz, strlen(error), 0));
}

Test(trace, names_the_line_at_fault)
{
	static const char text[] = "1000\n2000\nfast\n";
	struct trace *trace = NULL;
	char error[TRACE_ERROR] = "";
	cr_assert(ne(int, trace_parse(&trace, text, strlen(text), error), 0));
	cr_assert(ne(ptr, strstr(error, "line 3"), NULL), "%s", error);
}

Test(trace, a_file_that_is_not_there_is_an_error)
{
	struct trace *trace = NULL;
	char error[TRACE_ERROR] = "";
	cr_assert(eq(int, trace_load(&trace, "/nonexistent/trace", error), -EINVAL));
	cr_assert(ne(ptr, strstr(error, "No such file"), NULL), "%s", error);
}

/* The longest and the number of runs of slots without a rate. */
static size_t gaps(const struct trace *trace, size_t first, size_t count, size_t *longest)
{
	size_t number = 0;
	size_t run = 0;
	*longest = 0;
	for (size_t i = first; i < first + count; i++) {
		run = trace_rate_bps(trace, i) ? 0 : run + 1;
		number += run == 1;
		*longest = run > *longest ? run : *longest;
	}
	return number;
}

Test(trace, the_5g_one_has_the_rates_and_gaps_of_field_studies)
{
	enum { MINUTE = 3000 };
	struct trace *trace;
	size_t longest;
	trace_make_5g(&trace, 1);
	cr_assert(eq(sz, trace_slots(trace), 10 * MINUTE));
	int64_t least = INT64_MAX;
	int64_t most = 0;
	for (size_t i = 0; i < trace_slots(trace); i++) {
		const int64_t rate = trace_rate_bps(trace, i);
		least = rate && rate < least ? rate : least;
		most = rate > most ? rate : most;
	}
	cr_assert(least >= 999000 && least < 1200000, "%lld", (long long)least);
	cr_assert(most <= 40000000 && most > 35000000, "%lld", (long long)most);
	/* One of 2 s a minute; of 100 ms one in 10 s in the mean, some of them inside the long one.
	 */
	for (size_t minute = 0; minute < 10; minute++) {
		gaps(trace, minute * MINUTE, MINUTE, &longest);
		cr_assert(longest >= 100, "minute %zu", minute);
	}
	const size_t number = gaps(trace, 0, 10 * MINUTE, &longest);
	cr_assert(number >= 55 && number <= 85, "%zu", number);
	trace_destroy(trace);
}

Test(trace, the_same_seed_makes_the_same_5g_trace_and_prints_what_it_reads)
{
	struct trace *one;
	struct trace *other;
	char *text = NULL;
	size_t len = 0;
	trace_make_5g(&one, 4);
	trace_make_5g(&other, 5);
	FILE *out = open_memstream(&text, &len);
	trace_print(one, out);
	fclose(out);
	struct trace *read = parsed(text);
	bool differs = false;
	cr_assert(eq(sz, trace_slots(read), trace_slots(one)));
	for (size_t i = 0; i < trace_slots(one); i++) {
		cr_assert(eq(i64, trace_rate_bps(read, i), trace_rate_bps(one, i)));
		differs |= trace_rate_bps(one, i) != trace_rate_bps(other, i);
	}
	cr_assert(differs);
	free(text);
	trace_destroy(one);
	trace_destroy(other);
	trace_destroy(read);
}
