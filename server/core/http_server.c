#include "server/core/http_server.h"

#include "server/core/alloc.h"
#include "server/core/http_connection.h"
#include "server/core/http_status.h"
#include "server/core/metrics.h"
#include "server/core/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SECOND_US = 1000 * 1000,
	WAITING_CAP = HTTP_PIPELINE_CAP + 64 * 1024,
	REQUESTS_A_TURN = 8, /* of one connection; then the others have their turn */
};

static void count(struct metric *metric)
{
	if (metric)
		metric_add(metric, 1);
}

static void note_open(struct http_server *server)
{
	if (server->open)
		metric_set(server->open, (int64_t)server->count);
}

static void start_limit(struct http_connection *connection, int seconds)
{
	timer_start(&connection->limit, (int64_t)seconds * SECOND_US);
}

static void forget_request(struct http_connection *connection)
{
	free(connection->request.segments);
	connection->request = (struct http_request){ .connection = connection };
}

static void tell_sent(struct http_connection *connection)
{
	void (*sent)(void *arg) = connection->sent;
	connection->sent = NULL;
	if (sent)
		sent(connection->sent_arg);
}

static void connection_free(struct http_connection *connection)
{
	list_remove(&connection->link);
	connection->server->count--;
	note_open(connection->server);
	stream_destroy(connection->stream);
	timer_stop(&connection->limit);
	deferred_cancel(&connection->next);
	deferred_cancel(&connection->ending);
	forget_request(connection);
	bytes_finish(&connection->waiting);
	http1_finish(&connection->http);
	free(connection);
}

static void on_ending(void *arg)
{
	connection_free(arg);
}

void connection_end(struct http_connection *connection)
{
	if (connection->phase == HTTP_OVER)
		return;
	connection->phase = HTTP_OVER;
	stream_destroy(connection->stream);
	connection->stream = NULL;
	tell_sent(connection);
	timer_stop(&connection->limit);
	deferred_cancel(&connection->next);
	loop_defer(connection->server->loop, &connection->ending);
}

/* Closes at once; `gone` is told if a request was with the user. */
static void connection_lost(struct http_connection *connection)
{
	const enum http_phase phase = connection->phase;
	const struct http_request *request = &connection->request;
	connection_end(connection);
	if (phase == HTTP_STREAMING)
		request->stream_ops->gone(request->arg);
	else if (phase == HTTP_HANDLING && request->gone)
		request->gone(request->arg);
}

bool connection_keeps(const struct http_connection *connection)
{
	return connection->http.keep_alive && !connection->server->draining &&
	       !(connection->eof && !connection->waiting.len);
}

static void read_next(struct http_connection *connection)
{
	tell_sent(connection);
	connection->phase = HTTP_READING;
	connection->told = false;
	start_limit(connection, HTTP_KEEP_ALIVE_S);
	if (!connection->parsing)
		loop_defer(connection->server->loop, &connection->next);
}

void connection_replied(struct http_connection *connection, bool keep_alive)
{
	forget_request(connection);
	if (!keep_alive) {
		connection->phase = HTTP_CLOSING;
		timer_stop(&connection->limit);
		stream_finish(connection->stream);
		return;
	}
	http1_reset(&connection->http);
	connection->stalled_at = stream_backlog(connection->stream);
	if (connection->stalled_at) {
		connection->phase = HTTP_FLUSHING;
		start_limit(connection, HTTP_STALL_S);
	} else {
		read_next(connection);
	}
}

static const char *problem_code(int status)
{
	if (status == 431)
		return "header_too_large";
	return status == 413 || status == 414 ? "too_large" : "bad_request";
}

/* Answers what is no request and closes: after a framing error nothing behind it can be trusted. */
static void refuse(struct http_connection *connection, int status, const char *why)
{
	static const struct http_header headers[] = {
		{ "Content-Type", "application/problem+json" },
		{ "Cache-Control", "no-store" },
		{ "Access-Control-Allow-Origin", "*" },
		{ NULL, NULL },
	};
	char body[400];
	const int len = snprintf(
		body, sizeof(body),
		"{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\",\"detail\":\"%s\"}",
		http_reason(status), status, problem_code(status), why);
	log_debug(&connection->server->log, "request refused status=%d why=%s", status, why);
	count(connection->server->refused);
	connection->http.keep_alive = false;
	connection->phase = HTTP_HANDLING;
	http_reply(&connection->request, status, headers, body, (size_t)len);
}

static void on_head(struct http_connection *connection)
{
	const struct http_server_opts *opts = &connection->server->opts;
	const struct http1 *http = &connection->http;
	const size_t cap = opts->body_cap ? opts->body_cap(http->method, http->path, opts->arg)
					  : HTTP_BODY_CAP;
	http1_set_body_cap(&connection->http, cap);
}

static void hand_over(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	timer_stop(&connection->limit);
	count(server->requests);
	connection->phase = HTTP_HANDLING;
	connection->request.is_head = !strcmp(connection->http.method, "HEAD");
	server->opts.on_request(&connection->request, server->opts.arg);
}

/* Feeds until the input is used up or a request is with the user; then the rest waits. */
static void take_input(struct http_connection *connection, const uint8_t *data, size_t len)
{
	struct http1 *http = &connection->http;
	bool head_now = false;
	enum http1_event event = http1_feed(http, &data, &len);
	if (event == HTTP1_HEAD) {
		head_now = true;
		on_head(connection);
		event = http1_feed(http, &data, &len);
	}
	if (!connection->told && (event != HTTP1_MORE || !http1_idle(http))) {
		connection->told = true;
		start_limit(connection, HTTP_REQUEST_S);
	}
	if (event == HTTP1_FAILED) {
		refuse(connection, http->status, http->why);
	} else if (event == HTTP1_DONE) {
		bytes_put(&connection->waiting, data, len);
		hand_over(connection);
	} else if (head_now && http->expects_continue && !http->body.len) {
		/* RFC 9110 §10.1.1: the cap has been checked, the client may send */
		static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
		stream_write(connection->stream, go_on, sizeof(go_on) - 1);
	}
}

static bool may_go_on(const struct http_connection *connection)
{
	return connection->phase == HTTP_READING && connection->waiting.len;
}

/* Works off what waits, as far as requests are answered at once. */
static void advance(struct http_connection *connection)
{
	connection->parsing = true;
	for (int i = 0; i < REQUESTS_A_TURN && may_go_on(connection); i++) {
		struct bytes input = connection->waiting;
		bytes_init(&connection->waiting, WAITING_CAP);
		take_input(connection, input.data, input.len);
		bytes_finish(&input);
	}
	connection->parsing = false;
	if (connection->phase == HTTP_OVER)
		return;
	if (may_go_on(connection)) {
		loop_defer(connection->server->loop, &connection->next);
	} else if (connection->phase == HTTP_READING && connection->eof) {
		connection_end(connection);
		return;
	}
	if (connection->waiting.len > HTTP_PIPELINE_CAP)
		stream_pause(connection->stream);
	else
		stream_resume(connection->stream);
}

static void on_next(void *arg)
{
	advance(arg);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	struct http_connection *connection = arg;
	if (connection->phase == HTTP_STREAMING && !connection->request.chunked)
		return; /* the connection ends with this reply */
	if (connection->phase == HTTP_READING && !connection->waiting.len) {
		connection->parsing = true;
		take_input(connection, data, len);
	} else {
		bytes_put(&connection->waiting, data, len);
	}
	advance(connection);
}

static void on_drained(void *arg)
{
	struct http_connection *connection = arg;
	if (connection->phase == HTTP_STREAMING) {
		if (connection->request.stream_ops->drained)
			connection->request.stream_ops->drained(connection->request.arg);
		return;
	}
	if (connection->phase != HTTP_FLUSHING)
		return;
	connection->parsing = true;
	read_next(connection);
	advance(connection);
}

static void on_closed(void *arg, int err)
{
	struct http_connection *connection = arg;
	connection->eof = true;
	/* A client may close its direction behind its last request and still wait for the answer.
	 */
	const bool awaits = connection->phase == HTTP_HANDLING ||
			    connection->phase == HTTP_FLUSHING ||
			    (connection->phase == HTTP_READING && connection->waiting.len);
	if (err || !awaits)
		connection_lost(connection);
}

static void on_limit(void *arg)
{
	struct http_connection *connection = arg;
	const size_t backlog = stream_backlog(connection->stream);
	if (connection->phase == HTTP_FLUSHING && backlog < connection->stalled_at) {
		connection->stalled_at = backlog;
		start_limit(connection, HTTP_STALL_S);
		return;
	}
	if (connection->told && connection->phase == HTTP_READING) {
		count(connection->server->timeouts);
		refuse(connection, 408, "the request was not complete in time");
		return;
	}
	connection_end(connection);
}

static void add_reply_metrics(struct http_server *server)
{
	const char *labels = server->opts.labels;
	char text[64];
	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "%s%sstatus=\"%dxx\"", labels ? labels : "",
			 labels ? "," : "", i + 2);
		server->replies[i] =
			metrics_add(server->opts.metrics, METRIC_COUNTER, "souk_http_replies_total",
				    "HTTP replies by class of status", text);
	}
}

int http_server_create(struct http_server **out, struct loop *loop,
		       const struct http_server_opts *opts)
{
	struct http_server *server = xcalloc(1, sizeof(*server));
	server->loop = loop;
	server->opts = *opts;
	list_init(&server->connections);
	if (!server->opts.connections_cap)
		server->opts.connections_cap = HTTP_CONNECTIONS_CAP;
	if (opts->log)
		server->log = *opts->log;
	if (opts->metrics) {
		server->requests =
			metrics_add(opts->metrics, METRIC_COUNTER, "souk_http_requests_total",
				    "Complete HTTP requests", opts->labels);
		server->refused = metrics_add(
			opts->metrics, METRIC_COUNTER, "souk_http_refused_total",
			"Requests or connections refused before any route", opts->labels);
		server->timeouts =
			metrics_add(opts->metrics, METRIC_COUNTER, "souk_http_timeouts_total",
				    "Requests not complete in time", opts->labels);
		add_reply_metrics(server);
		server->open =
			metrics_add(opts->metrics, METRIC_GAUGE, "souk_http_connections",
				    "Open HTTP connections, without WebSockets", opts->labels);
	}
	*out = server;
	return 0;
}

void http_server_turn_away(struct http_server *server, int fd, bool tls)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
				   "Retry-After: 5\r\nConnection: close\r\n\r\n";
	count(server->refused);
	if (!tls)
		(void)!send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

void http_server_accept(struct http_server *server, int fd, const struct addr *peer,
			struct tls_context *tls)
{
	static const struct stream_ops ops = { on_data, on_drained, on_closed };
	if (server->count >= server->opts.connections_cap) {
		http_server_turn_away(server, fd, tls != NULL);
		return;
	}
	struct http_connection *connection = xcalloc(1, sizeof(*connection));
	connection->server = server;
	connection->peer = *peer;
	connection->tls = tls != NULL;
	connection->request.connection = connection;
	list_append(&server->connections, &connection->link);
	server->count++;
	note_open(server);
	http1_init(&connection->http);
	bytes_init(&connection->waiting, WAITING_CAP);
	timer_init(&connection->limit, server->loop, on_limit, connection);
	deferred_init(&connection->next, on_next, connection);
	deferred_init(&connection->ending, on_ending, connection);
	if (stream_create(&connection->stream, server->loop, fd, tls, &ops, connection)) {
		connection_free(connection);
		return;
	}
	/* What a slow peer does not take waits here, where it is shared. */
	stream_set_unsent_cap(connection->stream, HTTP_UNSENT_CAP);
	start_limit(connection, HTTP_REQUEST_S);
}

size_t http_server_connections(const struct http_server *server)
{
	return server->count;
}

void http_server_drain(struct http_server *server)
{
	server->draining = true;
	list_for_each_safe (link, &server->connections) {
		struct http_connection *connection = list_entry(link, struct http_connection, link);
		if (connection->phase == HTTP_READING && !connection->told)
			connection_end(connection);
	}
}

void http_server_destroy(struct http_server *server)
{
	if (!server)
		return;
	while (!list_empty(&server->connections)) {
		struct http_connection *connection =
			list_entry(server->connections.next, struct http_connection, link);
		if (connection->phase != HTTP_OVER)
			connection_lost(connection);
		connection_free(connection);
	}
	free(server);
}
