#include "load-tests/swarm/report.h"

#include "server/core/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* From here on the swarm, not the server, may be what is measured. */
static const double BOTTLENECK_PERCENT = 90;

static double ms(int64_t us)
{
	return (double)us / 1000;
}

static void print_viewers(const char *name, uint64_t wanted, const struct viewer_figures *now,
			  const struct viewer_figures *before, double seconds)
{
	if (!wanted)
		return;
	fprintf(stderr, " | %s %llu/%llu %.0f/s %.1f Mbit/s lost %llu", name,
		(unsigned long long)now->joined, (unsigned long long)wanted,
		(double)(now->units - before->units) / seconds,
		(double)(now->bytes - before->bytes) * 8 / 1e6 / seconds,
		(unsigned long long)now->lost);
	if (now->ended)
		fprintf(stderr, " ended %llu", (unsigned long long)now->ended);
}

void report_progress(const struct report *now, const struct report *before)
{
	const double seconds = now->seconds - before->seconds;
	fprintf(stderr, "%4.0f s", now->seconds);
	print_viewers("whep", now->whep_wanted, &now->whep, &before->whep, seconds);
	print_viewers("flv", now->flv_wanted, &now->flv, &before->flv, seconds);
	if (now->orders)
		fprintf(stderr, " | orders %llu/%llu p99 %.1f ms",
			(unsigned long long)now->orders->acknowledged,
			(unsigned long long)now->orders->issued,
			ms(histogram_percentile(&now->orders->latency, 99)));
	fprintf(stderr, " | cpu %.0f %%\n", (double)(now->cpu_us - before->cpu_us) / 1e4 / seconds);
}

static bool viewers_good(const struct viewer_figures *figures, uint64_t wanted)
{
	return figures->joined == wanted && !figures->ended && !figures->lost &&
	       !figures->misordered;
}

static bool orders_good(const struct report *report)
{
	const struct order_figures *orders = report->orders;
	return !orders || (orders->buyers_ready == report->buyers_wanted && orders->issued > 0 &&
			   orders->acknowledged == orders->issued);
}

bool report_good(const struct report *report)
{
	return viewers_good(&report->whep, report->whep_wanted) &&
	       viewers_good(&report->flv, report->flv_wanted) && orders_good(report);
}

static json_t *times(const struct histogram *histogram)
{
	return json_pack("{s:I, s:f, s:f, s:f}", "count", (json_int_t)histogram->count, "p50",
			 ms(histogram_percentile(histogram, 50)), "p99",
			 ms(histogram_percentile(histogram, 99)), "max", ms(histogram->max_us));
}

static void set_count(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

/* Names of what WebRTC and FLV viewers count each in their own way. */
struct names {
	const char *units, *lost, *misordered, *messages;
};
static const struct names whep_names = { "packets", "lost", "repeated", "messages" };
static const struct names flv_names = { "frames", "gaps", "backward", "script_tags" };

static json_t *viewers_json(const struct viewer_figures *figures, uint64_t wanted,
			    const struct join_times *joins, const struct names *names)
{
	json_t *object = json_object();
	set_count(object, "wanted", wanted);
	set_count(object, "joined", figures->joined);
	set_count(object, "ended", figures->ended);
	set_count(object, names->units, figures->units);
	set_count(object, "bytes", figures->bytes);
	set_count(object, names->lost, figures->lost);
	set_count(object, names->misordered, figures->misordered);
	set_count(object, names->messages, figures->messages);
	set_count(object, "receive_drops", figures->receive_drops);
	json_object_set_new(object, "join_ms", times(&joins->picture));
	json_object_set_new(object, "join_keyframe_ms", times(&joins->keyframe));
	json_object_set_new(object, "longest_silence_ms", times(&figures->silence));
	return object;
}

static json_t *orders_json(const struct order_figures *orders)
{
	json_t *object = json_object(), *statuses = json_object();
	for (int i = 0; i < BUYERS_STATUSES; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%d", i);
		if (orders->statuses[i])
			set_count(statuses, name, orders->statuses[i]);
	}
	set_count(object, "buyers", orders->buyers_ready);
	set_count(object, "issued", orders->issued);
	set_count(object, "acknowledged", orders->acknowledged);
	set_count(object, "refused", orders->refused);
	set_count(object, "sent_again", orders->sent_again);
	set_count(object, "replayed", orders->replayed);
	set_count(object, "lost_connections", orders->lost_connections);
	json_object_set_new(object, "statuses", statuses);
	json_object_set_new(object, "latency_ms", times(&orders->latency));
	return object;
}

static json_t *swarm_json(const struct report *report)
{
	const bool bottleneck =
		report->busiest_percent > BOTTLENECK_PERCENT || report->whep.receive_drops > 0;
	return json_pack("{s:f, s:f, s:f, s:b}", "cpu_s", (double)report->cpu_us / 1e6,
			 "cpu_percent", (double)report->cpu_us / 1e4 / report->seconds,
			 "busiest_second_percent", report->busiest_percent, "bottleneck",
			 bottleneck);
}

int report_write(const struct report *report, const char *path)
{
	json_t *object = json_object();
	json_object_set_new(object, "good", json_boolean(report_good(report)));
	json_object_set_new(object, "seconds", json_real(report->seconds));
	json_object_set_new(object, "all_joined_s", json_real(report->all_joined_s));
	set_count(object, "failures", report->failures);
	if (report->whep_wanted)
		json_object_set_new(object, "whep",
				    viewers_json(&report->whep, report->whep_wanted,
						 report->whep_times, &whep_names));
	if (report->flv_wanted)
		json_object_set_new(object, "flv",
				    viewers_json(&report->flv, report->flv_wanted,
						 report->flv_times, &flv_names));
	if (report->orders)
		json_object_set_new(object, "orders", orders_json(report->orders));
	json_object_set_new(object, "swarm", swarm_json(report));
	FILE *out = path ? fopen(path, "w") : stdout;
	int err = out ? 0 : -errno;
	if (out && json_dumpf(object, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6)))
		err = -EIO;
	if (out && (fputc('\n', out) == EOF || (path ? fclose(out) : fflush(out))))
		err = -EIO;
	json_decref(object);
	return err;
}
