#include "server/admin.h"

#include "commerce/engine.h"
#include "server/app.h"
#include "server/control.h"
#include "server/core/alloc.h"
#include "server/core/bytes.h"
#include "server/core/http_server.h"
#include "server/core/listener.h"
#include "server/core/metrics.h"
#include "server/reply.h"
#include "server/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METRICS_MAX = 4 * 1024 * 1024 };

struct admin {
	struct app *app;
	struct http_server *http;
	struct listener *listener;
	struct metric *viewers[APP_WORKERS_MAX];
	struct metric *orders, *events, *commits, *failed_commits, *rooms, *log_dropped;
};

static void text_reply(struct http_request *request, int status, const char *text, size_t len)
{
	struct reply_headers headers = { 0 };
	reply_add(&headers, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
	reply_add(&headers, "Cache-Control", "no-store");
	http_reply(request, status, headers.list, text, len);
}

static void collect(struct admin *admin)
{
	struct engine_stats stats;
	engine_stats(control_engine(admin->app->control), &stats);
	metric_set(admin->orders, (int64_t)stats.orders);
	metric_set(admin->events, (int64_t)stats.events);
	metric_set(admin->commits, (int64_t)stats.turns);
	metric_set(admin->failed_commits, (int64_t)stats.failed_turns);
	metric_set(admin->rooms, (int64_t)stats.rooms);
	metric_set(admin->log_dropped, (int64_t)logger_dropped(admin->app->logger));
	for (unsigned i = 0; i < admin->app->worker_count; i++)
		metric_set(admin->viewers[i],
			   (int64_t)atomic_load(&admin->app->workers[i]->viewers));
}

static void reply_metrics(struct admin *admin, struct http_request *request)
{
	struct bytes text;
	bytes_init(&text, METRICS_MAX);
	collect(admin);
	metrics_render(admin->app->metrics, &text);
	text_reply(request, 200, bytes_string(&text), text.len);
	bytes_finish(&text);
}

static void on_request(struct http_request *request, void *arg)
{
	struct admin *admin = arg;
	const char *path = http_path(request);
	if (!strcmp(path, "/livez"))
		text_reply(request, 200, "ok\n", 3);
	else if (!strcmp(path, "/readyz") && atomic_load(&admin->app->draining))
		text_reply(request, 503, "draining\n", 9);
	else if (!strcmp(path, "/readyz"))
		text_reply(request, 200, "ok\n", 3);
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

static void register_metrics(struct admin *admin)
{
	struct metrics *metrics = admin->app->metrics;
	char label[32];
	for (unsigned i = 0; i < admin->app->worker_count; i++) {
		snprintf(label, sizeof(label), "worker=\"%u\"", i);
		admin->viewers[i] = metrics_add(metrics, METRIC_GAUGE, "souk_viewers",
						"Media sessions now", label);
	}
	admin->orders = metrics_add(metrics, METRIC_COUNTER, "souk_orders_total",
				    "Orders placed since the start", NULL);
	admin->events = metrics_add(metrics, METRIC_COUNTER, "souk_timeline_events_total",
				    "Timeline events since the start", NULL);
	admin->commits = metrics_add(metrics, METRIC_COUNTER, "souk_store_commits_total",
				     "Durable transactions since the start", NULL);
	admin->failed_commits = metrics_add(metrics, METRIC_COUNTER, "souk_store_failures_total",
					    "Transactions that failed since the start", NULL);
	admin->rooms = metrics_add(metrics, METRIC_GAUGE, "souk_rooms", "Rooms now", NULL);
	admin->log_dropped = metrics_add(metrics, METRIC_COUNTER, "souk_log_dropped_total",
					 "Log lines dropped because the ring was full", NULL);
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
		log_error(&app->log, "cannot open the admin address reason=%s", strerror(-err));
		admin_destroy(admin);
		return err;
	}
	register_metrics(admin);
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
