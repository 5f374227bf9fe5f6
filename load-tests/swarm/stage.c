#include "load-tests/swarm/stage.h"

#include "load-tests/swarm/http_client.h"
#include "load-tests/swarm/scene.h"
#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_US = 10 * 1000000, ANSWER_MAX = 4096, PRICE = 19900 };

/* What is asked of each room on each server. */
enum step { MAKE_ROOM, MAKE_PRODUCT, STEPS, PIN = STEPS };

struct stage {
	struct scene *scene;
	void (*set)(void *arg);
	void *arg;
	size_t target, room; /* under way */
	enum step step;
	struct http_client *http;
	struct addr server;
	struct bytes answer;
	struct timer next;
	bool pinning;
};

static void request(struct stage *stage, const char *path, char *body)
{
	const struct swarm_options *options = stage->scene->options;
	const bool pin = stage->step == PIN;
	const struct http_request_line line = {
		.method = "POST",
		.path = path,
		.token = pin && options->host_token ? options->host_token : options->admin_token,
		.headers = "Content-Type: application/json\r\n",
		.body = body,
		.body_len = strlen(body),
		.timeout_us = TIMEOUT_US,
	};
	bytes_clear(&stage->answer);
	http_client_start(stage->http, &line);
	free(body);
}

static void ask(struct stage *stage)
{
	const struct swarm_options *options = stage->scene->options;
	char *room = swarm_options_room(options, stage->room);
	char *path = NULL;
	stage->server = options->targets[stage->target].http;
	if (stage->step == MAKE_ROOM) {
		request(stage, "/api/rooms",
			xasprintf("{\"id\":\"%s\",\"guest_orders\":true}", room));
	} else if (stage->step == MAKE_PRODUCT) {
		path = xasprintf("/api/rooms/%s/products", room);
		request(stage, path,
			xasprintf("{\"sku\":\"%s\",\"title\":\"%s\",\"price\":{\"minor\":%d,"
				  "\"cur\":\"CNY\"},\"stock\":%lld}",
				  options->sku, options->sku, PRICE, (long long)options->stock));
	} else {
		path = xasprintf("/api/rooms/%s/pin", room);
		request(stage, path, xasprintf("{\"sku\":\"%s\"}", options->sku));
	}
	free(path);
	free(room);
}

/* Connections are kept between requests to one server. */
static void advance_place(struct stage *stage)
{
	const struct swarm_options *options = stage->scene->options;
	stage->room = (stage->room + 1) % (size_t)options->rooms;
	if (!stage->room)
		stage->target = (stage->target + 1) % options->target_count;
}

static bool at_start(const struct stage *stage)
{
	return !stage->room && !stage->target;
}

static void on_done(void *arg, int err);
static void on_body(void *arg, const uint8_t *data, size_t len)
{
	struct stage *stage = arg;
	bytes_put(&stage->answer, data, len);
}

static const struct http_client_ops http_ops = { .body = on_body, .done = on_done };

/* Another server needs another connection. */
static void connect_anew(struct stage *stage)
{
	http_client_destroy(stage->http);
	http_client_create(&stage->http, stage->scene->loop, &stage->server, &http_ops, stage);
}

static void pin_next(struct stage *stage)
{
	const struct swarm_options *options = stage->scene->options;
	const int64_t rooms = options->rooms * (int64_t)options->target_count;
	advance_place(stage);
	timer_start(&stage->next, options->pin_every_s * 1000000 / rooms);
}

static void on_done(void *arg, int err)
{
	struct stage *stage = arg;
	const int status = http_client_response(stage->http)->status;
	/* 409: it is there already. */
	if (err || (status / 100 != 2 && (status != 409 || stage->step == PIN)))
		scene_failed(stage->scene, CLIENT_HOST, "%s: status %d: %.200s",
			     stage->step == PIN ? "pin" : "room and product", err ? err : status,
			     bytes_string(&stage->answer));
	if (stage->step == PIN) {
		pin_next(stage);
		return;
	}
	stage->step++;
	if (stage->step == STEPS) {
		stage->step = MAKE_ROOM;
		advance_place(stage);
		if (at_start(stage)) {
			stage->set(stage->arg);
			return;
		}
	}
	timer_start(&stage->next, 0);
}

static void on_next(void *arg)
{
	struct stage *stage = arg;
	if (!stage->scene->options->admin_token && !stage->pinning) {
		stage->set(stage->arg);
		return;
	}
	if (stage->pinning)
		stage->step = PIN;
	stage->server = stage->scene->options->targets[stage->target].http;
	connect_anew(stage);
	ask(stage);
}

void stage_create(struct stage **out, struct scene *scene, void (*set)(void *arg), void *arg)
{
	struct stage *stage = xcalloc(1, sizeof(*stage));
	stage->scene = scene;
	stage->set = set;
	stage->arg = arg;
	bytes_init(&stage->answer, ANSWER_MAX);
	timer_init(&stage->next, scene->loop, on_next, stage);
	timer_start(&stage->next, 0);
	*out = stage;
}

void stage_pin(struct stage *stage)
{
	const struct swarm_options *options = stage->scene->options;
	if (!options->pin_every_s)
		return;
	stage->pinning = true;
	timer_start(&stage->next, options->pin_every_s * 1000000);
}

void stage_destroy(struct stage *stage)
{
	if (!stage)
		return;
	timer_stop(&stage->next);
	http_client_destroy(stage->http);
	bytes_finish(&stage->answer);
	free(stage);
}
