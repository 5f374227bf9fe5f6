#include "server/core/metrics.h"

#include "server/core/alloc.h"
#include "server/core/bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct metrics {
	_Atomic(struct metric *) first; /* only ever prepended to: readers need no lock */
};

int metrics_create(struct metrics **out)
{
	struct metrics *metrics = xcalloc(1, sizeof(*metrics));
	atomic_init(&metrics->first, NULL);
	*out = metrics;
	return 0;
}

struct metric *metrics_add(struct metrics *metrics, enum metric_type type, const char *name,
			   const char *help, const char *labels)
{
	struct metric *metric = xcalloc(1, sizeof(*metric));
	atomic_init(&metric->value, 0);
	metric->type = type;
	metric->name = xstrdup(name);
	metric->help = xstrdup(help);
	metric->labels = xstrdup(labels ? labels : "");
	metric->next = atomic_load_explicit(&metrics->first, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&metrics->first, &metric->next, metric,
						      memory_order_release, memory_order_relaxed))
		;
	return metric;
}

static int by_name(const void *a, const void *b)
{
	const struct metric *left = *(struct metric *const *)a;
	const struct metric *right = *(struct metric *const *)b;
	const int order = strcmp(left->name, right->name);
	return order ? order : strcmp(left->labels, right->labels);
}

static void put_head(const struct metric *metric, struct bytes *out)
{
	bytes_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
		     metric->type == METRIC_COUNTER ? "counter" : "gauge");
}

static void put_value(const struct metric *metric, struct bytes *out)
{
	const bool labelled = metric->labels[0] != '\0';
	bytes_printf(out, "%s%s%s%s %" PRId64 "\n", metric->name, labelled ? "{" : "",
		     metric->labels, labelled ? "}" : "", metric_get(metric));
}

void metrics_render(const struct metrics *metrics, struct bytes *out)
{
	struct metric *first = atomic_load_explicit(&metrics->first, memory_order_acquire);
	size_t count = 0;
	for (const struct metric *at = first; at; at = at->next)
		count++;
	struct metric **sorted = xcalloc(count + 1, sizeof(struct metric *));
	struct metric *at = first;
	for (size_t i = 0; i < count; i++, at = at->next)
		sorted[i] = at;
	qsort(sorted, count, sizeof(struct metric *), by_name);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || strcmp(sorted[i]->name, sorted[i - 1]->name) != 0)
			put_head(sorted[i], out);
		put_value(sorted[i], out);
	}
	free(sorted);
}

void metrics_destroy(struct metrics *metrics)
{
	if (!metrics)
		return;
	struct metric *at = atomic_load_explicit(&metrics->first, memory_order_acquire);
	while (at) {
		struct metric *next = at->next;
		free(at->name);
		free(at->help);
		free(at->labels);
		free(at);
		at = next;
	}
	free(metrics);
}
