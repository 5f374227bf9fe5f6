/*
 * What an operation costs in CPU time: a trial is run for so many operations that a round takes
 * some milliseconds, some rounds long; the median counts. CPU time, since other programs on the
 * machine disturb it little. One thread.
 */
#ifndef SOUK_LOAD_TESTS_MICRO_METER_H
#define SOUK_LOAD_TESTS_MICRO_METER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

struct meter;

/* Stopped when a trial gets it: preparations of a trial are not counted. */
struct stopwatch {
	clockid_t clock;
	int64_t spent_ns, started_ns;
};
void stopwatch_start(struct stopwatch *watch);
void stopwatch_stop(struct stopwatch *watch);

/* Names are kept by reference. Rows of one group make a table; `column` may be "". */
struct trial {
	const char *group, *name, *column;
	bool all_threads; /* CPU time of the process instead of the calling thread */
	uint64_t step; /* operations come in multiples of it */
	int (*run)(void *arg, uint64_t operations, struct stopwatch *watch); /* 0 or -errno */
	void *arg;
};

void meter_create(struct meter **out, bool quick);
/* Quick: one size of crowd is enough. */
bool meter_quick(const struct meter *meter);

/* -errno of the trial, which then has a row that says so. */
int meter_measure(struct meter *meter, const struct trial *trial);
/* A row that cannot be measured here, and why. */
void meter_skip(struct meter *meter, const char *group, const char *name, const char *why);
bool meter_failed(const struct meter *meter); /* some trial */

void meter_print(const struct meter *meter, FILE *out);
int meter_write_json(const struct meter *meter, const char *path)
	__attribute__((warn_unused_result));
void meter_destroy(struct meter *meter); /* takes NULL */

#endif
