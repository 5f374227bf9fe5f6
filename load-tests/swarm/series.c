#include "load-tests/swarm/series.h"

#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 64 };

void series_add(struct series *series, int64_t value)
{
	histogram_add(&series->second, value);
	histogram_add(&series->whole, value);
}

void series_turn(struct series *series, double at_s)
{
	const struct histogram *second = &series->second;
	if (!second->count)
		return;
	if (series->count == series->size) {
		series->size = series->size ? series->size * 2 : FIRST_SIZE;
		series->points = xrealloc(series->points, series->size * sizeof(*series->points));
	}
	series->points[series->count++] = (struct series_point){
		.at_s = at_s,
		.count = second->count,
		.p50 = histogram_percentile(second, 50),
		.p90 = histogram_percentile(second, 90),
		.p99 = histogram_percentile(second, 99),
		.max = second->max_us,
	};
	memset(&series->second, 0, sizeof(series->second));
}

void series_finish(struct series *series)
{
	free(series->points);
	series->points = NULL;
	series->count = series->size = 0;
}
