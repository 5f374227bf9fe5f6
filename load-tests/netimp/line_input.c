#include "load-tests/netimp/line_input.h"

bool line_input_feed(struct line_input *input, const char *data, size_t len, line_input_fn fn,
		     void *arg)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n') {
			if (input->len <= CONTROL_LINE_MAX)
				input->line[input->len++] = data[i];
			continue;
		}
		const size_t line_len = input->len;
		input->len = 0;
		if (!fn(input->line, line_len, arg))
			return false;
	}
	return true;
}

void line_input_end(struct line_input *input, line_input_fn fn, void *arg)
{
	const size_t len = input->len;
	input->len = 0;
	if (len)
		fn(input->line, len, arg);
}
