/* Where a room's show is pushed to besides its viewers: asked and set by its host. */
#include "server/api.h"

#include "server/control.h"
#include "server/control_parts.h"
#include "server/control_room.h"
#include "server/core/alloc.h"
#include "server/relay_book.h"
#include "server/relay_home.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Travels from the worker that was asked to control, when something is to be set over the disk, to
 * the room's home, and back. */
struct relay_ask {
	struct call call;
	struct http_request *request; /* NULL once the client has gone */
	char room[NAME_MAX_LEN + 1];
	bool sees_keys;
	bool sets;
	struct relay_list list;
	struct relay_page *page; /* to be written */
	struct worker *home;
	int err;
	struct relay_report reports[RELAYS_MAX];
	size_t count;
};

static void on_home(struct call *call)
{
	struct relay_ask *ask = list_entry(call, struct relay_ask, call);
	struct room_view *view = room_view_find(ask->home, ask->room);
	if (!view)
		ask->err = -ENOENT;
	else if (ask->sets)
		relay_home_set(view, &ask->list);
	if (view)
		ask->count = relay_home_report(view, ask->reports);
	call_return(call);
}

static void on_disk(struct call *call)
{
	struct relay_ask *ask = list_entry(call, struct relay_ask, call);
	ask->err = relay_page_write(ask->page);
	ask->page = NULL;
	call_pass(call, ask->home->queue, on_home);
}

static void on_control(struct call *call)
{
	struct relay_ask *ask = list_entry(call, struct relay_ask, call);
	struct control *control = call->app->control;
	struct relay_book *book = control_parts(control)->relays;
	const struct control_room *room = control_room_find(control, ask->room);
	struct mqueue *disk = ask->sets ? relay_book_disk(book) : NULL;
	if (!room)
		ask->err = -ENOENT;
	else if (ask->sets)
		ask->err = disk ? relay_book_set(book, ask->room, &ask->list) : -EIO;
	if (ask->err) {
		call_return(call);
		return;
	}
	ask->home = room->home;
	if (ask->sets) {
		ask->page = relay_book_page(book);
		call_pass(call, disk, on_disk);
	} else {
		call_pass(call, ask->home->queue, on_home);
	}
}

static json_t *report_json(const struct relay_ask *ask, const struct relay_report *report)
{
	static const char *const states[] = { "off", "connecting", "connected", "waiting" };
	char masked[RELAY_URL_MAX + 8];
	relay_url_mask(&report->url, masked);
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:s?}", "url",
			 ask->sees_keys ? report->url.text : masked, "state",
			 states[report->status.state], "since_us",
			 (json_int_t)report->status.since_us, "bytes",
			 (json_int_t)report->status.bytes, "reconnects",
			 (json_int_t)report->status.reconnects, "error",
			 report->status.error[0] ? report->status.error : NULL);
}

static void reply(const struct relay_ask *ask)
{
	if (ask->err == -ENOENT) {
		reply_error(ask->request, 404, "not_found");
		return;
	}
	if (ask->err) {
		reply_problem(ask->request,
			      &(struct problem_text){ .status = 503,
						      .code = ask->err == -ENOBUFS
								      ? "overloaded"
								      : "store_unavailable",
						      .retry_after_s = 5 });
		return;
	}
	json_t *items = json_array();
	for (size_t i = 0; i < ask->count; i++)
		json_array_append_new(items, report_json(ask, &ask->reports[i]));
	json_t *body = json_pack("{s:o}", "items", items);
	char *text = json_text(body);
	reply_json_text(ask->request, 200, text, strlen(text));
	free(text);
	json_decref(body);
}

static void discard(struct relay_ask *ask)
{
	relay_page_destroy(ask->page);
	for (size_t i = 0; i < ask->count; i++) /* keys */
		explicit_bzero(&ask->reports[i], sizeof(ask->reports[i]));
	free(ask);
}

static void on_worker(struct call *call)
{
	struct relay_ask *ask = list_entry(call, struct relay_ask, call);
	if (ask->request && !call->lost)
		reply(ask);
	discard(ask);
}

static void on_request_gone(void *arg)
{
	struct relay_ask *ask = arg;
	ask->request = NULL;
}

static struct relay_ask *ask_create(const struct exchange *exchange)
{
	struct relay_ask *ask = xcalloc(1, sizeof(*ask));
	ask->request = exchange->request;
	ask->call.on_control = on_control;
	ask->call.on_worker = on_worker;
	ask->sees_keys = exchange->claims.role >= JWT_ADMIN;
	memcpy(ask->room, exchange->view->snapshot->id, sizeof(ask->room));
	return ask;
}

static void send_ask(struct relay_ask *ask, struct exchange *exchange)
{
	http_on_gone(exchange->request, on_request_gone, ask);
	if (call_start(&ask->call, exchange->worker) == 0)
		return;
	http_on_gone(exchange->request, NULL, NULL);
	reply_problem(
		exchange->request,
		&(struct problem_text){ .status = 503, .code = "overloaded", .retry_after_s = 1 });
	discard(ask);
}

void api_relay_get(struct exchange *exchange)
{
	send_ask(ask_create(exchange), exchange);
}

/* One URL: 0, or the status of the refusal. Where a server connects to is for its owner to say: a
 * host may choose among what was allowed. */
static int read_url(const struct exchange *exchange, struct relay_url *out, const json_t *value)
{
	const struct config *config = &exchange->worker->app->config;
	const char *text = json_string_value(value);
	if (!text || relay_url_parse(out, text))
		return 400;
	const bool may =
		exchange->claims.role >= JWT_ADMIN || relay_url_listed(out, &config->relay_hosts);
	return may ? 0 : 403;
}

/* 0, or -EINVAL with the fault answered. */
static int read_urls(struct exchange *exchange, struct relay_list *out, const json_t *body)
{
	const json_t *array = json_object_get(body, "relay_to");
	char member[32] = "relay_to";
	int status = json_is_array(array) && json_array_size(array) <= RELAYS_MAX ? 0 : 400;
	for (; !status && out->count < json_array_size(array); out->count++) {
		snprintf(member, sizeof(member), "relay_to.%zu", out->count);
		status = read_url(exchange, &out->urls[out->count],
				  json_array_get(array, out->count));
	}
	if (!status)
		return 0;
	reply_problem(exchange->request,
		      &(struct problem_text){ .status = status,
					      .code = status == 403 ? "forbidden" : "bad_request",
					      .member = member });
	return -EINVAL;
}

void api_relay_put(struct exchange *exchange)
{
	json_t *body = exchange_json(exchange, false);
	if (!body)
		return;
	struct relay_ask *ask = ask_create(exchange);
	ask->sets = true;
	if (read_urls(exchange, &ask->list, body))
		discard(ask);
	else
		send_ask(ask, exchange);
	json_decref(body);
}
