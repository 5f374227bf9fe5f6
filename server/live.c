#include "server/live.h"

#include "media/broadcast.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/live_message.h"
#include "server/room_view.h"
#include "server/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void live_init(struct live *live, struct room_view *view, const struct jwt_claims *claims,
	       const struct live_carrier_ops *ops, void *carrier)
{
	*live = (struct live){ .view = view, .ops = ops, .carrier = carrier };
	uuid7(loop_utc_us(view->worker->loop), live->id);
	if (claims) {
		live->claims = *claims;
		live->identified = true;
	}
	list_append(&view->lives, &live->link);
	room_view_join(view, false);
}

static void deliver(struct live *live, struct live_text *text)
{
	const int err = live->ops->send(live->carrier, text);
	if (err == -ENOBUFS)
		live->behind = true;
}

void live_deliver(struct live *live, struct live_text *text)
{
	if (!live->behind && !live->ended)
		deliver(live, text);
}

void live_send(struct live *live, const char *text, size_t len)
{
	struct live_text one = { .text = live->ended ? NULL : buf_copy(text, len) };
	if (!one.text)
		return;
	deliver(live, &one);
	buf_unref(one.text);
	buf_unref(one.frame);
}

static void send_message(struct live *live, const char *type, json_t *data)
{
	char *text = live_message_text(type, data);
	live_send(live, text, strlen(text));
	free(text);
}

static void send_state(struct live *live)
{
	const struct room_snapshot *snapshot = live->view->snapshot;
	live_send(live, (const char *)snapshot->message->data, snapshot->message->len);
	room_view_replay(live->view, snapshot->seq, live);
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
	live->claims = *claims;
	live->identified = true;
	send_hello(live);
}

void live_join(struct live *live, int64_t after, const char *sid)
{
	if (sid)
		memcpy(live->sid, sid, strlen(sid) + 1);
	if (after < 0) {
		live_send_clock(live);
		return;
	}
	if (room_view_has_since(live->view, (uint64_t)after))
		room_view_replay(live->view, (uint64_t)after, live);
	else
		send_state(live);
}

void live_tick(struct live *live, int64_t now_s)
{
	if (live->ended)
		return;
	if (live->identified && now_s >= live->claims.exp_s + JWT_LEEWAY_S) {
		live_end(live, LIVE_BAD_TOKEN, "the token has expired");
		return;
	}
	if (!live->behind)
		return;
	live->behind = false;
	send_state(live);
}

void live_end(struct live *live, int code, const char *reason)
{
	if (live->ended)
		return;
	live->ended = true;
	list_remove(&live->link);
	live->ops->end(live->carrier, code, reason);
}

void live_finish(struct live *live)
{
	if (!live->view)
		return;
	live->ended = true;
	list_remove(&live->link);
	room_view_leave(live->view, false);
	live->view = NULL;
}
