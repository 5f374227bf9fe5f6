/* The impairer's inputs: the lines that steer it, in pieces, and trace files. */
#include "load-tests/netimp/line_input.h"
#include "load-tests/netimp/trace.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool on_line(const char *line, size_t len, void *arg)
{
	struct control control;
	char error[CONTROL_ERROR];
	struct profile *profile = arg;
	if (control_parse(&control, line, len, error)) {
		assert(strlen(error) && !strchr(error, '\n'));
		return true;
	}
	control_apply(&control, profile);
	assert(profile->loss >= 0 && profile->loss <= 1 && profile->rate_bps >= 0);
	return control.verb != CONTROL_QUIT;
}

static void read_trace(const char *text, size_t len)
{
	struct trace *trace;
	char error[TRACE_ERROR];
	if (trace_parse(&trace, text, len, error))
		return;
	assert(trace_slots(trace) <= TRACE_SLOTS_MAX);
	assert(trace_rate_bps(trace, trace_slots(trace)) == trace_rate_bps(trace, 0));
	trace_destroy(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	/* The first byte says how the rest is cut; of an even one the rest is a trace. */
	const size_t step = len ? data[0] + 1u : 1;
	const char *at = len ? (const char *)data + 1 : (const char *)data;
	size_t left = len ? len - 1 : 0;
	struct profile profile = profile_clean();
	struct line_input input = { .len = 0 };
	bool wanted = true;
	if (step % 2) {
		read_trace(at, left);
		return 0;
	}
	while (left && wanted) {
		const size_t part = left < step ? left : step;
		wanted = line_input_feed(&input, at, part, on_line, &profile);
		at += part;
		left -= part;
	}
	if (wanted)
		line_input_end(&input, on_line, &profile);
	return 0;
}
