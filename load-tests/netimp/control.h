/*
 * The lines that steer an impairer while it runs:
 *
 *   set DIRECTION KEY=VALUE...   changes these settings, leaves the others
 *   clear DIRECTION              a perfect wire again
 *   stats                        one line of JSON
 *   quit
 *
 * DIRECTION: a->b, b->a or both. Parsing has no effect: a bad line changes nothing. Values; any
 * thread.
 */
#ifndef SOUK_LOAD_TESTS_NETIMP_CONTROL_H
#define SOUK_LOAD_TESTS_NETIMP_CONTROL_H

#include "load-tests/netimp/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	CONTROL_LINE_MAX = 1024,
	CONTROL_ERROR = 160,
	CONTROL_SETTINGS_MAX = 32,
	CONTROL_PATH = 256
};

enum control_verb { CONTROL_SET, CONTROL_CLEAR, CONTROL_STATS, CONTROL_QUIT };

enum control_direction { CONTROL_A_TO_B = 1, CONTROL_B_TO_A = 2, CONTROL_BOTH = 3 };

struct control_setting {
	size_t key; /* row of the table of keys */
	double value;
};

struct control {
	enum control_verb verb;
	enum control_direction direction; /* of set and clear */
	struct control_setting settings[CONTROL_SETTINGS_MAX];
	size_t count;
	bool has_trace;
	char trace[CONTROL_PATH]; /* a path, "5g" or "off" */
};

/* A line without its newline; need not end with a NUL. -EINVAL with the reason in `error`. */
int control_parse(struct control *out, const char *line, size_t len, char error[CONTROL_ERROR])
	__attribute__((warn_unused_result));

/* What set and clear make of a profile. */
void control_apply(const struct control *control, struct profile *profile);

void control_help(FILE *out); /* the keys, their units and ranges */

#endif
