#include "server/live.h"

#include "media/broadcast.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/live_message.h"
#include "server/notes.h"
#include "server/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void name_it(struct live *live, enum live_name_kind kind, const char *text)
{
	live->names[kind].owner = live;
	live_name_set(&live->view->names, &live->names[kind], kind, text);
}

static void clear_name(struct live *live, enum live_name_kind kind, const char *text)
{
	live_name_clear(&live->view->names, &live->names[kind], kind, text);
}

static void set_claims(struct live *live, const struct jwt_claims *claims)
{
	clear_name(live, LIVE_SUBJECT, live->claims.sub);
	live->claims = *claims;
	live->identified = true;
	name_it(live, LIVE_SUBJECT, live->claims.sub);
}

void live_init(struct live *live, struct room_view *view, const struct jwt_claims *claims,
	       const struct live_carrier_ops *ops, void *carrier)
{
	*live = (struct live){ .view = view, .ops = ops, .carrier = carrier };
	uuid7(loop_utc_us(view->worker->loop), live->id);
	name_it(live, LIVE_SESSION, live->id);
	if (claims)
		set_claims(live, claims);
	room_feed_read(&view->feed, &view->feed.lives, &live->reader);
	room_view_join(view, false);
}

void live_fall_behind(struct live *live)
{
	if (!live->behind)
		metric_add(live->view->worker->app->counters.live_behind, 1);
	live->behind = true;
}

static void deliver(struct live *live, struct live_text *text)
{
	if (live->ops->send(live->carrier, text) == -ENOBUFS)
		live_fall_behind(live);
}

void live_deliver(struct feed_reader *reader, struct room_view *view)
{
	struct live *live = list_entry(reader, struct live, reader);
	struct feed_batch *batch = &view->feed.batch;
	if (live->behind || live->ended)
		return;
	if (!batch->first_seq || reader->seq < batch->first_seq) {
		deliver(live, &batch->text);
	} else {
		struct live_text rest = { .text = room_feed_rest(&view->feed, reader->seq) };
		if (rest.text)
			deliver(live, &rest);
		live_text_finish(&rest);
	}
	if (batch->last_seq > reader->seq)
		reader->seq = batch->last_seq;
}

void live_send(struct live *live, const char *text, size_t len)
{
	struct live_text one = { .text = live->ended ? NULL : buf_copy(text, len) };
	if (one.text)
		deliver(live, &one);
	live_text_finish(&one);
}

static void send_message(struct live *live, const char *type, json_t *data)
{
	char *text = live_message_text(type, data);
	live_send(live, text, strlen(text));
	free(text);
}

static void send_text(void *arg, const char *text, size_t len)
{
	live_send(arg, text, len);
}

static void replay(struct live *live, uint64_t after)
{
	const uint64_t seq = room_feed_replay(&live->view->feed, after, send_text, live);
	if (seq > after && seq > live->reader.seq) /* `after` itself is the client's word */
		live->reader.seq = seq;
}

static void send_state(struct live *live)
{
	const struct room_snapshot *snapshot = live->view->snapshot;
	struct live_text text = { .text = buf_ref(snapshot->message) };
	deliver(live, &text);
	live_text_finish(&text);
	if (snapshot->seq > live->reader.seq)
		live->reader.seq = snapshot->seq;
	replay(live, snapshot->seq);
}

static void send_hello(struct live *live)
{
	const struct room_snapshot *snapshot = live->view->snapshot;
	const char *role = live->identified ? jwt_role_name(live->claims.role) : NULL;
	send_message(live, "hello",
		     json_pack("{s:s, s:s, s:I, s:I, s:s?}", "session", live->id, "room",
			       snapshot->id, "seq", (json_int_t)snapshot->seq, "server_us",
			       (json_int_t)loop_utc_us(live->view->worker->loop), "role", role));
}

void live_greet(struct live *live)
{
	send_hello(live);
	live_send_clock(live);
	send_state(live);
}

void live_send_clock(struct live *live)
{
	struct broadcast_clock line;
	if (live->ended || !broadcast_clock(live->view->broadcast, &line))
		return;
	struct live_clock own = { .egress_delay_us = -1 };
	if (live->ops->clock)
		live->ops->clock(live->carrier, &line, &own);
	send_message(live, "clock", live_clock_data(&line, &own, NULL));
}

void live_send_drain(struct live *live)
{
	send_message(live, "drain", json_pack("{s:n}", "url"));
}

void live_send_pong(struct live *live, json_t *t)
{
	send_message(live, "pong",
		     json_pack("{s:O, s:I}", "t", t, "server_us",
			       (json_int_t)loop_utc_us(live->view->worker->loop)));
}

void live_send_error(struct live *live, const char *type, const char *code)
{
	send_message(live, "error", json_pack("{s:s, s:s}", "type", type, "code", code));
}

void live_send_result(struct live *live, const char *key, int status, const char *body)
{
	json_t *value = body ? json_loads(body, 0, NULL) : NULL;
	char *text = live_message_text("order.result", json_pack("{s:s, s:i, s:o?}", "key", key,
								 "status", status, "body", value));
	live_send(live, text, strlen(text));
	free(text);
}

void live_identify(struct live *live, const struct jwt_claims *claims)
{
	set_claims(live, claims);
	send_hello(live);
}

static void name_media(struct live *live, const char *sid)
{
	clear_name(live, LIVE_SID, live->sid);
	memcpy(live->sid, sid, strlen(sid) + 1);
	name_it(live, LIVE_SID, live->sid);
	notes_clock_wanted(live->view->worker->app, live->view->snapshot->id, sid);
}

void live_join(struct live *live, int64_t after, const char *sid)
{
	if (sid)
		name_media(live, sid);
	if (after < 0)
		return;
	if (room_feed_has_since(&live->view->feed, (uint64_t)after))
		replay(live, (uint64_t)after);
	else
		send_state(live);
}

/* A session that needed a `state` each second for LIVE_BEHIND_S will not catch up. */
static void catch_up(struct live *live)
{
	if (!live->behind) {
		live->behind_s = 0;
	} else if (++live->behind_s > LIVE_BEHIND_S) {
		metric_add(live->view->worker->app->counters.live_too_slow, 1);
		live_end(live, LIVE_TOO_SLOW, "too slow");
	} else {
		live->behind = false;
		send_state(live);
	}
}

void live_tick(struct live *live, int64_t now_s)
{
	if (live->ended)
		return;
	if (live->identified && now_s >= live->claims.exp_s + JWT_LEEWAY_S) {
		live_end(live, LIVE_BAD_TOKEN, "the token has expired");
		return;
	}
	if (++live->age_s % LIVE_CLOCK_S == 0)
		live_send_clock(live);
	catch_up(live);
}

void live_end(struct live *live, int code, const char *reason)
{
	if (live->ended)
		return;
	live->ended = true;
	list_remove(&live->reader.link);
	live->ops->end(live->carrier, code, reason);
}

void live_finish(struct live *live)
{
	if (!live->view)
		return;
	live->ended = true;
	list_remove(&live->reader.link);
	clear_name(live, LIVE_SUBJECT, live->claims.sub);
	clear_name(live, LIVE_SESSION, live->id);
	clear_name(live, LIVE_SID, live->sid);
	room_view_leave(live->view, false);
	live->view = NULL;
}
