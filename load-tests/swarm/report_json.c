#include "load-tests/swarm/crowd.h"
#include "load-tests/swarm/report.h"
#include "server/core/json.h"

#include <errno.h>
#include <stdio.h>

static double ms(int64_t us)
{
	return (double)us / 1000;
}

static void set_count(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void set_real(json_t *object, const char *name, double value)
{
	json_object_set_new(object, name, json_real(value));
}

static json_t *times(const struct histogram *histogram)
{
	return json_pack("{s:I, s:f, s:f, s:f, s:f}", "count", (json_int_t)histogram->count, "p50",
			 ms(histogram_percentile(histogram, 50)), "p90",
			 ms(histogram_percentile(histogram, 90)), "p99",
			 ms(histogram_percentile(histogram, 99)), "max", ms(histogram->max_us));
}

/* Names of what the kinds of viewers count each in their own way. */
struct names {
	const char *units, *lost, *misordered, *messages;
};
static const struct names names_of[REPORT_CROWDS] = {
	[CLIENT_WHEP] = { "packets", "lost", "repeated", "messages" },
	[CLIENT_FLV] = { "frames", "gaps", "backward", "script_tags" },
	[CLIENT_WS] = { "messages", NULL, NULL, NULL },
};

static json_t *door_json(const struct report *report)
{
	const struct measures *measures = &report->scene->measures;
	const struct scene_door *door = &report->scene->door;
	const double span_s = (double)(door->connected_us - door->asked_us) / 1e6;
	json_t *object = json_object();
	set_count(object, "admitted", door->admitted);
	set_count(object, "admitted_before_refusal", door->admitted_before);
	set_count(object, "refused", door->refused);
	set_count(object, "refused_without_retry_after", door->refused_bare);
	set_count(object, "connected", door->connected);
	set_count(object, "frame_within_1s", door->in_time);
	set_real(object, "connected_per_second", span_s > 0 ? (double)door->connected / span_s : 0);
	json_object_set_new(object, "connect_ms",
			    times(&measures->of[CLIENT_WHEP][MEASURE_CONNECT].whole));
	json_object_set_new(object, "first_frame_ms",
			    times(&measures->of[CLIENT_WHEP][MEASURE_FRAME].whole));
	json_object_set_new(object, "refusal_ms",
			    times(&measures->of[CLIENT_WHEP][MEASURE_REFUSAL].whole));
	return object;
}

static json_t *viewers_json(const struct report *report, enum client_kind kind)
{
	const struct viewer_figures *figures = &report->viewers[kind];
	const struct crowd *crowd = report->crowds[kind];
	const struct names *names = &names_of[kind];
	json_t *object = json_object();
	set_count(object, "wanted", crowd_seats(crowd));
	set_count(object, "asked", figures->asked);
	set_count(object, "joined", figures->joined);
	set_count(object, "ended", figures->ended);
	set_count(object, "left", crowd_left(crowd));
	set_count(object, "vanished", crowd_vanished(crowd));
	set_count(object, "failed", report->scene->failed[kind]);
	set_count(object, "bytes", figures->bytes);
	set_count(object, names->units, figures->units);
	set_count(object, "events", figures->events);
	set_count(object, "event_gaps", figures->event_gaps);
	json_object_set_new(object, "join_ms",
			    times(&report->scene->measures.of[kind][MEASURE_JOIN].whole));
	if (kind == CLIENT_WS)
		return object;
	set_count(object, names->lost, figures->lost);
	set_count(object, names->misordered, figures->misordered);
	set_count(object, names->messages, figures->messages);
	set_count(object, "whole_frames", figures->frames);
	set_count(object, "freezes", figures->freezes);
	set_real(object, "frozen_s", (double)figures->frozen_us / 1e6);
	set_real(object, "watched_s", (double)figures->watched_us / 1e6);
	set_count(object, "receive_drops", figures->receive_drops);
	if (kind == CLIENT_WHEP) {
		set_count(object, "nacked", figures->nacked);
		set_count(object, "repaired", figures->repaired);
		json_object_set_new(object, "door", door_json(report));
	}
	json_object_set_new(object, "join_keyframe_ms", times(&figures->key_join));
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

static json_t *hosts_json(const struct host_figures *hosts)
{
	json_t *object = json_object();
	set_count(object, "wanted", hosts->wanted);
	set_count(object, "live", hosts->live);
	set_count(object, "connections", hosts->connections);
	set_count(object, "frames", hosts->frames);
	set_count(object, "bytes", hosts->bytes);
	set_count(object, "nacked", hosts->nacked);
	return object;
}

static json_t *swarm_json(const struct report *report)
{
	const struct own_load *load = report->load;
	json_t *object = json_object();
	set_real(object, "cpu_s", (double)report->cpu_us / 1e6);
	set_real(object, "cpu_percent", (double)report->cpu_us / 1e4 / report->seconds);
	set_real(object, "busiest_second_percent", load->busiest_percent);
	json_object_set_new(object, "lag_ms", times(&load->lag.whole));
	set_count(object, "receive_drops", report->viewers[CLIENT_WHEP].receive_drops);
	json_object_set_new(object, "bottleneck", json_boolean(report_bottleneck(report)));
	return object;
}

static json_t *limits_json(const struct report *report)
{
	json_t *list = json_array();
	for (int id = 0; id < LIMITS; id++) {
		const struct limit_verdict verdict = report_judge(report, (enum limit_id)id);
		if (verdict.checked)
			json_array_append_new(
				list, json_pack("{s:s, s:f, s:f, s:b}", "name",
						limit_names[id].option, "bound", verdict.bound,
						"figure", verdict.figure, "held", verdict.held));
	}
	return list;
}

/* ---- measures by the second ---- */

static json_t *series_json(const struct series *series, bool share)
{
	const double scale = share ? 1e4 : 1e3; /* to percent, to milliseconds */
	const struct histogram *whole = &series->whole;
	json_t *points = json_array();
	for (size_t i = 0; i < series->count; i++) {
		const struct series_point *point = &series->points[i];
		json_array_append_new(
			points,
			json_pack("[f, I, f, f, f, f]", point->at_s, (json_int_t)point->count,
				  (double)point->p50 / scale, (double)point->p90 / scale,
				  (double)point->p99 / scale, (double)point->max / scale));
	}
	return json_pack("{s:I, s:f, s:f, s:f, s:f, s:o}", "count", (json_int_t)whole->count, "p50",
			 (double)histogram_percentile(whole, 50) / scale, "p90",
			 (double)histogram_percentile(whole, 90) / scale, "p99",
			 (double)histogram_percentile(whole, 99) / scale, "max",
			 (double)whole->max_us / scale, "seconds", points);
}

static json_t *measures_json(const struct report *report)
{
	json_t *object = json_object();
	json_object_set_new(
		object, "columns",
		json_pack("[s, s, s, s, s, s]", "at_s", "count", "p50", "p90", "p99", "max"));
	for (int kind = 0; kind < CLIENT_KINDS; kind++) {
		json_t *of_kind = json_object();
		for (int what = 0; what < MEASURES; what++) {
			const struct series *series = &report->scene->measures.of[kind][what];
			if (series->whole.count)
				json_object_set_new(of_kind, measure_names[what].id,
						    series_json(series, measure_names[what].share));
		}
		if (json_object_size(of_kind))
			json_object_set_new(object, client_names[kind], of_kind);
		else
			json_decref(of_kind);
	}
	return object;
}

/* ---- proof ---- */

static json_t *count_json(const struct viewer_proof *proof, bool full)
{
	json_t *object = json_object();
	set_count(object, "lost", proof->lost);
	set_count(object, "frames", proof->frames);
	set_count(object, "freezes", proof->freezes);
	set_real(object, "frozen_ms", ms(proof->frozen_us));
	if (!full)
		return object;
	set_count(object, "keyframes", proof->keyframes);
	set_count(object, "broken", proof->broken);
	set_count(object, "undecodable", proof->undecodable);
	set_count(object, "frame_num_gaps", proof->number_gaps);
	set_count(object, "malformed", proof->malformed);
	return object;
}

static json_t *proof_json(const struct report *report)
{
	const struct report_proof sum = report_proof(report);
	struct viewer_proof cheap, full;
	json_t *list = json_array();
	size_t at = 0;
	while (crowd_proof(report->crowds[CLIENT_WHEP], &at, &cheap, &full))
		json_array_append_new(list, json_pack("{s:I, s:o, s:o}", "packets",
						      (json_int_t)full.packets, "cheap",
						      count_json(&cheap, false), "full",
						      count_json(&full, true)));
	return json_pack("{s:I, s:f, s:f, s:f, s:I, s:I, s:o}", "viewers", (json_int_t)sum.viewers,
			 "loss_differs_percent", sum.loss, "frames_differ_percent", sum.frames,
			 "freeze_differs_percent", sum.freeze, "cheap_frames",
			 (json_int_t)sum.cheap_frames, "full_frames", (json_int_t)sum.full_frames,
			 "each", list);
}

static json_t *whole_json(const struct report *report)
{
	const struct scene *scene = report->scene;
	json_t *object = json_object();
	json_object_set_new(object, "good", json_boolean(report_status(report) == REPORT_HELD));
	set_real(object, "seconds", report->seconds);
	set_real(object, "all_joined_s", report->all_joined_s);
	set_count(object, "failures", scene->failures);
	json_object_set_new(object, "limits", limits_json(report));
	for (int kind = 0; kind < REPORT_CROWDS; kind++)
		if (report->crowds[kind])
			json_object_set_new(object, client_names[kind],
					    viewers_json(report, (enum client_kind)kind));
	if (report->hosts.wanted)
		json_object_set_new(object, "hosts", hosts_json(&report->hosts));
	if (report->orders)
		json_object_set_new(object, "orders", orders_json(report->orders));
	json_object_set_new(object, "swarm", swarm_json(report));
	if (report->crowds[CLIENT_WHEP])
		json_object_set_new(object, "proof", proof_json(report));
	json_object_set_new(object, "measures", measures_json(report));
	return object;
}

int report_write_json(const struct report *report, const char *path)
{
	json_t *object = whole_json(report);
	FILE *out = path ? fopen(path, "we") : stdout;
	int err = out ? 0 : -errno;
	if (out && json_dumpf(object, out, JSON_INDENT(1) | JSON_REAL_PRECISION(6)))
		err = -EIO;
	if (out && (fputc('\n', out) == EOF || (path ? fclose(out) : fflush(out))))
		err = -EIO;
	json_decref(object);
	return err;
}
