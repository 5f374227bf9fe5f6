/*
 * A program's options as one table, from which the command line parser, --help, the configuration
 * file and the manual come. Values land in the program's own struct at the row's offset. The
 * command line wins over the file, the file over the default. One thread.
 */
#ifndef SOUK_CORE_OPTION_H
#define SOUK_CORE_OPTION_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_type { /* the member in the struct */
		   OPTION_BOOL, /* bool; --name, --name=true|false */
		   OPTION_INT, /* int64_t, min..max */
		   OPTION_DURATION, /* int64_t seconds, min..max; "90", "90s", "5m", "1h", "7d" */
		   OPTION_STRING, /* char *, owned; NULL when unset; min..max bytes if max is not 0
				   */
		   OPTION_ADDR, /* struct addr; len 0 when unset */
		   OPTION_LIST, /* struct option_list; repeat the option, or the line in the file */
		   OPTION_ENUM, /* int: index into choices */
};

struct option_list {
	char **items;
	size_t count;
};

enum { OPTION_LIST_MAX = 64 };

struct option_row {
	const char *name; /* without dashes */
	enum option_type type;
	int64_t min;
	int64_t max;
	const char *fallback; /* default as it would be typed; NULL: unset, 0 or false */
	const char *unit; /* "s", "bytes", "A:P", "FILE"…; NULL if none */
	const char *text; /* one sentence */
	size_t offset;
	const char *const *choices; /* OPTION_ENUM: ends with NULL */
};

struct option_table {
	const char *usage; /* "soukd [options]" */
	const char *about; /* one paragraph for --help */
	const struct option_row *rows;
	size_t count;
	const char *file_option; /* whose value is the file; NULL: "config" */
};

struct option_error {
	char text[256]; /* "--workers: 0 is not within 1..64", "souk.conf:12: unknown option 'x'" */
};

enum option_result { OPTION_RUN = 0, OPTION_HELP = 1, OPTION_VERSION = 2 };

/*
 * Fills `target` (zeroed by the caller before the first use). argv[0] is skipped. --help and
 * --version end the parsing and are reported; the file option names what is read beneath the
 * command line. -EINVAL with `error` filled: the program prints it and exits 2. Free with
 * options_free() in every case.
 */
int options_parse(const struct option_table *table, void *target, int argc, char *const *argv,
		  struct option_error *error) __attribute__((warn_unused_result));

/* Calls `fn` with the name of each option whose value is another one in `b` than in `a`. */
void options_compare(const struct option_table *table, const void *a, const void *b,
		     void (*fn)(void *arg, const char *name), void *arg);

void options_help(const struct option_table *table, FILE *out);
void options_manual(const struct option_table *table, FILE *out); /* a Markdown table */
void options_free(const struct option_table *table, void *target);

#endif
