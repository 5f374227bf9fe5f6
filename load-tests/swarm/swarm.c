#include "load-tests/swarm/swarm.h"

#include "load-tests/swarm/crowd.h"
#include "load-tests/swarm/farewells.h"
#include "load-tests/swarm/media_file.h"
#include "load-tests/swarm/report.h"
#include "load-tests/swarm/stage.h"
#include "server/core/alloc.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	JOIN_TICK_US = 10000,
	SECOND_US = 1000000,
	LINES_EVERY_S = 5, /* where nobody watches a terminal */
	DRAIN_US = 10 * 1000000, /* for orders that wait for their answer at the end */
	DRAIN_TICK_US = 10000,
	REST_US = 1000,
	REST_FROM = 300, /* viewers */
	REST_AFTER_US = 5000, /* a longer turn: the next sockets are ready as it is */
	LINE_LEN = 400,
};

struct host_seat {
	const struct host_ops *ops;
	void *host;
	char *room;
};

struct swarm {
	struct scene *scene;
	const struct swarm_options *options;
	struct stage *stage;
	struct host_media media;
	struct host_seat *hosts;
	size_t host_count;
	struct crowd *crowds[REPORT_CROWDS];
	struct buyers *buyers; /* NULL: none */
	struct own_load load;
	struct timer join, second, begin, end;
	struct event interrupted, terminated;
	bool signals;
	bool terminal; /* progress is rewritten in place */
	bool rests; /* see serve() */
	bool failed; /* could not even begin */
	int64_t started_us; /* the first viewer may come */
	int64_t drain_end_us; /* 0: the run goes on */
	unsigned lines;
	struct report report; /* as of the last second, at last the final one */
	struct report told; /* as of the last line */
};

static double seconds_of(const struct swarm *swarm)
{
	return (double)(loop_now_us(swarm->scene->loop) - swarm->started_us) / 1e6;
}

/* ---- joins ---- */

/* All kinds come in together, in proportion: next is the one that is furthest behind. */
static struct crowd *next_crowd(struct swarm *swarm)
{
	struct crowd *next = NULL;
	for (int kind = 0; kind < REPORT_CROWDS; kind++) {
		struct crowd *crowd = swarm->crowds[kind];
		if (!crowd || crowd_begun(crowd) == crowd_seats(crowd))
			continue;
		if (!next ||
		    crowd_begun(crowd) * crowd_seats(next) < crowd_begun(next) * crowd_seats(crowd))
			next = crowd;
	}
	return next;
}

static void on_join(void *arg)
{
	struct swarm *swarm = arg;
	const double due = seconds_of(swarm) * (double)swarm->options->ramp;
	size_t begun = 0;
	struct crowd *crowd;
	for (int kind = 0; kind < REPORT_CROWDS; kind++)
		begun += swarm->crowds[kind] ? crowd_begun(swarm->crowds[kind]) : 0;
	while ((crowd = next_crowd(swarm)) && (double)begun++ < due)
		crowd_admit(crowd);
	if (next_crowd(swarm))
		timer_start(&swarm->join, JOIN_TICK_US);
}

/* ---- figures ---- */

struct spread_target {
	struct swarm *swarm;
	enum client_kind kind;
	enum measure what;
};

static void on_spread(void *arg, int64_t spread_us, uint32_t viewers)
{
	(void)viewers;
	const struct spread_target *target = arg;
	measure(&target->swarm->scene->measures, target->kind, target->what, spread_us);
}

static void take_figures(struct swarm *swarm)
{
	struct report *report = &swarm->report;
	bool all = true;
	for (int kind = 0; kind < REPORT_CROWDS; kind++) {
		struct crowd *crowd = swarm->crowds[kind];
		if (!crowd)
			continue;
		crowd_figures(crowd, &report->viewers[kind]);
		all &= report->viewers[kind].joined >= crowd_seats(crowd);
	}
	report->seconds = seconds_of(swarm);
	report->hosts = (struct host_figures){ 0 };
	for (size_t i = 0; i < swarm->host_count; i++)
		swarm->hosts[i].ops->add_figures(swarm->hosts[i].host, &report->hosts);
	report->cpu_us = own_load_cpu_us(&swarm->load);
	report->farewells_failed = farewells_failed(swarm->scene->farewells);
	if (!report->all_joined_s && all)
		report->all_joined_s = report->seconds;
}

static void take_second(struct swarm *swarm)
{
	struct scene *scene = swarm->scene;
	const int64_t now_us = loop_now_us(scene->loop);
	for (int kind = 0; kind < REPORT_CROWDS; kind++) {
		struct spread_target target = { swarm, (enum client_kind)kind, MEASURE_SPREAD };
		if (swarm->crowds[kind])
			crowd_second(swarm->crowds[kind]);
		frame_board_sweep(&scene->boards[kind], now_us, on_spread, &target);
	}
	struct spread_target whole = { swarm, CLIENT_WHEP, MEASURE_WHOLE_SPREAD };
	frame_board_sweep(&scene->whole, now_us, on_spread, &whole);
	own_load_second(&swarm->load, seconds_of(swarm));
	measures_turn(&scene->measures, seconds_of(swarm));
	take_figures(swarm);
}

static void tell_progress(struct swarm *swarm)
{
	char line[LINE_LEN];
	if (!swarm->terminal && ++swarm->lines % LINES_EVERY_S)
		return;
	report_line(&swarm->report, &swarm->told, line, sizeof(line));
	fprintf(stderr, swarm->terminal ? "\r\033[K%s" : "%s\n", line);
	fflush(stderr);
	memcpy(&swarm->told, &swarm->report, sizeof(swarm->told));
}

static void on_second(void *arg)
{
	struct swarm *swarm = arg;
	timer_start(&swarm->second, SECOND_US);
	take_second(swarm);
	tell_progress(swarm);
}

/* Orders under way still get their answer; the viewers' account is closed at once. */
static void on_end(void *arg)
{
	struct swarm *swarm = arg;
	const int64_t now_us = loop_now_us(swarm->scene->loop);
	if (!swarm->drain_end_us) {
		timer_stop(&swarm->second);
		timer_stop(&swarm->join);
		timer_stop(&swarm->begin);
		take_second(swarm);
		for (int kind = 0; kind < REPORT_CROWDS; kind++)
			if (swarm->crowds[kind])
				crowd_stop(swarm->crowds[kind]);
		own_load_stop(&swarm->load);
		swarm->drain_end_us = now_us + DRAIN_US;
		if (swarm->buyers)
			buyers_stop(swarm->buyers);
	}
	if (!swarm->buyers || buyers_idle(swarm->buyers) || now_us >= swarm->drain_end_us)
		loop_stop(swarm->scene->loop);
	else
		timer_start(&swarm->end, DRAIN_TICK_US);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	struct swarm *swarm = arg;
	timer_start(&swarm->end, 0);
}

/* ---- beginning ---- */

static void create_crowds(struct swarm *swarm)
{
	const struct swarm_options *options = swarm->options;
	const struct {
		const struct viewer_ops *ops;
		int64_t seats;
	} kinds[REPORT_CROWDS] = {
		[CLIENT_WHEP] = { &whep_viewer_ops, options->whep },
		[CLIENT_FLV] = { &flv_viewer_ops, options->flv },
		[CLIENT_WS] = { &ws_viewer_ops, options->ws },
	};
	for (int kind = 0; kind < REPORT_CROWDS; kind++) {
		const bool elsewhere = kind == CLIENT_WHEP && options->whep_target_count;
		const struct crowd_options wanted = {
			.scene = swarm->scene,
			.ops = kinds[kind].ops,
			.seats = (size_t)kinds[kind].seats,
			.decrypt = kind == CLIENT_WHEP ? (size_t)options->decrypt : 0,
			.targets = elsewhere ? options->whep_targets : options->targets,
			.target_count =
				elsewhere ? options->whep_target_count : options->target_count,
		};
		if (wanted.seats)
			crowd_create(&swarm->crowds[kind], &wanted);
		swarm->report.crowds[kind] = swarm->crowds[kind];
	}
}

static void create_hosts(struct swarm *swarm)
{
	const struct swarm_options *options = swarm->options;
	swarm->host_count = (size_t)(options->whip_hosts + options->rtmp_hosts);
	swarm->hosts = xcalloc(swarm->host_count + 1, sizeof(*swarm->hosts));
	for (size_t i = 0; i < swarm->host_count; i++) {
		struct host_seat *seat = &swarm->hosts[i];
		seat->room = swarm_options_room(options, i / options->target_count);
		const struct place place = {
			.target = &options->targets[i % options->target_count],
			.room = seat->room,
		};
		seat->ops = (int64_t)i < options->whip_hosts ? &whip_host_ops : &rtmp_host_ops;
		seat->host = seat->ops->create(swarm->scene, &place, &swarm->media);
	}
}

/* Hosts, if any, have had their time. */
static void on_begin(void *arg)
{
	struct swarm *swarm = arg;
	swarm->started_us = loop_now_us(swarm->scene->loop);
	if (swarm_options_buyers(swarm->options)) {
		const int err = buyers_create(&swarm->buyers, swarm->scene);
		if (err) {
			scene_failed(swarm->scene, CLIENT_BUYER, "files: %s", strerror(-err));
			swarm->failed = true;
			loop_stop(swarm->scene->loop);
			return;
		}
		swarm->report.orders = buyers_figures(swarm->buyers);
	}
	own_load_begin(&swarm->load, swarm->scene->loop);
	stage_pin(swarm->stage);
	timer_start(&swarm->join, 0);
	timer_start(&swarm->second, SECOND_US);
	timer_start(&swarm->end, swarm->options->duration_s * 1000000);
}

static void on_stage_set(void *arg)
{
	struct swarm *swarm = arg;
	create_crowds(swarm);
	create_hosts(swarm);
	timer_start(&swarm->begin, swarm->host_count ? swarm->options->lead_s * 1000000 : 0);
}

static void watch_signals(struct swarm *swarm)
{
	struct event_base *base = loop_base(swarm->scene->loop);
	evsignal_assign(&swarm->interrupted, base, SIGINT, on_signal, swarm);
	evsignal_assign(&swarm->terminated, base, SIGTERM, on_signal, swarm);
	evsignal_add(&swarm->interrupted, NULL);
	evsignal_add(&swarm->terminated, NULL);
	swarm->signals = true;
}

static int read_media(struct swarm *swarm)
{
	const struct option_list *paths = &swarm->options->media;
	for (size_t i = 0; i < paths->count && i < HOST_LAYERS_MAX; i++) {
		const char *why = "";
		const int err = media_file_read(&swarm->media.files[i], paths->items[i], &why);
		if (err) {
			fprintf(stderr, "souk-swarm: %s: %s\n", paths->items[i],
				why && why[0] ? why : strerror(-err));
			return err;
		}
		swarm->media.count++;
	}
	return 0;
}

static int prepare(struct swarm *swarm)
{
	int err = scene_create(&swarm->scene, swarm->options);
	if (err) {
		fprintf(stderr, "souk-swarm: %s\n", strerror(-err));
		return err;
	}
	struct loop *loop = swarm->scene->loop;
	timer_init(&swarm->join, loop, on_join, swarm);
	timer_init(&swarm->second, loop, on_second, swarm);
	timer_init(&swarm->begin, loop, on_begin, swarm);
	timer_init(&swarm->end, loop, on_end, swarm);
	swarm->started_us = loop_now_us(loop);
	swarm->terminal = isatty(STDERR_FILENO);
	swarm->rests = swarm->options->whep + swarm->options->flv >= REST_FROM;
	swarm->report.scene = swarm->scene;
	swarm->report.load = &swarm->load;
	err = read_media(swarm);
	if (err)
		return err;
	watch_signals(swarm);
	stage_create(&swarm->stage, swarm->scene, on_stage_set, swarm);
	return 0;
}

/* ---- end ---- */

static void finish(struct swarm *swarm)
{
	if (!swarm->scene)
		return;
	swarm->scene->closing = true;
	for (int kind = 0; kind < REPORT_CROWDS; kind++)
		crowd_destroy(swarm->crowds[kind]);
	buyers_destroy(swarm->buyers);
	for (size_t i = 0; i < swarm->host_count; i++) {
		swarm->hosts[i].ops->destroy(swarm->hosts[i].host);
		free(swarm->hosts[i].room);
	}
	free(swarm->hosts);
	for (unsigned i = 0; i < swarm->media.count; i++)
		media_file_destroy(swarm->media.files[i]);
	stage_destroy(swarm->stage);
	if (swarm->signals) {
		event_del(&swarm->interrupted);
		event_del(&swarm->terminated);
	}
	timer_stop(&swarm->join);
	timer_stop(&swarm->second);
	timer_stop(&swarm->begin);
	timer_stop(&swarm->end);
	own_load_finish(&swarm->load);
	scene_destroy(swarm->scene);
}

static int write_report(struct swarm *swarm)
{
	const struct swarm_options *options = swarm->options;
	if (swarm->terminal)
		fputc('\n', stderr);
	report_verdict(&swarm->report);
	int err = report_write_json(&swarm->report, options->json);
	if (err)
		fprintf(stderr, "souk-swarm: %s: %s\n", options->json ? options->json : "stdout",
			strerror(-err));
	const int page = options->html ? report_write_html(&swarm->report, options->html) : 0;
	if (page)
		fprintf(stderr, "souk-swarm: %s: %s\n", options->html, strerror(-page));
	return err ? err : page;
}

/*
 * A large crowd's sockets become readable one by one while the server sends; waking up for each
 * costs more than reading it. So a turn of the loop is followed by a short rest, and serves many.
 * What is measured is late by up to the rest.
 */
static void serve(struct swarm *swarm)
{
	struct event_base *base = loop_base(swarm->scene->loop);
	const struct timespec rest = { .tv_nsec = REST_US * 1000L };
	if (!swarm->rests) {
		loop_run(swarm->scene->loop);
		return;
	}
	while (!event_base_got_break(base)) {
		swarm->scene->turn_us = loop_now_us(swarm->scene->loop);
		loop_turn(swarm->scene->loop);
		if (loop_now_us(swarm->scene->loop) - swarm->scene->turn_us < REST_AFTER_US)
			clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
	}
}

int swarm_run(const struct swarm_options *options)
{
	struct swarm *swarm = xcalloc(1, sizeof(*swarm));
	int status = EXIT_FAILURE;
	swarm->options = options;
	if (!prepare(swarm)) {
		serve(swarm);
		if (!swarm->failed && !write_report(swarm))
			status = report_status(&swarm->report);
	}
	finish(swarm);
	free(swarm);
	return status;
}
