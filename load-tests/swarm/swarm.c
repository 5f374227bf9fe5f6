#include "load-tests/swarm/swarm.h"

#include "load-tests/swarm/flv_viewer.h"
#include "load-tests/swarm/report.h"
#include "load-tests/swarm/scene.h"
#include "load-tests/swarm/whep_viewer.h"
#include "server/core/alloc.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
	JOIN_TICK_US = 10000,
	PROGRESS_US = 1000000,
	DRAIN_US = 10 * 1000000, /* for orders that wait for their answer at the end */
	DRAIN_TICK_US = 10000,
};

struct swarm {
	struct scene scene;
	const struct swarm_options *options;
	struct whep_viewer **whep;
	struct flv_viewer **flv;
	size_t whep_count, flv_count; /* asked to join */
	struct join_times whep_times, flv_times;
	struct buyers *buyers; /* NULL: none */
	struct timer join, progress, end;
	struct event interrupted, terminated;
	int64_t started_us;
	int64_t drain_end_us; /* 0: the run goes on */
	struct report report; /* as of the last line, at last the final one */
};

static double seconds_of(const struct swarm *swarm)
{
	return (double)(loop_now_us(swarm->scene.loop) - swarm->started_us) / 1e6;
}

/* Both kinds come in together, in proportion. */
static void on_join(void *arg)
{
	struct swarm *swarm = arg;
	const struct swarm_options *options = swarm->options;
	const size_t whep = (size_t)options->whep, flv = (size_t)options->flv;
	const double due = seconds_of(swarm) * (double)options->ramp;
	while (swarm->whep_count + swarm->flv_count < whep + flv &&
	       (double)(swarm->whep_count + swarm->flv_count) < due) {
		if (swarm->whep_count * flv <= swarm->flv_count * whep &&
		    swarm->whep_count < whep) {
			whep_viewer_create(&swarm->whep[swarm->whep_count], &swarm->scene,
					   &swarm->whep_times,
					   (int64_t)swarm->whep_count < options->decrypt);
			swarm->whep_count++;
		} else {
			flv_viewer_create(&swarm->flv[swarm->flv_count++], &swarm->scene,
					  &swarm->flv_times);
		}
	}
	if (swarm->whep_count + swarm->flv_count < whep + flv)
		timer_start(&swarm->join, JOIN_TICK_US);
}

static void take_figures(struct swarm *swarm)
{
	struct report *report = &swarm->report;
	const double before_s = report->seconds;
	const int64_t before_us = report->cpu_us;
	report->seconds = seconds_of(swarm);
	figures_of_whep(&report->whep, swarm->whep, swarm->whep_count);
	figures_of_flv(&report->flv, swarm->flv, swarm->flv_count);
	report->failures = swarm->scene.failures;
	report->cpu_us = figures_cpu_us();
	const double percent =
		(double)(report->cpu_us - before_us) / 1e4 / (report->seconds - before_s);
	/* A short last interval says little. */
	if (report->seconds - before_s > 0.5 && percent > report->busiest_percent)
		report->busiest_percent = percent;
	if (!report->all_joined_s && report->whep.joined == report->whep_wanted &&
	    report->flv.joined == report->flv_wanted)
		report->all_joined_s = report->seconds;
}

static void on_progress(void *arg)
{
	struct swarm *swarm = arg;
	struct report before = swarm->report;
	take_figures(swarm);
	report_progress(&swarm->report, &before);
	timer_start(&swarm->progress, PROGRESS_US);
}

/* Orders under way still get their answer; the viewers' account is closed at once. */
static void on_end(void *arg)
{
	struct swarm *swarm = arg;
	const int64_t now_us = loop_now_us(swarm->scene.loop);
	if (!swarm->drain_end_us) {
		take_figures(swarm);
		timer_stop(&swarm->progress);
		timer_stop(&swarm->join);
		swarm->drain_end_us = now_us + DRAIN_US;
		if (swarm->buyers)
			buyers_stop(swarm->buyers);
	}
	if (!swarm->buyers || buyers_idle(swarm->buyers) || now_us >= swarm->drain_end_us)
		loop_stop(swarm->scene.loop);
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

static int begin(struct swarm *swarm)
{
	const struct swarm_options *options = swarm->options;
	struct loop *loop = swarm->scene.loop;
	swarm->whep = xcalloc((size_t)options->whep + 1, sizeof(struct whep_viewer *));
	swarm->flv = xcalloc((size_t)options->flv + 1, sizeof(struct flv_viewer *));
	timer_init(&swarm->join, loop, on_join, swarm);
	timer_init(&swarm->progress, loop, on_progress, swarm);
	timer_init(&swarm->end, loop, on_end, swarm);
	evsignal_assign(&swarm->interrupted, loop_base(loop), SIGINT, on_signal, swarm);
	evsignal_assign(&swarm->terminated, loop_base(loop), SIGTERM, on_signal, swarm);
	evsignal_add(&swarm->interrupted, NULL);
	evsignal_add(&swarm->terminated, NULL);
	swarm->started_us = loop_now_us(loop);
	swarm->report.cpu_us = figures_cpu_us();
	const int err = options->buyers ? buyers_create(&swarm->buyers, &swarm->scene) : 0;
	if (err) {
		scene_failed(&swarm->scene, "buyer", "files: %s", strerror(-err));
		return err;
	}
	swarm->report.orders = swarm->buyers ? buyers_figures(swarm->buyers) : NULL;
	timer_start(&swarm->join, 0);
	timer_start(&swarm->progress, PROGRESS_US);
	timer_start(&swarm->end, options->duration_s * 1000000);
	return 0;
}

static void finish(struct swarm *swarm)
{
	for (size_t i = 0; i < swarm->whep_count; i++)
		whep_viewer_destroy(swarm->whep[i]);
	for (size_t i = 0; i < swarm->flv_count; i++)
		flv_viewer_destroy(swarm->flv[i]);
	buyers_destroy(swarm->buyers);
	free(swarm->whep);
	free(swarm->flv);
	event_del(&swarm->interrupted);
	event_del(&swarm->terminated);
	timer_stop(&swarm->join);
	timer_stop(&swarm->progress);
	timer_stop(&swarm->end);
}

int swarm_run(const struct swarm_options *options)
{
	struct swarm *swarm = xcalloc(1, sizeof(*swarm));
	int status = EXIT_FAILURE;
	swarm->options = options;
	swarm->report.whep_wanted = (uint64_t)options->whep;
	swarm->report.flv_wanted = (uint64_t)options->flv;
	swarm->report.buyers_wanted = (uint64_t)options->buyers;
	swarm->report.whep_times = &swarm->whep_times;
	swarm->report.flv_times = &swarm->flv_times;
	int err = scene_init(&swarm->scene, options);
	if (err) {
		fprintf(stderr, "souk-swarm: %s\n", strerror(-err));
	} else {
		err = begin(swarm);
		if (!err) {
			loop_run(swarm->scene.loop);
			err = report_write(&swarm->report, options->json);
			status = !err && report_good(&swarm->report) ? EXIT_SUCCESS : EXIT_FAILURE;
		}
		finish(swarm);
	}
	scene_finish(&swarm->scene);
	free(swarm);
	return status;
}
