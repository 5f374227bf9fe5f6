#include "load-tests/netimp/stats.h"

#include "server/core/json.h"

#include <stdlib.h>
#include <sys/resource.h>

static int64_t cpu_us(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static json_t *json_of(const struct stats_lane *of)
{
	const struct lane_counters *counters = &of->lane->counters;
	const struct {
		const char *name;
		int64_t value;
	} members[] = {
		{ "in", (int64_t)counters->in },
		{ "in_bytes", (int64_t)counters->in_bytes },
		{ "out", (int64_t)counters->out },
		{ "out_bytes", (int64_t)counters->out_bytes },
		{ "lost", (int64_t)counters->lost },
		{ "burst_lost", (int64_t)counters->burst_lost },
		{ "duplicated", (int64_t)counters->duplicated },
		{ "reordered", (int64_t)counters->reordered },
		{ "queue_dropped", (int64_t)counters->queue_dropped },
		{ "down_dropped", (int64_t)counters->down_dropped },
		{ "full_dropped", (int64_t)counters->full_dropped },
		{ "device_dropped", of->device_dropped },
		{ "write_failed", (int64_t)of->write_failed },
		{ "queue_bytes", of->lane->queue_bytes },
		{ "in_flight", of->lane->flight.count },
		{ "late", (int64_t)counters->late },
		{ "late_max_us", counters->late_max_us },
	};
	json_t *object = json_object();
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		json_object_set_new(object, members[i].name, json_integer(members[i].value));
	return object;
}

void stats_print(const struct stats_lane lanes[2], int64_t run_us, FILE *out)
{
	json_t *object = json_object();
	json_object_set_new(object, "a->b", json_of(&lanes[0]));
	json_object_set_new(object, "b->a", json_of(&lanes[1]));
	json_object_set_new(object, "cpu_us", json_integer(cpu_us()));
	json_object_set_new(object, "run_us", json_integer(run_us));
	char *text = json_text(object);
	fprintf(out, "%s\n", text);
	free(text);
	json_decref(object);
}
