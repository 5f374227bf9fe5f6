#include "server/flv.h"

#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/output/flv_muxer.h"
#include "media/output/flv_sink.h"
#include "server/api.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/http_server.h"
#include "server/core/stream.h"
#include "server/core/websocket.h"
#include "server/live.h"
#include "server/live_message.h"
#include "server/notes.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLV_CLOCK_S = 5 };

struct flv_viewer {
	struct worker *worker; /* with the next two all that a frame needs */
	struct stream *stream; /* of the request */
	struct websocket *ws; /* either this, */
	struct http_request *request; /* or this */
	struct flv_sink *sink;
	struct list link; // worker.flv_new, then worker.flv
	struct feed_reader reader; /* in room_feed.flvs */
	struct room_view *view;
	struct deferred ending;
	char sid[LIVE_SID_MAX + 1]; /* empty: none */
	struct live_name name; /* in room_view.names, by sid */
	unsigned age_s;
	bool greeted;
};

/* No picture and no message from now on. */
static void leave_room(struct flv_viewer *viewer)
{
	fanout_remove(viewer->worker->fanout, flv_sink_sink(viewer->sink));
	list_remove(&viewer->reader.link);
	live_name_clear(&viewer->view->names, &viewer->name, FLV_SID, viewer->sid);
}

static void viewer_destroy(struct flv_viewer *viewer)
{
	leave_room(viewer);
	flv_sink_destroy(viewer->sink);
	list_remove(&viewer->link);
	deferred_cancel(&viewer->ending);
	room_view_leave(viewer->view, true);
	free(viewer);
}

static void on_ending(void *arg)
{
	struct flv_viewer *viewer = arg;
	struct http_request *request = viewer->request;
	struct flv_sink_stats stats;
	flv_sink_stats(viewer->sink, &stats);
	if (stats.too_slow)
		metric_add(viewer->worker->app->counters.flv_too_slow, 1);
	if (viewer->ws) { /* closed() follows */
		leave_room(viewer);
		websocket_close(viewer->ws, stats.too_slow ? LIVE_TOO_SLOW : WEBSOCKET_NORMAL,
				NULL);
		return;
	}
	viewer_destroy(viewer);
	if (stats.too_slow)
		http_stream_abort(request);
	else
		http_stream_end(request);
}

static void port_close(void *arg)
{
	struct flv_viewer *viewer = arg;
	loop_defer(viewer->worker->loop, &viewer->ending);
}

static void count_bytes(const struct flv_viewer *viewer, struct buf *const *bufs, size_t count)
{
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += bufs[i]->len;
	metric_add(viewer->worker->app->counters.flv_bytes, (int64_t)bytes);
}

static int http_send(void *arg, struct buf *const *bufs, size_t count)
{
	struct flv_viewer *viewer = arg;
	if (!viewer->stream)
		return -ENOTCONN;
	count_bytes(viewer, bufs, count);
	return stream_write_bufs(viewer->stream, bufs, count);
}

static size_t http_backlog(void *arg)
{
	const struct flv_viewer *viewer = arg;
	return stream_backlog(viewer->stream);
}

static const struct byte_port_ops http_port = { http_send, http_backlog, port_close };

static int socket_send(void *arg, struct buf *const *bufs, size_t count)
{
	struct flv_viewer *viewer = arg;
	count_bytes(viewer, bufs, count);
	return websocket_send_binary_bufs(viewer->ws, bufs, count);
}

static size_t socket_backlog(void *arg)
{
	const struct flv_viewer *viewer = arg;
	return websocket_backlog(viewer->ws);
}

static const struct byte_port_ops socket_port = { socket_send, socket_backlog, port_close };

static void on_gone(void *arg)
{
	viewer_destroy(arg);
}

static const struct http_stream_ops stream_ops = { .gone = on_gone };

static void on_socket_message(void *arg, const char *text, size_t len)
{
	(void)arg; /* nothing is expected from a player */
	(void)text;
	(void)len;
}

static void on_socket_closed(void *arg, int code)
{
	(void)code;
	struct flv_viewer *viewer = arg;
	struct websocket *ws = viewer->ws;
	viewer_destroy(viewer);
	websocket_destroy(ws);
}

static const struct websocket_ops socket_ops = { .message = on_socket_message,
						 .closed = on_socket_closed };

static struct flv_viewer *viewer_create(struct exchange *exchange, const struct byte_port_ops *ops,
					const char *sid)
{
	struct flv_viewer *viewer = xcalloc(1, sizeof(*viewer));
	const struct byte_port port = { .ops = ops, .arg = viewer };
	viewer->worker = exchange->worker;
	viewer->view = exchange->view;
	deferred_init(&viewer->ending, on_ending, viewer);
	if (flv_sink_create(&viewer->sink, viewer->worker->loop, exchange->view->broadcast,
			    &port)) {
		free(viewer);
		return NULL;
	}
	flv_sink_batch(viewer->sink, viewer->worker->app->config.flv_batch_ms * 1000);
	list_append(&viewer->worker->flv_new, &viewer->link);
	if (!timer_active(&viewer->worker->greet))
		timer_start(&viewer->worker->greet, WORKER_GREET_US);
	room_feed_read(&viewer->view->feed, &viewer->view->feed.flvs, &viewer->reader);
	room_view_join(viewer->view, true);
	snprintf(viewer->sid, sizeof(viewer->sid), "%s", sid);
	viewer->name.owner = viewer;
	if (sid[0])
		live_name_set(&viewer->view->names, &viewer->name, FLV_SID, sid);
	return viewer;
}

static void add_headers(struct reply_headers *headers)
{
	reply_add(headers, "Content-Type", "video/x-flv");
	reply_add(headers, "Cache-Control", "no-store");
	reply_add_cors(headers);
}

static void begin_http(struct flv_viewer *viewer, struct http_request *request)
{
	struct reply_headers headers = { 0 };
	add_headers(&headers);
	viewer->request = request;
	http_stream_begin(request, 200, headers.list, HTTP_UNTIL_CLOSE, &stream_ops, viewer);
	viewer->stream = http_stream_direct(request);
	flv_sink_target(viewer->sink, viewer->stream);
	if (viewer->stream)
		stream_share_pages(viewer->stream, viewer->worker->pages);
}

/* What GET would answer, without a stream that nobody reads. */
static void reply_head(struct http_request *request)
{
	struct reply_headers headers = { 0 };
	add_headers(&headers);
	http_reply_head(request, headers.list);
}

/* What the query asks for. */
struct wish {
	char sid[LIVE_SID_MAX + 1]; /* empty: none */
	int slot; /* -1: the largest picture */
	bool sound_alone;
};

/* -EINVAL: there is no such rendition. */
static int find_rendition(const struct room_view *view, const char *name, struct wish *wish)
{
	struct rendition_table table;
	wish->slot = -1;
	wish->sound_alone = name && strcmp(name, RENDITION_AUDIO) == 0;
	if (wish->sound_alone)
		return broadcast_has_audio(view->broadcast) ? 0 : -EINVAL;
	if (!name || strcmp(name, "source") == 0)
		return 0;
	broadcast_renditions(view->broadcast, &table);
	const int index = rendition_table_named(&table, name);
	if (index < 0)
		return -EINVAL;
	wish->slot = table.at[index].slot;
	return 0;
}

/* False with the refusal sent. */
static bool may_watch(struct exchange *exchange, struct wish *wish)
{
	struct http_request *request = exchange->request;
	const enum room_state state = exchange->view->snapshot->state;
	char rendition[RENDITION_NAME_MAX + 4];
	bool bad = false;
	if (!exchange_sid(exchange, wish->sid))
		return false;
	const char *wanted =
		bad ? NULL
		    : exchange_query(exchange, "rendition", rendition, sizeof(rendition), &bad);
	if (bad)
		return false;
	if (state != ROOM_LIVE && state != ROOM_LOST) {
		reply_problem(request, &(struct problem_text){ .status = 404,
							       .code = "not_live",
							       .retry_after_s = 2 });
		return false;
	}
	if (find_rendition(exchange->view, wanted, wish)) {
		reply_problem(request, &(struct problem_text){ .status = 404,
							       .code = "not_found",
							       .member = "rendition" });
		return false;
	}
	if (worker_admits(exchange->worker))
		return true;
	reply_problem(request, &(struct problem_text){
				       .status = 503, .code = "overloaded", .retry_after_s = 5 });
	return false;
}

void flv_get(struct exchange *exchange)
{
	struct http_request *request = exchange->request;
	struct wish wish;
	if (!may_watch(exchange, &wish))
		return;
	const bool socket = websocket_asked(request);
	if (!strcmp(http_method(request), "HEAD")) {
		reply_head(request);
		return;
	}
	struct flv_viewer *viewer =
		viewer_create(exchange, socket ? &socket_port : &http_port, wish.sid);
	if (!viewer) {
		reply_error(request, 503, "overloaded");
		return;
	}
	if (!socket)
		begin_http(viewer, request);
	else if (websocket_accept(&viewer->ws, request, NULL, &socket_ops, viewer)) {
		viewer_destroy(viewer);
		return;
	}
	struct sink *sink = flv_sink_sink(viewer->sink);
	if (wish.sound_alone)
		flv_sink_sound_alone(viewer->sink);
	fanout_want(sink, wish.slot);
	if (fanout_add(viewer->worker->fanout, viewer->view->broadcast, sink))
		port_close(viewer);
}

struct buf *flv_now_tag(const struct broadcast_clock *clock, int64_t utc_us, const char *text,
			size_t len)
{
	const int64_t since_us =
		(clock->newest_capture_us ? clock->newest_capture_us : utc_us) - clock->capture_us;
	return flv_script_tag(text, len, flv_time_ms(clock->media_us + since_us, clock->gap_us));
}

static void send_tag(struct flv_viewer *viewer, const struct broadcast_clock *line,
		     const char *text, size_t len)
{
	struct buf *tag = flv_now_tag(line, loop_utc_us(viewer->worker->loop), text, len);
	if (tag)
		flv_sink_event(viewer->sink, tag);
	buf_unref(tag);
}

static void deliver_rest(struct flv_viewer *viewer, const struct room_view *view)
{
	struct broadcast_clock line;
	struct buf *rest = room_feed_rest(&view->feed, viewer->reader.seq);
	if (rest && broadcast_clock(view->broadcast, &line))
		send_tag(viewer, &line, (const char *)rest->data, rest->len);
	buf_unref(rest);
}

void flv_viewer_deliver(struct feed_reader *reader, struct room_view *view)
{
	struct flv_viewer *viewer = list_entry(reader, struct flv_viewer, reader);
	const struct feed_batch *batch = &view->feed.batch;
	if (!viewer->greeted) /* the state that it will get contains it */
		return;
	if (batch->first_seq && reader->seq >= batch->first_seq)
		deliver_rest(viewer, view);
	else if (batch->tag)
		flv_sink_event(viewer->sink, batch->tag);
	if (batch->last_seq > reader->seq)
		reader->seq = batch->last_seq;
}

static void send_clock(struct flv_viewer *viewer, const struct broadcast_clock *line)
{
	struct flv_sink_stats stats;
	flv_sink_stats(viewer->sink, &stats);
	const struct live_clock own = {
		.shift_us = line->gap_us,
		.first_sent_capture_us = stats.first_capture_us,
		.egress_delay_us = loop_utc_us(viewer->worker->loop) - stats.last_capture_us,
	};
	char *text = live_message_text(
		"clock", live_clock_data(line, &own, viewer->sid[0] ? viewer->sid : NULL));
	send_tag(viewer, line, text, strlen(text));
	struct buf *message = viewer->sid[0] ? buf_copy(text, strlen(text)) : NULL;
	if (message)
		notes_private(viewer->worker->app, viewer->view->snapshot->id, LIVE_SID,
			      viewer->sid, message);
	buf_unref(message);
	free(text);
}

void flv_viewer_send_clock(struct feed_reader *reader)
{
	struct flv_viewer *viewer = list_entry(reader, struct flv_viewer, reader);
	struct broadcast_clock line;
	if (viewer->greeted && broadcast_clock(viewer->view->broadcast, &line))
		send_clock(viewer, &line);
}

void flv_send_clock_of(struct room_view *view, const char *sid)
{
	const struct list *all = live_names_find(&view->names, FLV_SID, sid);
	if (!all)
		return;
	list_for_each (link, all) {
		struct flv_viewer *viewer = list_entry(link, struct live_name, link)->owner;
		flv_viewer_send_clock(&viewer->reader);
	}
}

struct replay {
	struct flv_viewer *viewer;
	const struct broadcast_clock *line;
};

static void send_events(void *arg, const char *text, size_t len)
{
	const struct replay *replay = arg;
	send_tag(replay->viewer, replay->line, text, len);
}

static void greet(struct flv_viewer *viewer)
{
	const struct room_snapshot *snapshot = viewer->view->snapshot;
	const struct buf *state = snapshot->message;
	struct broadcast_clock line;
	struct flv_sink_stats stats;
	flv_sink_stats(viewer->sink, &stats);
	if (!stats.frames || !broadcast_clock(viewer->view->broadcast, &line))
		return;
	viewer->greeted = true;
	list_remove(&viewer->link);
	list_append(&viewer->worker->flv, &viewer->link);
	send_tag(viewer, &line, (const char *)state->data, state->len);
	struct replay replay = { .viewer = viewer, .line = &line };
	viewer->reader.seq =
		room_feed_replay(&viewer->view->feed, snapshot->seq, send_events, &replay);
	send_clock(viewer, &line);
}

void flv_greet(struct worker *worker)
{
	list_for_each_safe (link, &worker->flv_new)
		greet(list_entry(link, struct flv_viewer, link));
}

void flv_second(struct worker *worker)
{
	list_for_each (link, &worker->flv) {
		struct flv_viewer *viewer = list_entry(link, struct flv_viewer, link);
		if (++viewer->age_s % FLV_CLOCK_S == 0)
			flv_viewer_send_clock(&viewer->reader);
	}
}

static void end_list(struct list *viewers)
{
	while (!list_empty(viewers)) {
		struct flv_viewer *viewer = list_entry(viewers->next, struct flv_viewer, link);
		struct http_request *request = viewer->request;
		struct websocket *ws = viewer->ws;
		viewer_destroy(viewer);
		if (request)
			http_stream_end(request);
		if (ws)
			websocket_close(ws, WEBSOCKET_GOING_AWAY, NULL);
		websocket_destroy(ws);
	}
}

void flv_end_all(struct worker *worker)
{
	end_list(&worker->flv_new);
	end_list(&worker->flv);
}
