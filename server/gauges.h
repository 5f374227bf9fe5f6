/*
 * Numbers as they are now, set into metrics: each worker's on its own thread once a second, the
 * house's on the control thread when they are asked for. The caps are among them, so that a
 * dashboard can draw the line.
 */
#ifndef SOUK_SERVER_GAUGES_H
#define SOUK_SERVER_GAUGES_H

struct app;
struct fanout_stats;
struct metric;
struct metrics;
struct worker;

enum { WORKER_GAUGES_MAX = 48, HOUSE_GAUGES_MAX = 32 };

struct worker_gauges {
	struct metric *of[WORKER_GAUGES_MAX];
};
void worker_gauges_init(struct worker_gauges *gauges, struct metrics *metrics, unsigned index);
/* Worker's thread. */
void worker_gauges_update(struct worker_gauges *gauges, struct worker *worker,
			  const struct fanout_stats *fanout);

struct house_gauges {
	struct metric *of[HOUSE_GAUGES_MAX];
};
void house_gauges_init(struct house_gauges *gauges, struct metrics *metrics);
/* Control's thread. */
void house_gauges_update(struct house_gauges *gauges, struct app *app);

#endif
