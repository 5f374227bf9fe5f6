#include "server/live_message.h"

#include "commerce/request.h"
#include "media/broadcast.h"
#include "server/call.h"
#include "server/control.h"
#include "server/core/json.h"
#include "server/live.h"
#include "server/room_view.h"
#include "server/worker.h"
#include "server/write.h"

#include <stdlib.h>
#include <string.h>

char *live_message_text(const char *type, json_t *data)
{
	json_t *message = json_pack("{s:i, s:s, s:o}", "v", 1, "type", type, "data", data);
	char *text = json_text(message);
	json_decref(message);
	return text ? text : strdup("{}");
}

json_t *live_clock_data(const struct broadcast_clock *line, const struct live_clock *own,
			const char *sid)
{
	json_t *data =
		json_pack("{s:s*, s:i, s:I, s:I, s:i, s:I}", "sid", sid, "epoch", (int)line->epoch,
			  "media_us", (json_int_t)(line->media_us - own->shift_us), "capture_us",
			  (json_int_t)line->capture_us, "rate_ppm", line->rate_ppm, "err_us",
			  (json_int_t)line->err_us);
	if (own->has_rtp)
		json_object_set_new(data, "rtp", json_integer(own->rtp));
	if (own->first_sent_capture_us)
		json_object_set_new(data, "first_sent_capture_us",
				    json_integer(own->first_sent_capture_us));
	if (own->egress_delay_us >= 0)
		json_object_set_new(data, "egress_delay_us", json_integer(own->egress_delay_us));
	return data;
}

/* Each handler returns false for a message that is not of its form. */

static bool on_join(struct live *live, struct json_reader *data)
{
	const int64_t after = json_int_or(data, "after", 0, INT64_MAX, -1);
	const char *sid = json_string_or(data, "sid", LIVE_SID_MAX, NULL);
	if (sid && (strlen(sid) < LIVE_SID_MIN || !name_valid(sid)))
		return false;
	if (data->bad)
		return false;
	live_join(live, after, sid);
	return true;
}

static bool on_ping(struct live *live, struct json_reader *data)
{
	json_t *t = json_object_get(data->object, "t");
	if (!json_is_number(t))
		return false;
	live_send_pong(live, t);
	return true;
}

static bool on_auth(struct live *live, struct json_reader *data)
{
	struct worker *worker = live->view->worker;
	struct jwt_claims claims;
	const char *token = json_string_of(data, "token", 1, JWT_TOKEN_MAX);
	if (!token)
		return false;
	if (auth_verify(&worker->auth, token, strlen(token), worker_now_s(worker), &claims) ||
	    !jwt_allows_room(&claims, live->view->snapshot->id) ||
	    (live->identified && strcmp(claims.sub, live->claims.sub) != 0))
		live_end(live, LIVE_BAD_TOKEN, "bad token");
	else
		live_identify(live, &claims);
	return true;
}

static bool on_chat(struct live *live, struct json_reader *data)
{
	const char *text = json_string_of(data, "text", 1, LIVE_CHAT_MAX);
	if (!text)
		return false;
	if (!live->identified)
		live_send_error(live, "chat", "bad_token");
	else if (control_note_chat(live->view->worker, live->view->snapshot->id, live->claims.sub,
				   live->id, text))
		live_send_error(live, "chat", "overloaded");
	return true;
}

static bool on_like(struct live *live, struct json_reader *data)
{
	const int64_t n = json_int(data, "n", 1, LIVE_LIKES_MAX);
	if (data->bad)
		return false;
	control_note_likes(live->view->worker, live->view->snapshot->id, (unsigned)n);
	return true;
}

static bool on_track(struct live *live, struct json_reader *data)
{
	json_string_of(data, "kind", 1, NAME_MAX_LEN);
	json_string_or(data, "sku", NAME_MAX_LEN, NULL);
	json_int_or(data, "at_us", 0, INT64_MAX, 0);
	if (!data->bad)
		metric_add(live->view->worker->app->counters.tracks, 1);
	return !data->bad;
}

static bool may_order(const struct live *live)
{
	if (!live->identified)
		return false;
	return live->view->snapshot->settings.guest_orders ||
	       strncmp(live->claims.sub, GUEST_PREFIX, strlen(GUEST_PREFIX)) != 0;
}

static bool on_order_place(struct live *live, struct json_reader *data)
{
	struct order_request request;
	struct problem problem = { 0 };
	char key[NAME_MAX_LEN + 1];
	const char *given = json_string_value(json_object_get(data->object, "key"));
	if (idempotency_key_parse(key, given, &problem))
		return false;
	if (!may_order(live))
		problem = (struct problem){ .status = live->identified ? 403 : 401,
					    .code = live->identified ? "forbidden" : "bad_token" };
	else if (!order_request_parse(&request, data->object, &problem)) {
		memcpy(request.key, key, sizeof(request.key));
		memcpy(request.room, live->view->snapshot->id, sizeof(request.room));
		if (!write_live_order(live, &request))
			return true;
		problem = (struct problem){ .status = 503, .code = "overloaded" };
	}
	char *body = problem_render(&problem);
	live_send_result(live, key, problem.status, body);
	free(body);
	return true;
}

static const struct {
	const char *type;
	bool (*handle)(struct live *live, struct json_reader *data);
} handlers[] = {
	{ "join", on_join },
	{ "ping", on_ping },
	{ "auth", on_auth },
	{ "chat", on_chat },
	{ "like", on_like },
	{ "track", on_track },
	{ "order.place", on_order_place },
};

static bool handle_one(struct live *live, const json_t *message)
{
	const int64_t now_us = loop_now_us(live->view->worker->loop);
	if (token_bucket_take(&live->messages, LIVE_MESSAGES_S, LIVE_MESSAGES_BURST, now_us)) {
		metric_add(live->view->worker->app->counters.messages_limited, 1);
		live_end(live, LIVE_RATE, "too many messages");
		return true;
	}
	struct json_reader reader;
	json_reader_init(&reader, message);
	json_int(&reader, "v", 1, 1);
	const char *type = json_string_of(&reader, "type", 1, 32);
	struct json_reader data = json_enter(&reader, "data");
	if (reader.bad)
		return false;
	for (size_t i = 0; i < sizeof(handlers) / sizeof(*handlers); i++) {
		if (strcmp(type, handlers[i].type) == 0)
			return handlers[i].handle(live, &data);
	}
	return true; /* a newer client: unknown types are ignored */
}

static bool handle_all(struct live *live, const json_t *value)
{
	if (!json_is_array(value))
		return handle_one(live, value);
	for (size_t i = 0; i < json_array_size(value) && !live->ended; i++) {
		if (!handle_one(live, json_array_get(value, i)))
			return false;
	}
	return true;
}

void live_receive(struct live *live, const char *text, size_t len)
{
	if (live->ended)
		return;
	json_t *value = json_parse(text, len);
	if (!value || !handle_all(live, value))
		live_end(live, LIVE_BAD_MESSAGE, "bad message");
	json_decref(value);
}
