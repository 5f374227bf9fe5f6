/* An HTTP-FLV viewer: reads the stream as fast as it comes and counts. */
#include "load-tests/swarm/event_watch.h"
#include "load-tests/swarm/flv_reader.h"
#include "load-tests/swarm/freeze.h"
#include "load-tests/swarm/http_client.h"
#include "load-tests/swarm/viewer.h"
#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { SETTLED_US = 3000000 /* the cached group of a join is no live picture */ };

struct flv_viewer {
	struct scene *scene;
	struct place place;
	struct http_client *http;
	struct flv_reader reader;
	struct freeze freeze;
	struct stream_clock clock;
	struct event_watch watch;
	int64_t started_us, joined_us; /* 0: no picture yet */
	int64_t now_us; /* of the bytes being read */
	uint64_t bytes;
	bool ended;
	/* at the end of the last second */
	uint64_t frames_before, gaps_before;
	int64_t frozen_before_us;
};

static void on_event_error(void *arg, int64_t error_us)
{
	struct flv_viewer *viewer = arg;
	measure(&viewer->scene->measures, CLIENT_FLV, MEASURE_EVENT, error_us);
}

static void take_join(struct flv_viewer *viewer, bool key)
{
	viewer->joined_us = viewer->now_us;
	measure(&viewer->scene->measures, CLIENT_FLV, MEASURE_JOIN,
		viewer->now_us - viewer->started_us);
	if (!key)
		scene_failed(viewer->scene, CLIENT_FLV, "does not begin with a keyframe");
}

static void on_frame(void *arg, uint32_t ms, bool key)
{
	struct flv_viewer *viewer = arg;
	struct scene *scene = viewer->scene;
	const int64_t capture_us = stream_clock_of_ms(&viewer->clock, ms);
	if (!viewer->joined_us)
		take_join(viewer, key);
	freeze_frame(&viewer->freeze, viewer->now_us);
	if (capture_us) {
		const struct event_report report = { on_event_error, viewer };
		event_watch_picture(&viewer->watch, capture_us, &report);
	}
	if (viewer->now_us - viewer->joined_us < SETTLED_US)
		return;
	if (capture_us)
		measure(&scene->measures, CLIENT_FLV, MEASURE_AGE,
			viewer->now_us + scene->clock.utc_offset_us - capture_us);
	scene_frame(scene, CLIENT_FLV, &viewer->place, ms, viewer->now_us);
}

static void on_message(void *arg, const char *text, size_t len)
{
	struct flv_viewer *viewer = arg;
	struct scene *scene = viewer->scene;
	const struct event_report report = { on_event_error, viewer };
	const struct live_batch *batch = message_book_read(scene->book, text, len);
	if (batch->bad)
		scene_failed(scene, CLIENT_FLV, "a live message that cannot be read");
	for (size_t i = 0; i < batch->count && i < MESSAGE_BATCH_MAX; i++) {
		const struct live_item *item = &batch->items[i];
		if (item->kind == LIVE_CLOCK && item->clock.known)
			viewer->clock = item->clock;
		if (item->kind == LIVE_EVENT && item->seq > viewer->watch.seq && viewer->watch.seq)
			measure(&scene->measures, CLIENT_FLV, MEASURE_EVENT_DELAY,
				viewer->now_us + scene->clock.utc_offset_us - item->at_us);
		event_watch_item(&viewer->watch, item, &report);
	}
}

static const struct flv_reader_ops reader_ops = { .frame = on_frame, .message = on_message };

static void on_body(void *arg, const uint8_t *data, size_t len)
{
	struct flv_viewer *viewer = arg;
	if (http_client_response(viewer->http)->status != 200)
		return;
	viewer->now_us = scene_now_us(viewer->scene);
	viewer->bytes += len;
	flv_reader_feed(&viewer->reader, data, len);
}

static void on_done(void *arg, int err)
{
	struct flv_viewer *viewer = arg;
	const int status = http_client_response(viewer->http)->status;
	viewer->ended = true;
	if (err)
		scene_failed(viewer->scene, CLIENT_FLV, "GET: %s", strerror(-err));
	else
		scene_failed(viewer->scene, CLIENT_FLV, "GET: ended, status %d", status);
}

static const struct http_client_ops http_ops = { .body = on_body, .done = on_done };

static void *create(struct scene *scene, const struct place *place)
{
	struct flv_viewer *viewer = xcalloc(1, sizeof(*viewer));
	char *path = xasprintf("/live/%s.flv", place->room);
	const struct http_request_line request = {
		.method = "GET",
		.path = path,
		.token = scene->options->token,
		.headers = "",
	};
	viewer->scene = scene;
	viewer->place = *place;
	viewer->started_us = scene_now_us(scene);
	flv_reader_init(&viewer->reader, &reader_ops, viewer);
	http_client_create(&viewer->http, scene->loop, &place->target->http, &http_ops, viewer);
	if (place->vanish)
		http_client_reset_at_end(viewer->http);
	http_client_start(viewer->http, &request);
	free(path);
	return viewer;
}

static void second(void *arg, int64_t now_us)
{
	struct flv_viewer *viewer = arg;
	struct measures *measures = &viewer->scene->measures;
	const struct flv_reader *reader = &viewer->reader;
	if (!viewer->joined_us || viewer->ended)
		return;
	const int64_t frozen_us = freeze_until(&viewer->freeze, now_us);
	const int64_t stood_us = frozen_us - viewer->frozen_before_us;
	const uint64_t frames = reader->video - viewer->frames_before;
	const uint64_t gaps = reader->gaps - viewer->gaps_before;
	if (frames)
		measure(measures, CLIENT_FLV, MEASURE_LOSS, (int64_t)(gaps * 1000000 / frames));
	measure(measures, CLIENT_FLV, MEASURE_FREEZE, stood_us < 1000000 ? stood_us : 1000000);
	viewer->frames_before = reader->video;
	viewer->gaps_before = reader->gaps;
	viewer->frozen_before_us = frozen_us;
}

static void add_figures(const void *arg, struct viewer_figures *sum, int64_t now_us)
{
	const struct flv_viewer *viewer = arg;
	const struct flv_reader *reader = &viewer->reader;
	sum->asked++;
	sum->joined += viewer->joined_us != 0;
	sum->waiting += !viewer->joined_us && !viewer->ended &&
			now_us - viewer->started_us < VIEWER_WAIT_US;
	sum->ended += viewer->ended || reader->bad;
	sum->units += reader->video;
	sum->bytes += viewer->bytes;
	sum->lost += reader->gaps;
	sum->expected += reader->video;
	sum->misordered += reader->backward;
	sum->messages += reader->scripts;
	sum->events += viewer->watch.events;
	sum->event_gaps += viewer->watch.gaps;
	if (!viewer->joined_us)
		return;
	sum->frames += viewer->freeze.frames;
	sum->freezes += viewer->freeze.count;
	sum->frozen_us += freeze_until(&viewer->freeze, now_us);
	sum->watched_us += now_us - viewer->joined_us;
	histogram_add(&sum->silence, viewer->freeze.longest_us);
	histogram_add(&sum->key_join, viewer->joined_us - viewer->started_us);
}

static bool ended(const void *arg)
{
	const struct flv_viewer *viewer = arg;
	return viewer->ended;
}

static void destroy(void *arg, bool vanish)
{
	(void)vanish; /* the connection knows since it was made */
	struct flv_viewer *viewer = arg;
	http_client_destroy(viewer->http);
	flv_reader_finish(&viewer->reader);
	free(viewer);
}

const struct viewer_ops flv_viewer_ops = {
	.kind = CLIENT_FLV,
	.create = create,
	.second = second,
	.add_figures = add_figures,
	.ended = ended,
	.destroy = destroy,
};
