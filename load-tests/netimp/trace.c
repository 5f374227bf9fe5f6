#include "load-tests/netimp/trace.h"

#include "load-tests/netimp/seeded.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct trace {
	size_t count;
	size_t size;
	uint32_t *kbps;
};

static int fault(char error[TRACE_ERROR], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int fault(char error[TRACE_ERROR], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(error, TRACE_ERROR, format, args);
	va_end(args);
	return -EINVAL;
}

static void append(struct trace *trace, uint32_t kbps, size_t slots)
{
	if (trace->count + slots > trace->size) {
		trace->size = (trace->count + slots) * 2;
		trace->kbps = xrealloc(trace->kbps, trace->size * sizeof(*trace->kbps));
	}
	while (slots--)
		trace->kbps[trace->count++] = kbps;
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
		at++;
	return at;
}

/* Digits at *at, at most `max`. */
static bool take_number(const char **at, const char *end, uint32_t max, uint32_t *out)
{
	const char *start = *at;
	uint64_t value = 0;
	for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
		value = value * 10 + (uint64_t)(**at - '0');
		if (value > max)
			return false;
	}
	*out = (uint32_t)value;
	return *at > start;
}

static bool parse_line(struct trace *trace, const char *at, const char *end)
{
	const char *comment = memchr(at, '#', (size_t)(end - at));
	uint32_t kbps;
	uint32_t slots = 1;
	if (comment)
		end = comment;
	at = skip_blanks(at, end);
	if (at == end)
		return true;
	if (!take_number(&at, end, TRACE_KBPS_MAX, &kbps))
		return false;
	const char *second = skip_blanks(at, end);
	if (second > at && second < end && !take_number(&second, end, TRACE_SLOTS_MAX, &slots))
		return false;
	if (skip_blanks(second, end) != end || !slots || trace->count + slots > TRACE_SLOTS_MAX)
		return false;
	append(trace, kbps, slots);
	return true;
}

static bool carries_something(const struct trace *trace)
{
	for (size_t i = 0; i < trace->count; i++)
		if (trace->kbps[i])
			return true;
	return false;
}

int trace_parse(struct trace **out, const char *text, size_t len, char error[TRACE_ERROR])
{
	struct trace *trace = xcalloc(1, sizeof(*trace));
	const char *end = text + len;
	int err = 0;
	unsigned number = 1;
	for (const char *at = text; at < end && !err; number++) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		if (!line_end)
			line_end = end;
		if (!parse_line(trace, at, line_end))
			err = fault(error, "trace: line %u is not KBIT_PER_S [SLOTS]", number);
		at = line_end + (line_end < end);
	}
	if (!err && !carries_something(trace))
		err = fault(error, "trace: no slot with a rate");
	if (err) {
		trace_destroy(trace);
		return err;
	}
	*out = trace;
	return 0;
}

int trace_load(struct trace **out, const char *path, char error[TRACE_ERROR])
{
	FILE *file = fopen(path, "re");
	if (!file)
		return fault(error, "%.80s: %s", path, strerror(errno));
	char *text = xcalloc(1, TRACE_FILE_MAX);
	const size_t len = fread(text, 1, TRACE_FILE_MAX, file);
	int err = 0;
	if (ferror(file))
		err = fault(error, "%.80s: cannot be read", path);
	else if (len == TRACE_FILE_MAX)
		err = fault(error, "%.80s: longer than %d bytes", path, TRACE_FILE_MAX - 1);
	else
		err = trace_parse(out, text, len, error);
	free(text);
	fclose(file);
	return err;
}

/* Sets `slots` slots to 0. */
static void cut(struct trace *trace, size_t first, size_t slots)
{
	for (size_t i = first; i < first + slots && i < trace->count; i++)
		trace->kbps[i] = 0;
}

void trace_make_5g(struct trace **out, uint64_t seed)
{
	enum { MINUTE = 60 * 50, MINUTES = 10, GAP = 5, LOST = 100 };
	const double low = log(1000);
	const double high = log(40000);
	const double step = 0.15; /* a slot's change: seldom more than 15 % */
	struct trace *trace = xcalloc(1, sizeof(*trace));
	struct seeded rate;
	struct seeded gap;
	seeded_init(&rate, seed, 100);
	seeded_init(&gap, seed, 101);
	double level = low + (high - low) * seeded_unit(&rate);
	for (size_t i = 0; i < (size_t)MINUTE * MINUTES; i++) {
		level += step * (2 * seeded_unit(&rate) - 1);
		/* Turned back at both ends, so that all rates (as logarithms) are equally likely.
		 */
		level = level < low ? 2 * low - level : level > high ? 2 * high - level : level;
		append(trace, (uint32_t)exp(level), 1);
	}
	for (size_t at = 0; at < trace->count;) {
		at += (size_t)((5 + 10 * seeded_unit(&gap)) * 50);
		cut(trace, at, GAP);
	}
	for (size_t minute = 0; minute < MINUTES; minute++)
		cut(trace, minute * MINUTE + (size_t)(seeded_unit(&gap) * (MINUTE - LOST)), LOST);
	*out = trace;
}

void trace_destroy(struct trace *trace)
{
	if (!trace)
		return;
	free(trace->kbps);
	free(trace);
}

size_t trace_slots(const struct trace *trace)
{
	return trace->count;
}

int64_t trace_rate_bps(const struct trace *trace, size_t slot)
{
	return trace->kbps[slot % trace->count] * INT64_C(1000);
}

void trace_print(const struct trace *trace, FILE *out)
{
	for (size_t i = 0; i < trace->count;) {
		const size_t first = i;
		while (i < trace->count && trace->kbps[i] == trace->kbps[first])
			i++;
		fprintf(out, "%" PRIu32 " %zu\n", trace->kbps[first], i - first);
	}
}
