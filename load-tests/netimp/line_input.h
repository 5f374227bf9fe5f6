/* Lines out of a descriptor that is read piece by piece, each with a cap. One thread. */
#ifndef SOUK_LOAD_TESTS_NETIMP_LINE_INPUT_H
#define SOUK_LOAD_TESTS_NETIMP_LINE_INPUT_H

#include "load-tests/netimp/control.h"

struct line_input {
	char line[CONTROL_LINE_MAX + 1]; /* a longer one is handed out cut, one byte over the cap */
	size_t len;
};

/* `line` has `len` bytes, without its newline. False: the input is not wanted any more. */
typedef bool (*line_input_fn)(const char *line, size_t len, void *arg);

/* False once the callback has said so. */
bool line_input_feed(struct line_input *input, const char *data, size_t len, line_input_fn fn,
		     void *arg);

/* The input has ended, perhaps inside a line. */
void line_input_end(struct line_input *input, line_input_fn fn, void *arg);

#endif
