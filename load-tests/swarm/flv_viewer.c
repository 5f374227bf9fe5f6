#include "load-tests/swarm/flv_viewer.h"

#include "load-tests/swarm/http_client.h"
#include "load-tests/swarm/scene.h"
#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>

struct flv_viewer {
	struct scene *scene;
	struct join_times *times;
	struct http_client *http;
	struct flv_reader reader;
	int64_t started_us;
	int64_t last_us; /* newest bytes */
	struct flv_figures figures;
};

static void take_join(struct flv_viewer *viewer, int64_t now_us)
{
	const int64_t waited_us = now_us - viewer->started_us;
	histogram_add(&viewer->times->picture, waited_us);
	if (viewer->reader.began_with_key)
		histogram_add(&viewer->times->keyframe, waited_us);
	else
		scene_failed(viewer->scene, "flv", "does not begin with a keyframe");
}

static void on_body(void *arg, const uint8_t *data, size_t len)
{
	struct flv_viewer *viewer = arg;
	const int64_t now_us = loop_now_us(viewer->scene->loop);
	const bool joined = viewer->reader.video > 0;
	if (http_client_response(viewer->http)->status != 200)
		return;
	viewer->figures.bytes += len;
	flv_reader_feed(&viewer->reader, data, len);
	if (joined && now_us - viewer->last_us > viewer->figures.silence_us)
		viewer->figures.silence_us = now_us - viewer->last_us;
	viewer->last_us = now_us;
	if (!joined && viewer->reader.video)
		take_join(viewer, now_us);
}

static void on_done(void *arg, int err)
{
	struct flv_viewer *viewer = arg;
	const int status = http_client_response(viewer->http)->status;
	viewer->figures.ended = true;
	if (err)
		scene_failed(viewer->scene, "flv", "GET: %s", strerror(-err));
	else
		scene_failed(viewer->scene, "flv", "GET: ended, status %d", status);
}

static const struct http_client_ops http_ops = { .body = on_body, .done = on_done };

void flv_viewer_create(struct flv_viewer **out, struct scene *scene, struct join_times *times)
{
	struct flv_viewer *viewer = xcalloc(1, sizeof(*viewer));
	char *path = xasprintf("/live/%s.flv", scene->options->room);
	const struct http_request_line request = {
		.method = "GET",
		.path = path,
		.token = scene->options->token,
		.headers = "",
	};
	viewer->scene = scene;
	viewer->times = times;
	viewer->started_us = loop_now_us(scene->loop);
	viewer->figures.reader = &viewer->reader;
	flv_reader_init(&viewer->reader);
	http_client_create(&viewer->http, scene->loop, &scene->options->server, &http_ops, viewer);
	http_client_start(viewer->http, &request);
	free(path);
	*out = viewer;
}

void flv_viewer_figures(const struct flv_viewer *viewer, struct flv_figures *out)
{
	*out = viewer->figures;
}

void flv_viewer_destroy(struct flv_viewer *viewer)
{
	if (!viewer)
		return;
	http_client_destroy(viewer->http);
	free(viewer);
}
