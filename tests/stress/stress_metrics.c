/* Threads register, add and render at once; nothing is lost. */
#include "server/core/bytes.h"
#include "server/core/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, ADDS = 20000, RENDERS = 200 };

struct shared {
	struct metrics *metrics;
	struct metric *common;
};

static void *count_and_register(void *arg)
{
	struct shared *shared = arg;
	for (int i = 0; i < ADDS; i++) {
		metric_add(shared->common, 1);
		if (i % (ADDS / 10) == 0)
			metric_set(metrics_add(shared->metrics, METRIC_GAUGE, "souk_x", "X", NULL),
				   i);
	}
	return NULL;
}

int main(void)
{
	struct shared shared;
	pthread_t threads[THREADS];
	struct bytes out;
	bytes_init(&out, 1 << 20);
	if (metrics_create(&shared.metrics))
		return 1;
	shared.common =
		metrics_add(shared.metrics, METRIC_COUNTER, "souk_common_total", "Common", NULL);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, count_and_register, &shared))
			abort();
	for (int i = 0; i < RENDERS; i++) {
		bytes_clear(&out);
		metrics_render(shared.metrics, &out);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	bytes_clear(&out);
	metrics_render(shared.metrics, &out);
	size_t lines = 0;
	for (const char *at = bytes_string(&out); (at = strstr(at, "\nsouk_x ")); at++)
		lines++;
	const bool whole = metric_get(shared.common) == THREADS * ADDS && lines == THREADS * 10;
	bytes_finish(&out);
	metrics_destroy(shared.metrics);
	puts(whole ? "ok" : "lost something");
	return whole ? 0 : 1;
}
