#include "server/whep_events.h"

#include "media/broadcast.h"
#include "server/api.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"
#include "server/core/crypto.h"
#include "server/core/http_server.h"
#include "server/core/json.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/rtc_request.h"
#include "server/whep_stream.h"
#include "server/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_ID_LEN = 16, EVENT_MAX = 512 + CONFIG_URL_MAX, SECOND_US = 1000000 };

enum event { ACTIVE, INACTIVE, LAYERS, RECONNECT, VIEWERCOUNT, EVENTS };

static const char *const event_names[EVENTS] = {
	[ACTIVE] = "active",       [INACTIVE] = "inactive",       [LAYERS] = "layers",
	[RECONNECT] = "reconnect", [VIEWERCOUNT] = "viewercount",
};

struct layers {
	unsigned changed; /* broadcast_renditions_changed() that was told */
	bool told;
	int64_t at_us; /* of the last look */
	int64_t due_us; /* the next `layers`, changed or not */
};

struct whep_stream {
	struct list link; // rtc_session.streams
	struct list all; // worker.whep_streams
	struct rtc_session *session;
	char id[STREAM_ID_LEN + 1];
	unsigned wanted; /* bits 1 << enum event */
	/* What it was told. */
	bool live;
	uint32_t viewers;
	int64_t viewers_us; /* when */
	struct layers layers;
	/* Events that wait for a reader, and the reader. */
	struct buf *queue[WHEP_QUEUE_MAX];
	unsigned first, count;
	struct worker *reader_worker; /* NULL: nobody reads */
	uint64_t reader;
};

static void enqueue(struct whep_stream *stream, struct buf *text)
{
	if (stream->count == WHEP_QUEUE_MAX) {
		buf_unref(stream->queue[stream->first]);
		stream->first = (stream->first + 1) % WHEP_QUEUE_MAX;
		stream->count--;
	}
	stream->queue[(stream->first + stream->count++) % WHEP_QUEUE_MAX] = buf_ref(text);
}

/* §4: the event's name and, on a single line, its data. */
static void tell(struct whep_stream *stream, enum event event, const char *data)
{
	char text[EVENT_MAX];
	if (!(stream->wanted & 1u << event))
		return;
	const int len =
		snprintf(text, sizeof(text), "event: %s\ndata: %s\n\n", event_names[event], data);
	if (len < 0 || len >= (int)sizeof(text))
		return;
	struct buf *buf = buf_copy(text, (size_t)len);
	if (buf && stream->reader_worker)
		whep_reader_send(stream->reader_worker, stream->reader, buf);
	else if (buf)
		enqueue(stream, buf);
	buf_unref(buf);
}

static void look_at_state(struct whep_stream *stream)
{
	const bool live = stream->session->view->snapshot->state == ROOM_LIVE;
	if (live == stream->live)
		return;
	stream->live = live;
	tell(stream, live ? ACTIVE : INACTIVE, "{}");
}

static void look_at_viewers(struct whep_stream *stream, int64_t now_us)
{
	const uint32_t viewers = stream->session->view->snapshot->viewers;
	char data[48];
	if (viewers == stream->viewers || now_us < stream->viewers_us + SECOND_US)
		return;
	stream->viewers = viewers;
	stream->viewers_us = now_us;
	snprintf(data, sizeof(data), "{\"viewercount\":%u}", viewers);
	tell(stream, VIEWERCOUNT, data);
}

/* §4.3: a layer without a bitrate counts as inactive, so it is told once there is one. */
static bool write_layers(const struct rtc_session *session, struct bytes *text)
{
	struct rendition_table table;
	bool any = false;
	broadcast_renditions(session->view->broadcast, &table);
	bytes_printf(text, "{\"%u\":[", session->video_line);
	for (unsigned i = table.count; i-- > 0;) {
		const struct rendition_info *info = &table.at[i];
		char name[RENDITION_NAME_MAX];
		if (!info->bps)
			continue;
		rendition_name(&table, i, name);
		bytes_printf(text, "%s{\"rid\":\"%s\",\"bitrate\":%u,\"width\":%u,\"height\":%u}",
			     any ? "," : "", name, info->bps, info->width, info->height);
		any = true;
	}
	bytes_text(text, "]}");
	return any;
}

static void look_at_layers(struct whep_stream *stream, int64_t now_us)
{
	const struct rtc_session *session = stream->session;
	struct layers *layers = &stream->layers;
	const unsigned changed = broadcast_renditions_changed(session->view->broadcast);
	if (!session->agreement.video.present || now_us - layers->at_us < SECOND_US ||
	    (layers->told && changed == layers->changed && now_us < layers->due_us))
		return;
	struct bytes text;
	bytes_init(&text, EVENT_MAX);
	layers->at_us = now_us;
	if (write_layers(session, &text)) {
		layers->told = true;
		layers->changed = changed;
		layers->due_us = now_us + (int64_t)WHEP_LAYERS_S * SECOND_US;
		tell(stream, LAYERS, bytes_string(&text));
	}
	bytes_finish(&text);
}

static void look(struct whep_stream *stream, int64_t now_us)
{
	look_at_state(stream);
	look_at_viewers(stream, now_us);
	if (stream->wanted & 1u << LAYERS)
		look_at_layers(stream, now_us);
}

void whep_events_look(struct worker *worker)
{
	const int64_t now_us = loop_now_us(worker->loop);
	list_for_each (link, &worker->whep_streams)
		look(list_entry(link, struct whep_stream, all), now_us);
}

void whep_events_reconnect(struct worker *worker)
{
	const char *other = worker->app->config.overflow_url;
	char data[EVENT_MAX - 64];
	list_for_each (link, &worker->whep_streams) {
		struct whep_stream *stream = list_entry(link, struct whep_stream, all);
		if (other) /* its form was judged: nothing in it needs escaping */
			snprintf(data, sizeof(data), "{\"url\":\"%s/whep/%s\"}", other,
				 stream->session->view->snapshot->id);
		tell(stream, RECONNECT, other ? data : "{}");
	}
}

static struct whep_stream *stream_create(struct rtc_session *session, unsigned wanted)
{
	struct worker *worker = session->worker;
	struct whep_stream *stream = xcalloc(1, sizeof(*stream));
	stream->session = session;
	stream->wanted = wanted;
	random_token(stream->id, STREAM_ID_LEN);
	stream->layers.at_us = loop_now_us(worker->loop);
	list_append(&session->streams, &stream->link);
	list_append(&worker->whep_streams, &stream->all);
	session->stream_count++;
	look(stream, loop_now_us(worker->loop));
	return stream;
}

static void let_reader_go(struct whep_stream *stream)
{
	if (stream->reader_worker)
		whep_reader_end(stream->reader_worker, stream->reader);
	stream->reader_worker = NULL;
}

static void stream_destroy(struct whep_stream *stream)
{
	let_reader_go(stream);
	for (; stream->count; stream->count--) {
		buf_unref(stream->queue[stream->first]);
		stream->first = (stream->first + 1) % WHEP_QUEUE_MAX;
	}
	stream->session->stream_count--;
	list_remove(&stream->link);
	list_remove(&stream->all);
	free(stream);
}

void whep_events_end(struct rtc_session *session)
{
	while (!list_empty(&session->streams))
		stream_destroy(list_entry(session->streams.next, struct whep_stream, link));
}

static struct whep_stream *find(const struct rtc_session *session, const char *id)
{
	list_for_each (link, &session->streams) {
		struct whep_stream *stream = list_entry(link, struct whep_stream, link);
		if (!strcmp(stream->id, id))
			return stream;
	}
	return NULL;
}

void whep_stream_detach(struct worker *owner, const char *resource, const char *id, uint64_t reader)
{
	struct rtc_session *session = rtc_session_find(owner, resource);
	struct whep_stream *stream = session ? find(session, id) : NULL;
	if (stream && stream->reader_worker && stream->reader == reader)
		stream->reader_worker = NULL;
}

/* ---- HTTP ---- */

/* Bits of the names in a JSON array; false with the fault in it. No body means all. */
static bool parse_wanted(const struct bytes *body, unsigned *wanted)
{
	*wanted = (1u << EVENTS) - 1;
	if (!body->len)
		return true;
	json_t *list = json_parse(body->data, body->len);
	bool good = json_is_array(list) && json_array_size(list) <= WHEP_NAMES_MAX;
	*wanted = 0;
	for (size_t i = 0; good && i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		unsigned event = 0;
		while (event < EVENTS && (!name || strcmp(name, event_names[event]) != 0))
			event++;
		good = event < EVENTS;
		*wanted |= 1u << event;
	}
	json_decref(list);
	return good;
}

static void handle_events(struct rtc_request *rtc)
{
	char rest[RTC_RESOURCE_SIZE + 16], url[RTC_URL_MAX];
	struct rtc_session *session = rtc_request_session(rtc);
	unsigned wanted;
	if (!session)
		return;
	if (rtc->body.len && !sdp_reply_check_json(&rtc->reply, rtc->content_type)) {
		rtc_request_finish(rtc);
		return;
	}
	if (!parse_wanted(&rtc->body, &wanted)) {
		rtc_request_refuse(rtc, 400, "bad_request", 0);
		return;
	}
	if (session->stream_count >= WHEP_STREAMS_MAX) {
		metric_add(rtc->owner->app->counters.streams_refused, 1);
		rtc_request_refuse(rtc, 429, "rate_limited", RTC_RETRY_RATE_S);
		return;
	}
	const struct whep_stream *stream = stream_create(session, wanted);
	snprintf(rest, sizeof(rest), "/events/%s", stream->id);
	rtc_url(session, rest, url);
	sdp_reply_made(&rtc->reply, url);
	rtc_request_finish(rtc);
}

static struct whep_stream *request_stream(struct rtc_request *rtc)
{
	struct rtc_session *session = rtc_request_session(rtc);
	struct whep_stream *stream = session ? find(session, rtc->item) : NULL;
	if (session && !stream)
		rtc_request_refuse(rtc, 404, "not_found", 0);
	return stream;
}

static void handle_stream(struct rtc_request *rtc)
{
	struct whep_stream *stream = request_stream(rtc);
	if (!stream)
		return;
	let_reader_go(stream); /* a client that comes again is not yet known to have gone */
	rtc->reader = app_next_id(rtc->owner->app);
	stream->reader = rtc->reader;
	stream->reader_worker = rtc->from;
	for (; stream->count; stream->count--) {
		struct buf *text = stream->queue[stream->first];
		bytes_put(&rtc->text, text->data, text->len);
		buf_unref(text);
		stream->first = (stream->first + 1) % WHEP_QUEUE_MAX;
	}
	rtc->answer = whep_reader_begin;
	rtc_request_finish(rtc);
}

static void handle_stream_head(struct rtc_request *rtc)
{
	if (!request_stream(rtc))
		return;
	sdp_reply_get(&rtc->reply, SDP_AT_STREAM);
	rtc_request_finish(rtc);
}

static void handle_stream_delete(struct rtc_request *rtc)
{
	struct whep_stream *stream = request_stream(rtc);
	if (!stream)
		return;
	stream_destroy(stream);
	sdp_reply_gone(&rtc->reply);
	rtc_request_finish(rtc);
}

void whep_events_post(struct exchange *exchange)
{
	rtc_request_to_owner(exchange, handle_events);
}

void whep_stream_get(struct exchange *exchange)
{
	const bool head = !strcmp(http_method(exchange->request), "HEAD");
	rtc_request_to_owner(exchange, head ? handle_stream_head : handle_stream);
}

void whep_stream_delete(struct exchange *exchange)
{
	rtc_request_to_owner(exchange, handle_stream_delete);
}
