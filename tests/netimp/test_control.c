#include "load-tests/netimp/control.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct control parsed(const char *line)
{
	struct control control = { 0 };
	char error[CONTROL_ERROR] = "";
	cr_assert(zero(int, control_parse(&control, line, strlen(line), error)), "%s: %s", line,
		  error);
	return control;
}

Test(control, sets_in_the_units_of_the_line)
{
	const struct control control =
		parsed("set both loss=0.1 delay=25 jitter=30.5 rate=1000 q=64 down=1");
	struct profile profile = profile_clean();
	control_apply(&control, &profile);
	cr_assert(eq(int, control.verb, CONTROL_SET));
	cr_assert(eq(int, control.direction, CONTROL_BOTH));
	cr_assert(eq(dbl, profile.loss, 0.1));
	cr_assert(eq(i64, profile.delay_us, 25000));
	cr_assert(eq(i64, profile.jitter_us, 30500));
	cr_assert(eq(i64, profile.rate_bps, 1000000));
	cr_assert(eq(i64, profile.queue_bytes, 65536));
	cr_assert(eq(i64, profile.down, 1));
}

Test(control, knows_every_member_of_the_profile)
{
	const struct control control =
		parsed("set a->b p=0.02 r=0.25 good=0.01 bad=0.9 duplicate=0.03 reorder=.05");
	struct profile profile = profile_clean();
	control_apply(&control, &profile);
	cr_assert(eq(dbl, profile.p, 0.02));
	cr_assert(eq(dbl, profile.r, 0.25));
	cr_assert(eq(dbl, profile.good, 0.01));
	cr_assert(eq(dbl, profile.bad, 0.9));
	cr_assert(eq(dbl, profile.duplicate, 0.03));
	cr_assert(eq(dbl, profile.reorder, 0.05));
}

Test(control, leaves_what_is_not_named)
{
	struct profile profile = profile_clean();
	struct control control = parsed("set both delay=25 loss=0.1");
	control_apply(&control, &profile);
	control = parsed("set both loss=0");
	control_apply(&control, &profile);
	cr_assert(eq(i64, profile.delay_us, 25000));
	cr_assert(eq(dbl, profile.loss, 0));
}

Test(control, clears_to_a_perfect_wire)
{
	struct profile profile = profile_clean();
	struct control control = parsed("set both delay=25 loss=0.1 q=1 bad=0.5");
	control_apply(&control, &profile);
	control = parsed("clear both");
	control_apply(&control, &profile);
	const struct profile clean = profile_clean();
	cr_assert(eq(i64, profile.delay_us, clean.delay_us));
	cr_assert(eq(i64, profile.queue_bytes, clean.queue_bytes));
	cr_assert(eq(dbl, profile.bad, clean.bad));
	cr_assert(eq(dbl, profile.loss, 0));
}

Test(control, tells_the_directions_apart)
{
	cr_assert(eq(int, parsed("set a->b delay=1").direction, CONTROL_A_TO_B));
	cr_assert(eq(int, parsed("clear b->a").direction, CONTROL_B_TO_A));
}

Test(control, takes_blanks_and_carriage_returns)
{
	cr_assert(eq(int, parsed("  stats \r").verb, CONTROL_STATS));
	cr_assert(eq(int, parsed("quit").verb, CONTROL_QUIT));
	cr_assert(eq(sz, parsed("set\tboth  delay=1\t loss=0.5\r").count, 2));
}

Test(control, a_trace_is_a_word_of_the_line)
{
	const struct control control = parsed("set b->a trace=/tmp/train.trace q=128");
	cr_assert(control.has_trace);
	cr_assert(eq(str, (char *)control.trace, "/tmp/train.trace"));
	cr_assert(eq(sz, control.count, 1));
}

static const char *const bad[] = {
	"",
	"   ",
	"sets both delay=1",
	"set",
	"set both",
	"set all delay=1",
	"set a-b delay=1",
	"set both delay",
	"set both delay=",
	"set both =1",
	"set both speed=1",
	"set both delay=-1",
	"set both delay=60001",
	"set both delay=1x",
	"set both delay=1e3",
	"set both delay=nan",
	"set both delay=inf",
	"set both delay=0x10",
	"set both delay=.",
	"set both delay=1.2.3",
	"set both delay=1111111111111111111111111",
	"set both loss=1.1",
	"set both loss=10%",
	"set both down=2",
	"set both trace=",
	"set both delay=1 loss=2",
	"stats now",
	"quit please",
	"clear",
	"clear both delay=1",
};

ParameterizedTestParameters(control, refuses)
{
	static size_t rows[sizeof(bad) / sizeof(*bad)];
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, sizeof(rows) / sizeof(*rows));
}

ParameterizedTest(size_t *row, control, refuses)
{
	struct control control;
	char error[CONTROL_ERROR] = "";
	memset(&control, 0x5a, sizeof(control));
	const struct control before = control;
	cr_assert(eq(int, control_parse(&control, bad[*row], strlen(bad[*row]), error), -EINVAL),
		  "'%s'", bad[*row]);
	cr_assert(ne(sz, strlen(error), 0));
	cr_assert(zero(int, memcmp(&control, &before, sizeof(control))), "changed by a bad line");
}

Test(control, lines_settings_and_paths_are_bounded)
{
	char line[CONTROL_LINE_MAX * 2];
	char error[CONTROL_ERROR];
	struct control control;
	memset(line, ' ', sizeof(line));
	cr_assert(eq(int, control_parse(&control, line, CONTROL_LINE_MAX + 1, error), -EINVAL));

	size_t len = (size_t)snprintf(line, sizeof(line), "set both");
	for (int i = 0; i <= CONTROL_SETTINGS_MAX; i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, " delay=1");
	cr_assert(eq(int, control_parse(&control, line, len, error), -EINVAL));

	len = (size_t)snprintf(line, sizeof(line), "set both trace=%0*d", CONTROL_PATH, 1);
	cr_assert(eq(int, control_parse(&control, line, len, error), -EINVAL));
}

Test(control, an_error_is_one_printable_line)
{
	static const char line[] = "set both spe\ned\x07\xff=1";
	char error[CONTROL_ERROR];
	struct control control;
	cr_assert(eq(int, control_parse(&control, line, sizeof(line) - 1, error), -EINVAL));
	for (const char *at = error; *at; at++) {
		const bool printable = *at >= ' ' && *at < 0x7f;
		cr_assert(printable);
	}
}

Test(control, the_help_names_every_setting_and_unit)
{
	static const char *const words[] = { "delay", "jitter", "loss",  "duplicate", "reorder",
					     "rate",  "down",   "trace", "kbit/s",    "KiB" };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	control_help(out);
	fclose(out);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		cr_assert(ne(ptr, strstr(text, words[i]), NULL), "%s", words[i]);
	free(text);
}
