#include "server/core/option.h"

#include "server/core/addr.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct target {
	char *config;
	bool quiet;
	int64_t workers;
	int64_t ttl_s;
	char *data;
	char *room;
	struct addr http;
	struct addr https;
	struct option_list advertise;
	int level;
};

static const char *const levels[] = { "error", "warn", "info", NULL };

static const struct option_row table_rows[] = {
	{ "config", OPTION_STRING, 0, 0, NULL, "FILE", "Reads options from a file.",
	  offsetof(struct target, config), NULL },
	{ "quiet", OPTION_BOOL, 0, 0, NULL, NULL, "Says less.", offsetof(struct target, quiet),
	  NULL },
	{ "workers", OPTION_INT, 1, 64, "2", NULL, "Number of worker threads.",
	  offsetof(struct target, workers), NULL },
	{ "ttl", OPTION_DURATION, 1, 86400, "1h", NULL, "Life of a token.",
	  offsetof(struct target, ttl_s), NULL },
	{ "data", OPTION_STRING, 0, 0, "./souk-data", "DIR", "Where the data is.",
	  offsetof(struct target, data), NULL },
	{ "room", OPTION_STRING, 1, 5, NULL, NULL, "A room.", offsetof(struct target, room), NULL },
	{ "http", OPTION_ADDR, 0, 0, "127.0.0.1:8080", NULL, "Where HTTP is served.",
	  offsetof(struct target, http), NULL },
	{ "https", OPTION_ADDR, 0, 0, NULL, NULL, "Where HTTPS is served.",
	  offsetof(struct target, https), NULL },
	{ "advertise", OPTION_LIST, 0, 0, "127.0.0.1", "IP", "Addresses told to viewers.",
	  offsetof(struct target, advertise), NULL },
	{ "level", OPTION_ENUM, 0, 0, "warn", NULL, "What is logged.",
	  offsetof(struct target, level), levels },
};

static const struct option_table table = {
	.usage = "soukd [options]",
	.about = "Serves live shows.",
	.rows = table_rows,
	.count = sizeof(table_rows) / sizeof(table_rows[0]),
};

static struct target target;
static struct option_error error;
static char path[64];

static void setup(void)
{
	target = (struct target){ 0 };
	path[0] = '\0';
}

static void teardown(void)
{
	options_free(&table, &target);
	if (path[0])
		unlink(path);
}

TestSuite(option, .init = setup, .fini = teardown);

/* Words up to a NULL. */
static int parse(char *const *words)
{
	char *argv[20] = { "soukd" };
	int argc = 1;
	for (; words && words[argc - 1]; argc++)
		argv[argc] = words[argc - 1];
	return options_parse(&table, &target, argc, argv, &error);
}

#define PARSE(...) parse((char *[]){ __VA_ARGS__, NULL })

static void write_file(const char *text)
{
	strcpy(path, "/tmp/souk-option-XXXXXX");
	const int fd = mkstemp(path);
	cr_assert(eq(long, write(fd, text, strlen(text)), (long)strlen(text)));
	close(fd);
}

Test(option, defaults_come_from_the_table)
{
	char text[ADDR_TEXT];
	cr_assert(eq(int, parse(NULL), OPTION_RUN));
	cr_assert(eq(i64, target.workers, 2));
	cr_assert(eq(i64, target.ttl_s, 3600));
	cr_assert(eq(str, target.data, "./souk-data"));
	cr_assert(eq(int, target.level, 1));
	cr_assert(not(target.quiet));
	cr_assert(zero(ptr, target.room));
	addr_format(&target.http, text);
	cr_assert(eq(str, text, "127.0.0.1:8080"));
	cr_assert(eq(uint, target.https.len, 0));
	cr_assert(eq(sz, target.advertise.count, 1));
}

Test(option, both_spellings_of_a_value_are_read)
{
	cr_assert(eq(int,
		     PARSE("--workers=7", "--ttl", "5m", "--quiet", "--level", "info",
			   "--https=[::1]:0", "--room", "demo", "--advertise", "10.0.0.1",
			   "--advertise=10.0.0.2"),
		     OPTION_RUN));
	cr_assert(eq(i64, target.workers, 7));
	cr_assert(eq(i64, target.ttl_s, 300));
	cr_assert(target.quiet);
	cr_assert(eq(int, target.level, 2));
	cr_assert(ne(uint, target.https.len, 0));
	cr_assert(eq(str, target.room, "demo"));
	cr_assert(eq(sz, target.advertise.count, 2));
	cr_assert(eq(str, target.advertise.items[1], "10.0.0.2"));
}

Test(option, command_line_wins_over_the_file_and_the_file_over_defaults)
{
	write_file("# a comment\n; another\n\nworkers = 5\ndata = /srv/souk\nquiet = true\n"
		   "advertise = 10.0.0.1\nadvertise = 10.0.0.2\nhttp = 127.0.0.1:0\n");
	cr_assert(eq(int, PARSE("--data=/other", "--config", path, "--advertise=10.0.0.9"),
		     OPTION_RUN),
		  "%s", error.text);
	cr_assert(eq(i64, target.workers, 5));
	cr_assert(eq(str, target.data, "/other"));
	cr_assert(target.quiet);
	cr_assert(eq(sz, target.advertise.count, 1));
	cr_assert(eq(str, target.advertise.items[0], "10.0.0.9"));
}

Test(option, the_file_may_have_another_name)
{
	struct option_row rows[sizeof(table_rows) / sizeof(table_rows[0])];
	memcpy(rows, table_rows, sizeof(rows));
	rows[0].name = "scenario";
	struct option_table other = table;
	other.rows = rows;
	other.file_option = "scenario";
	write_file("workers = 5\n");
	char *words[] = { "soukd", "--scenario", path };
	cr_assert(eq(int, options_parse(&other, &target, 3, words, &error), OPTION_RUN), "%s",
		  error.text);
	cr_assert(eq(i64, target.workers, 5));
	words[2] = "/nowhere";
	cr_assert(eq(int, options_parse(&other, &target, 3, words, &error), -EINVAL));
	cr_assert(eq(int, strncmp(error.text, "--scenario: /nowhere: ", 22), 0), "%s", error.text);
}

Test(option, help_and_version_are_reported)
{
	cr_assert(eq(int, PARSE("--workers=3", "--help"), OPTION_HELP));
	cr_assert(eq(int, PARSE("-h"), OPTION_HELP));
	cr_assert(eq(int, PARSE("--version"), OPTION_VERSION));
}

static const struct {
	char *word;
	char *value;
	const char *text;
} faults[] = {
	{ "--workers", "0", "--workers: 0 is not within 1..64" },
	{ "--workers", "65", "--workers: 65 is not within 1..64" },
	{ "--workers", "2x", "--workers: '2x' is not a number" },
	{ "--workers", "", "--workers: '' is not a number" },
	{ "--workers", " 2", "--workers: ' 2' is not a number" },
	{ "--workers", "99999999999999999999",
	  "--workers: '99999999999999999999' is not a number" },
	{ "--workers", NULL, "--workers: needs a value" },
	{ "--ttl", "2d", "--ttl: 2d is not within 1..86400 s" },
	{ "--ttl", "5 parsecs", "--ttl: '5 parsecs' is not a time such as 90s, 5m or 1h" },
	{ "--ttl", "9223372036854775807d",
	  "--ttl: '9223372036854775807d' is not a time such as 90s, 5m or 1h" },
	{ "--quiet=yes", NULL, "--quiet: 'yes' is neither true nor false" },
	{ "--room", "toolong", "--room: 'toolong' is not of 1 to 5 characters" },
	{ "--http", "localhost:80",
	  "--http: 'localhost:80' is not ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080" },
	{ "--level", "loud", "--level: 'loud' is none of error, warn, info" },
	{ "--nonsense=1", NULL, "--nonsense=1: unknown option" },
	{ "stray", NULL, "'stray' is not an option, see --help" },
	{ "--", NULL, "'--' is not an option, see --help" },
	{ "--config", "/nonexistent", "--config: /nonexistent: No such file or directory" },
};

ParameterizedTestParameters(option, names_what_is_wrong)
{
	static size_t indexes[sizeof(faults) / sizeof(faults[0])];
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		indexes[i] = i;
	return cr_make_param_array(size_t, indexes, sizeof(indexes) / sizeof(indexes[0]));
}

ParameterizedTest(size_t *row, option, names_what_is_wrong)
{
	cr_assert(eq(int, PARSE(faults[*row].word, faults[*row].value), -EINVAL));
	cr_assert(eq(str, error.text, (char *)faults[*row].text));
}

static const struct {
	const char *file;
	const char *text; /* behind the file's name */
} file_faults[] = {
	{ "quiet = true\nworkers = 0\n", ":2: workers: 0 is not within 1..64" },
	{ "\n\nnonsense = 1\n", ":3: unknown option 'nonsense'" },
	{ "config = x\n", ":1: unknown option 'config'" },
	{ "workers = 2\nworkers = 3\n", ":2: workers: given twice" },
	{ "[server]\nworkers = 2\n", ":2: workers: there are no sections" },
	{ "quiet = true\njust words\n", ":2: not of the form 'name = value'" },
};

Test(option, names_the_line_that_is_wrong)
{
	for (size_t i = 0; i < sizeof(file_faults) / sizeof(file_faults[0]); i++) {
		char expected[200];
		write_file(file_faults[i].file);
		snprintf(expected, sizeof(expected), "%s%s", path, file_faults[i].text);
		cr_assert(eq(int, PARSE("--config", path), -EINVAL));
		cr_assert(eq(str, error.text, expected));
		options_free(&table, &target);
		unlink(path);
	}
}

Test(option, overlong_lines_in_the_file_are_an_error_not_cut)
{
	char text[2000] = "workers = 3\ndata = ";
	memset(text + strlen(text), 'x', 1500);
	strcat(text, "\n");
	write_file(text);
	cr_assert(eq(int, PARSE("--config", path), -EINVAL));
	cr_assert(ne(ptr, strstr(error.text, ":2: line is too long"), NULL), "%s", error.text);
}

Test(option, lists_are_capped)
{
	char text[OPTION_LIST_MAX * 24 + 48] = "";
	for (int i = 0; i <= OPTION_LIST_MAX; i++)
		strcat(text, "advertise = 10.0.0.1\n");
	write_file(text);
	cr_assert(eq(int, PARSE("--config", path), -EINVAL));
	cr_assert(ne(ptr, strstr(error.text, ":65: advertise: more than 64 values"), NULL));
}

static char changed[128];

static void on_changed(void *arg, const char *name)
{
	(void)arg;
	strcat(strcat(changed, name), " ");
}

Test(option, what_differs_is_named)
{
	static const char *const others[] = {
		"soukd",   "--quiet", "--workers", "3",    "--ttl",       "2h",
		"--data",  "x",       "--room",    "r",    "--http",      "127.0.0.1:81",
		"--https", "[::1]:1", "--level",   "info", "--advertise", "127.0.0.2"
	};
	struct target other = { 0 };
	char *argv[] = { "soukd" };
	cr_assert(eq(int, options_parse(&table, &target, 1, argv, &error), OPTION_RUN));
	changed[0] = '\0';
	options_compare(&table, &target, &target, on_changed, NULL);
	cr_expect(eq(str, changed, ""));
	cr_assert(eq(int, options_parse(&table, &other, 18, (char *const *)others, &error),
		     OPTION_RUN));
	options_compare(&table, &target, &other, on_changed, NULL);
	cr_expect(eq(str, changed, "quiet workers ttl data room http https advertise level "));
	options_free(&table, &other);
}

Test(option, help_and_manual_name_every_row)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	options_help(&table, out);
	options_manual(&table, out);
	fclose(out);
	cr_assert(ne(ptr, strstr(text, "Usage: soukd [options]\n"), NULL));
	cr_assert(ne(ptr,
		     strstr(text, "  --workers N\n        Number of worker threads. 1..64. "
				  "Default: 2.\n"),
		     NULL));
	cr_assert(ne(ptr, strstr(text, "  --level error|warn|info\n"), NULL));
	cr_assert(ne(ptr, strstr(text, "  --advertise IP (repeatable)\n"), NULL));
	for (size_t i = 0; i < table.count; i++) {
		char row[40];
		snprintf(row, sizeof(row), "| `%s` |", table.rows[i].name);
		cr_assert(ne(ptr, strstr(text, row), NULL));
	}
	free(text);
}
