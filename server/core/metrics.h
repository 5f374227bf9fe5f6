/*
 * Counters and gauges in Prometheus text format. Any thread may register, add and render; a metric
 * lives as long as its registry. Register at start, not per room or viewer: there is no removal.
 */
#ifndef SOUK_CORE_METRICS_H
#define SOUK_CORE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

struct bytes;
struct metrics;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

struct metric {
	_Atomic int64_t value;
	enum metric_type type;
	char *name;
	char *help;
	char *labels; /* "worker=\"0\"", or "" */
	struct metric *next;
};

int metrics_create(struct metrics **out) __attribute__((warn_unused_result));

/* `name` [a-z0-9_:]+, counters end in _total; metrics of one name share type and help and differ in
 * labels (written as in the output; NULL for none). */
struct metric *metrics_add(struct metrics *metrics, enum metric_type type, const char *name,
			   const char *help, const char *labels) __attribute__((returns_nonnull));

/* Appends all of them, grouped and sorted by name. */
void metrics_render(const struct metrics *metrics, struct bytes *out);

void metrics_destroy(struct metrics *metrics); /* no user may be left; takes NULL */

static inline void metric_add(struct metric *metric, int64_t by)
{
	atomic_fetch_add_explicit(&metric->value, by, memory_order_relaxed);
}

static inline void metric_set(struct metric *metric, int64_t value)
{
	atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

static inline int64_t metric_get(const struct metric *metric)
{
	return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

#endif
