/*
 * How many viewers a worker has room for, by what those who are in cost: the share of its thread's
 * time that they took over the last seconds. The time that joins take is left out, since they take
 * what the others leave and wait in line for it; a line that gets long is a sign of its own.
 * Worker's thread, but for the limit.
 */
#ifndef SOUK_SERVER_ADMISSION_H
#define SOUK_SERVER_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	/* Over 4 s: less would be with a keyframe or without one, which is ten times the work. */
	ADMISSION_SAMPLES = 21,
	ADMISSION_SPAN_US = 400000, /* less time than this tells nothing */
	/* So few are always let in: the room itself weighs more than they do. Up to there a viewer
	 * counts as this (millionths of the thread's time). */
	ADMISSION_KNOWN_FROM = 100,
	ADMISSION_GUESS_PPM = 500,
	/* The last viewer of a frame waited so long for it in the last second: something else has
	 * the core. */
	ADMISSION_LATE_US = 250000,
	/* Handshakes in line: at 0.2 ms each who comes now waits for 100 ms. */
	ADMISSION_LINE_MAX = 512,
};

struct admission_sample {
	int64_t at_us;
	int64_t spent_us; /* by the thread so far, without joins */
	unsigned viewers;
};

struct admission {
	unsigned most_percent; /* of the thread's time; 100: whatever it is */
	struct admission_sample samples[ADMISSION_SAMPLES];
	unsigned next, count;
	bool late;
	atomic_uint limit; /* viewers; any thread may read it */
};

void admission_init(struct admission *admission, unsigned most_percent);

/* A look at the worker, five times a second. */
void admission_look(struct admission *admission, const struct admission_sample *now);

/* How long a frame took to its last viewer at most, in the last second. */
void admission_waited(struct admission *admission, int64_t longest_us);

/* Whether there is room for one more than `viewers`. */
static inline bool admission_room(const struct admission *admission, unsigned viewers)
{
	return viewers < atomic_load_explicit(&admission->limit, memory_order_relaxed);
}

/* The thread's CPU time so far. */
int64_t admission_cpu_us(void);

#endif
