/*
 * One series as inline SVG: lines of p50, p90, p99 and the maximum over the seconds of a run, axes
 * with round numbers. Writes to the stream and keeps nothing; any thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_PLOT_H
#define SOUK_LOAD_TESTS_SWARM_PLOT_H

#include "load-tests/swarm/series.h"

#include <stdio.h>

struct plot {
	const char *title; /* for people who cannot see it */
	const char *unit;
	const struct series *series;
	double scale; /* what values are divided by */
	double seconds; /* the length of the run: plots of a page have one axis of time */
};

void plot_write(const struct plot *plot, FILE *out);

/* The next of 1, 2, 5, 10, 20 … that is not below `value`, which is > 0. */
double plot_round_up(double value);

/* Text between tags or in an attribute. */
void plot_text(const char *text, FILE *out);

#endif
