#include "server/room_cost.h"

#include "server/core/alloc.h"
#include "server/core/map.h"
#include "server/core/metrics.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	enum metric_type type;
	const char *name;
	const char *help;
	const char *label; /* after worker and room */
} rows[] = {
	[ROOM_COST_SOUND_CPU] = { METRIC_COUNTER, "souk_transcode_cpu_us_total",
				  "CPU time of a room's transcoders", ",kind=\"sound\"" },
	[ROOM_COST_VIDEO_CPU] = { METRIC_COUNTER, "souk_transcode_cpu_us_total",
				  "CPU time of a room's transcoders", ",kind=\"video\"" },
	[ROOM_COST_RUNGS] = { METRIC_GAUGE, "souk_rungs", "Rungs of a room that run now", "" },
	[ROOM_COST_RUNG_FRAMES] = { METRIC_COUNTER, "souk_rung_frames_total",
				    "Frames made in rungs of a room", "" },
	[ROOM_COST_LEFT_OUT] = { METRIC_COUNTER, "souk_rung_pictures_left_out_total",
				 "Pictures that no rung shows since the transcoder was behind",
				 "" },
	[ROOM_COST_DELAY_P50] = { METRIC_GAUGE, "souk_rung_delay_us",
				  "From a source's picture to the same one in a rung",
				  ",quantile=\"0.5\"" },
	[ROOM_COST_DELAY_P99] = { METRIC_GAUGE, "souk_rung_delay_us",
				  "From a source's picture to the same one in a rung",
				  ",quantile=\"0.99\"" },
};

struct room_cost {
	struct metric *of[ROOM_COST_KINDS];
};

struct room_cost *room_cost_find(struct map *costs, struct metrics *metrics, unsigned worker,
				 const char *room)
{
	struct room_cost *cost = map_get_str(costs, room);
	if (!cost && costs->count >= ROOM_COSTS_MAX) {
		room = ".other"; /* which no room is called */
		cost = map_get_str(costs, room);
	}
	if (cost)
		return cost;
	cost = xcalloc(1, sizeof(*cost));
	for (int i = 0; i < ROOM_COST_KINDS; i++) {
		char labels[160];
		snprintf(labels, sizeof(labels), "worker=\"%u\",room=\"%s\"%s", worker, room,
			 rows[i].label);
		cost->of[i] =
			metrics_add(metrics, rows[i].type, rows[i].name, rows[i].help, labels);
	}
	map_set_str(costs, room, cost);
	return cost;
}

void room_cost_add(struct room_cost *cost, enum room_cost_of of, uint64_t by)
{
	if (cost && by)
		metric_add(cost->of[of], (int64_t)by);
}

void room_cost_set(struct room_cost *cost, enum room_cost_of of, uint64_t value)
{
	if (cost)
		metric_set(cost->of[of], (int64_t)value);
}

void room_costs_finish(struct map *costs)
{
	map_free(costs);
}
