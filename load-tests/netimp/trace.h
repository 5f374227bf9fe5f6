/*
 * A link's rate over time in slots of 20 ms, replayed in a circle. As text: a line a rate,
 * "KBIT_PER_S [SLOTS]", 0 for a gap, # starts a comment. Immutable once made; one owner.
 */
#ifndef SOUK_LOAD_TESTS_NETIMP_TRACE_H
#define SOUK_LOAD_TESTS_NETIMP_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	TRACE_SLOT_US = 20000,
	TRACE_SLOTS_MAX = 1000000, /* 5.5 hours */
	TRACE_FILE_MAX = 4 * 1024 * 1024,
	TRACE_KBPS_MAX = 100000000,
	TRACE_ERROR = 128,
};

struct trace;

/* -EINVAL with the line at fault in `error`. */
int trace_parse(struct trace **out, const char *text, size_t len, char error[TRACE_ERROR])
	__attribute__((warn_unused_result));
int trace_load(struct trace **out, const char *path, char error[TRACE_ERROR])
	__attribute__((warn_unused_result));

/*
 * Ten minutes of a made-up 5G cell as field studies describe it: 1 to 40 Mbit/s that wander, a gap
 * of 100 ms every 5 to 15 s (handover), one of 2 s somewhere in each minute (radio link lost).
 */
void trace_make_5g(struct trace **out, uint64_t seed);

void trace_destroy(struct trace *trace); /* takes NULL */

size_t trace_slots(const struct trace *trace);
int64_t trace_rate_bps(const struct trace *trace, size_t slot); /* of slot modulo trace_slots() */
void trace_print(const struct trace *trace, FILE *out); /* as text that trace_parse() reads */

#endif
