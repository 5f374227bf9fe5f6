/* The WebSocket as a carrier of live sessions: GET /ws/{room}. */
#include "server/api.h"

#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/websocket.h"
#include "server/live.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SUBPROTOCOL "souk.v1"

enum { SOCKET_BACKLOG_MAX = 256 * 1024 };

struct live_socket {
	struct list link; // worker.sockets
	struct websocket *ws;
	struct live live;
};

static int send_text(void *carrier, struct live_text *text)
{
	struct live_socket *socket = carrier;
	if (websocket_backlog(socket->ws) > SOCKET_BACKLOG_MAX)
		return -ENOBUFS;
	if (!text->frame)
		text->frame = websocket_text_frame((const char *)text->text->data, text->text->len);
	return text->frame ? websocket_send_frame(socket->ws, text->frame) : -ENOBUFS;
}

static void end(void *carrier, int code, const char *reason)
{
	struct live_socket *socket = carrier;
	websocket_close(socket->ws, code, reason);
}

static const struct live_carrier_ops carrier_ops = { .send = send_text, .end = end };

static void on_message(void *arg, const char *text, size_t len)
{
	struct live_socket *socket = arg;
	live_receive(&socket->live, text, len);
}

static void socket_destroy(struct live_socket *socket)
{
	socket->live.view->worker->socket_count--;
	live_finish(&socket->live);
	websocket_destroy(socket->ws);
	list_remove(&socket->link);
	free(socket);
}

void live_socket_end_all(struct worker *worker)
{
	while (!list_empty(&worker->sockets))
		socket_destroy(list_entry(worker->sockets.next, struct live_socket, link));
}

static void on_closed(void *arg, int code)
{
	(void)code;
	socket_destroy(arg);
}

static const struct websocket_ops socket_ops = { .message = on_message, .closed = on_closed };

/* "http://host:port" is our own when host:port is what the request was sent to. */
static bool is_own(const struct http_request *request, const char *origin)
{
	const char *host = http_header(request, "Host");
	const char *scheme = http_is_tls(request) ? "https://" : "http://";
	const size_t len = strlen(scheme);
	return host && !strncmp(origin, scheme, len) && !strcmp(origin + len, host);
}

static bool is_public_url(const struct config *config, const char *origin)
{
	if (!config->public_url)
		return false;
	const size_t len = strlen(origin);
	return !strncmp(config->public_url, origin, len) &&
	       (config->public_url[len] == '\0' || config->public_url[len] == '/');
}

static bool origin_allowed(const struct exchange *exchange)
{
	const struct config *config = &exchange->worker->app->config;
	const char *origin = http_header(exchange->request, "Origin");
	if (!origin || is_own(exchange->request, origin) || is_public_url(config, origin))
		return true;
	for (size_t i = 0; i < config->allow_origin.count; i++)
		if (!strcmp(origin, config->allow_origin.items[i]))
			return true;
	return false;
}

/* False with the refusal sent. */
static bool may_open(const struct exchange *exchange)
{
	struct http_request *request = exchange->request;
	struct worker *worker = exchange->worker;
	if (!websocket_asked(request)) {
		reply_problem(request,
			      &(struct problem_text){ .status = 400,
						      .code = "bad_request",
						      .detail = "a WebSocket is served here",
						      .member = "Upgrade" });
		return false;
	}
	if (!origin_allowed(exchange)) {
		reply_refusal(request, 403, "forbidden",
			      "pages of this origin need --allow-origin");
		return false;
	}
	if (!websocket_offers(request, SUBPROTOCOL)) {
		reply_problem(request, &(struct problem_text){
					       .status = 400,
					       .code = "bad_request",
					       .detail = "subprotocol " SUBPROTOCOL " is needed",
					       .member = "Sec-WebSocket-Protocol" });
		return false;
	}
	if (worker->socket_count < WORKER_SOCKETS_MAX)
		return true;
	metric_add(worker->app->counters.sockets_refused, 1);
	reply_problem(request, &(struct problem_text){
				       .status = 503, .code = "overloaded", .retry_after_s = 5 });
	return false;
}

void live_socket_get(struct exchange *exchange)
{
	struct worker *worker = exchange->worker;
	if (!may_open(exchange))
		return;
	struct live_socket *socket = xcalloc(1, sizeof(*socket));
	if (websocket_accept(&socket->ws, exchange->request, SUBPROTOCOL, &socket_ops, socket)) {
		free(socket);
		return;
	}
	list_append(&worker->sockets, &socket->link);
	worker->socket_count++;
	live_init(&socket->live, exchange->view, exchange->identified ? &exchange->claims : NULL,
		  &carrier_ops, socket);
	live_greet(&socket->live);
}
