#include "server/admin.h"

#include "commerce/engine.h"
#include "server/app.h"
#include "server/control.h"
#include "server/core/alloc.h"
#include "server/core/bytes.h"
#include "server/core/http_server.h"
#include "server/core/listener.h"
#include "server/core/loop.h"
#include "server/core/metrics.h"
#include "server/gauges.h"
#include "server/reply.h"
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>

enum {
	METRICS_MAX = 4 * 1024 * 1024,
	STILL_US = 10 * 1000000, /* a worker whose loop was not seen for so long stands still */
	FAILED_US = 10 * 1000000, /* a store that failed is left alone for so long */
};

struct admin {
	struct app *app;
	struct http_server *http;
	struct listener *listener;
	struct house_gauges gauges;
};

static void text_reply(struct http_request *request, int status, const char *text, size_t len)
{
	struct reply_headers headers = { 0 };
	reply_add(&headers, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
	reply_add(&headers, "Cache-Control", "no-store");
	http_reply(request, status, headers.list, text, len);
}

static void reply_metrics(struct admin *admin, struct http_request *request)
{
	struct bytes text;
	bytes_init(&text, METRICS_MAX);
	house_gauges_update(&admin->gauges, admin->app);
	metrics_render(admin->app->metrics, &text);
	text_reply(request, 200, bytes_string(&text), text.len);
	bytes_finish(&text);
}

/* Why the process should be started anew, or NULL. That control turns shows by this being asked. */
static const char *dead(const struct admin *admin)
{
	const struct app *app = admin->app;
	const int64_t now_us = loop_now_us(app->loop);
	for (unsigned i = 0; i < app->worker_count; i++)
		if (now_us - atomic_load(&app->workers[i]->seen_us) > STILL_US)
			return "a worker stands still\n";
	return NULL;
}

/* Why no new clients should be sent here, or NULL. */
static const char *not_ready(const struct admin *admin)
{
	const struct app *app = admin->app;
	struct engine_stats stats;
	engine_stats(control_engine(app->control), &stats);
	if (atomic_load(&app->draining))
		return "draining\n";
	if (!stats.loaded ||
	    (stats.failed_us && loop_now_us(app->loop) - stats.failed_us < FAILED_US))
		return "store unavailable\n";
	return dead(admin);
}

static void reply_health(struct http_request *request, const char *fault)
{
	const char *text = fault ? fault : "ok\n";
	text_reply(request, fault ? 503 : 200, text, strlen(text));
}

static void on_request(struct http_request *request, void *arg)
{
	struct admin *admin = arg;
	const char *path = http_path(request);
	const char *method = http_method(request);
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		reply_problem(request, &(struct problem_text){ .status = 405,
							       .code = "method_not_allowed",
							       .allow = "GET, HEAD" });
	else if (!strcmp(path, "/livez"))
		reply_health(request, dead(admin));
	else if (!strcmp(path, "/readyz"))
		reply_health(request, not_ready(admin));
	else if (!strcmp(path, "/metrics"))
		reply_metrics(admin, request);
	else
		reply_error(request, 404, "not_found");
}

static void on_accept(int fd, const struct addr *peer, void *arg)
{
	struct admin *admin = arg;
	http_server_accept(admin->http, fd, peer, NULL);
}

int admin_create(struct admin **out, struct app *app)
{
	struct admin *admin = xcalloc(1, sizeof(*admin));
	const struct http_server_opts options = { .log = &app->log,
						  .on_request = on_request,
						  .arg = admin };
	admin->app = app;
	int err = http_server_create(&admin->http, app->loop, &options);
	if (!err)
		err = listener_create(&admin->listener, app->loop, &app->config.admin, false,
				      on_accept, admin);
	if (err) {
		char text[ADDR_TEXT];
		addr_format(&app->config.admin, text);
		log_error(&app->log, "cannot listen addr=%s reason=%s", text, strerror(-err));
		admin_destroy(admin);
		return err;
	}
	house_gauges_init(&admin->gauges, app->metrics);
	*out = admin;
	return 0;
}

const struct addr *admin_addr(const struct admin *admin)
{
	return listener_addr(admin->listener);
}

void admin_destroy(struct admin *admin)
{
	if (!admin)
		return;
	listener_destroy(admin->listener);
	http_server_destroy(admin->http);
	free(admin);
}
