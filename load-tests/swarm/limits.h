/*
 * What a run must keep: the options `limit.*` of a scenario. Each is a number that a figure of the
 * run must not exceed (or, of joins, not fall below). A value; one thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_LIMITS_H
#define SOUK_LOAD_TESTS_SWARM_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

enum limit_id {
	LIMIT_JOINED, /* percent of those that asked */
	LIMIT_FAILURES,
	LIMIT_LOSS, /* percent of packets; FLV: gaps by frames */
	LIMIT_FREEZE, /* percent of the time watched */
	LIMIT_JOIN_P99,
	LIMIT_SPREAD_P99,
	LIMIT_AGE_P99,
	LIMIT_EVENT_P99,
	LIMIT_EVENT_GAPS,
	LIMIT_ORDER_P99,
	LIMIT_UNACKED, /* orders without an answer at the end */
	LIMIT_REFUSED,
	LIMITS
};

struct limit_name {
	const char *option; /* "limit.loss" */
	const char *unit;
	bool at_least; /* the figure must reach it; else must not exceed it */
};
extern const struct limit_name limit_names[LIMITS];

/* A limit as it is typed: a number >= 0, or "off". -EINVAL otherwise; *set tells which. */
int limit_parse(const char *text, bool *set, double *value) __attribute__((warn_unused_result));

struct limit_verdict {
	bool checked; /* asked for, and the figure exists in this run */
	bool held;
	double bound, figure;
};

struct limit_verdict limit_judge(enum limit_id id, double bound, double figure);

#endif
