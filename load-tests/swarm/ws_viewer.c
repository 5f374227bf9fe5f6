/* A client that follows the live messages of a room by WebSocket, without a picture. */
#include "load-tests/swarm/event_watch.h"
#include "load-tests/swarm/viewer.h"
#include "load-tests/swarm/ws_client.h"
#include "server/core/alloc.h"

#include <stdlib.h>

struct ws_viewer {
	struct scene *scene;
	struct ws_client *client;
	struct event_watch watch;
	int64_t started_us, joined_us; /* joined: `state` came */
	uint64_t messages, bytes;
	bool ended;
};

static void on_opened(void *arg)
{
	(void)arg;
}

static void no_error(void *arg, int64_t error_us)
{
	(void)arg;
	(void)error_us;
}

static void on_message(void *arg, const char *text, size_t len)
{
	struct ws_viewer *viewer = arg;
	struct scene *scene = viewer->scene;
	const struct event_report report = { no_error, viewer };
	const int64_t now_us = loop_now_us(scene->loop);
	const struct live_batch *batch = message_book_read(scene->book, text, len);
	viewer->messages++;
	viewer->bytes += len;
	if (batch->bad)
		scene_failed(scene, CLIENT_WS, "a live message that cannot be read");
	for (size_t i = 0; i < batch->count && i < MESSAGE_BATCH_MAX; i++) {
		const struct live_item *item = &batch->items[i];
		if (item->kind == LIVE_STATE && !viewer->joined_us) {
			viewer->joined_us = now_us;
			measure(&scene->measures, CLIENT_WS, MEASURE_JOIN,
				now_us - viewer->started_us);
		}
		if (item->kind == LIVE_EVENT && item->seq > viewer->watch.seq && viewer->joined_us)
			measure(&scene->measures, CLIENT_WS, MEASURE_EVENT_DELAY,
				now_us + scene->clock.utc_offset_us - item->at_us);
		event_watch_item(&viewer->watch, item, &report);
	}
}

static void on_ended(void *arg, const char *why)
{
	struct ws_viewer *viewer = arg;
	viewer->ended = true;
	scene_failed(viewer->scene, CLIENT_WS, "%s", why);
}

static const struct ws_client_ops client_ops = {
	.opened = on_opened,
	.message = on_message,
	.ended = on_ended,
};

static void *create(struct scene *scene, const struct place *place)
{
	struct ws_viewer *viewer = xcalloc(1, sizeof(*viewer));
	const struct ws_client_options options = {
		.server = &place->target->http,
		.room = place->room,
		.token = scene->options->token,
		.reset = place->vanish,
		.ops = &client_ops,
		.arg = viewer,
	};
	viewer->scene = scene;
	viewer->started_us = loop_now_us(scene->loop);
	ws_client_create(&viewer->client, scene->loop, &options);
	return viewer;
}

static void second(void *arg, int64_t now_us)
{
	(void)arg;
	(void)now_us;
}

static void add_figures(const void *arg, struct viewer_figures *sum, int64_t now_us)
{
	const struct ws_viewer *viewer = arg;
	sum->asked++;
	sum->joined += viewer->joined_us != 0;
	sum->waiting += !viewer->joined_us && !viewer->ended &&
			now_us - viewer->started_us < VIEWER_WAIT_US;
	sum->ended += viewer->ended;
	sum->units += viewer->messages;
	sum->messages += viewer->messages;
	sum->bytes += viewer->bytes;
	sum->events += viewer->watch.events;
	sum->event_gaps += viewer->watch.gaps;
}

static bool ended(const void *arg)
{
	const struct ws_viewer *viewer = arg;
	return viewer->ended;
}

static void destroy(void *arg, bool vanish)
{
	(void)vanish; /* the connection knows since it was made */
	struct ws_viewer *viewer = arg;
	ws_client_destroy(viewer->client);
	free(viewer);
}

const struct viewer_ops ws_viewer_ops = {
	.kind = CLIENT_WS,
	.create = create,
	.second = second,
	.add_figures = add_figures,
	.ended = ended,
	.destroy = destroy,
};
