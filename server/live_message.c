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

#include <stdio.h>
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

/* Each handler leaves a fault in `data` when the message is not of its form. */

static void on_join(struct live *live, struct json_reader *data)
{
	const int64_t after = json_int_or(data, "after", 0, INT64_MAX, -1);
	const char *sid = json_string_or(data, "sid", LIVE_SID_MAX, NULL);
	if (sid && (strlen(sid) < LIVE_SID_MIN || !name_valid(sid)))
		json_fault(data, "sid", "must be 8 to 32 of A-Z a-z 0-9 _ -");
	if (!data->bad)
		live_join(live, after, sid);
}

static void on_ping(struct live *live, struct json_reader *data)
{
	json_t *t = json_object_get(data->object, "t");
	if (json_is_number(t))
		live_send_pong(live, t);
	else
		json_fault(data, "t", "must be a number");
}

static void on_auth(struct live *live, struct json_reader *data)
{
	struct worker *worker = live->view->worker;
	struct jwt_claims claims;
	const char *token = json_string_of(data, "token", 1, JWT_TOKEN_MAX);
	if (!token)
		return;
	if (auth_verify(&worker->auth, token, strlen(token), worker_now_s(worker), &claims) ||
	    !jwt_allows_room(&claims, live->view->snapshot->id) ||
	    (live->identified && strcmp(claims.sub, live->claims.sub) != 0))
		live_end(live, LIVE_BAD_TOKEN, "bad token");
	else
		live_identify(live, &claims);
}

static void on_chat(struct live *live, struct json_reader *data)
{
	const char *text = json_string_of(data, "text", 1, LIVE_CHAT_MAX);
	if (!text)
		return;
	if (!live->identified)
		live_send_error(live, "chat", "bad_token");
	else if (control_note_chat(live->view->worker, live->view->snapshot->id, live->claims.sub,
				   live->id, text))
		live_send_error(live, "chat", "overloaded");
}

static void on_like(struct live *live, struct json_reader *data)
{
	const int64_t n = json_int(data, "n", 1, LIVE_LIKES_MAX);
	if (!data->bad)
		control_note_likes(live->view->worker, live->view->snapshot->id, (unsigned)n);
}

static void on_track(struct live *live, struct json_reader *data)
{
	json_string_of(data, "kind", 1, NAME_MAX_LEN);
	json_string_or(data, "sku", NAME_MAX_LEN, NULL);
	json_int(data, "at_us", 0, INT64_MAX);
	if (!data->bad)
		metric_add(live->view->worker->app->counters.tracks, 1);
}

static bool may_order(const struct live *live)
{
	if (!live->identified)
		return false;
	return live->view->snapshot->settings.guest_orders ||
	       strncmp(live->claims.sub, GUEST_PREFIX, strlen(GUEST_PREFIX)) != 0;
}

static void on_order_place(struct live *live, struct json_reader *data)
{
	struct order_request request;
	struct problem problem = { 0 };
	char key[NAME_MAX_LEN + 1];
	const char *given = json_string_value(json_object_get(data->object, "key"));
	if (idempotency_key_parse(key, given, &problem)) {
		json_fault(data, "key", "must be 1 to 64 visible ASCII characters");
		return;
	}
	if (!may_order(live))
		problem = (struct problem){ .status = live->identified ? 403 : 401,
					    .code = live->identified ? "forbidden" : "bad_token" };
	else if (!order_request_parse(&request, data->object, &problem)) {
		memcpy(request.key, key, sizeof(request.key));
		memcpy(request.room, live->view->snapshot->id, sizeof(request.room));
		if (!write_live_order(live, &request))
			return;
		problem = (struct problem){ .status = 503, .code = "overloaded" };
	}
	char *body = problem_render(&problem);
	live_send_result(live, key, problem.status, body);
	free(body);
}

static const struct {
	const char *type;
	void (*handle)(struct live *live, struct json_reader *data);
} handlers[] = {
	{ "join", on_join },
	{ "ping", on_ping },
	{ "auth", on_auth },
	{ "chat", on_chat },
	{ "like", on_like },
	{ "track", on_track },
	{ "order.place", on_order_place },
};

static void refuse(struct live *live, const char *member, const char *why)
{
	enum { REASON_SIZE = 124 }; /* RFC 6455 §5.5: 123 bytes beside the code */
	char reason[REASON_SIZE];
	snprintf(reason, sizeof(reason), "bad message: %.40s%s%.60s", member, member[0] ? " " : "",
		 why);
	live_end(live, LIVE_BAD_MESSAGE, reason);
}

static void handle_one(struct live *live, const json_t *message)
{
	const int64_t now_us = loop_now_us(live->view->worker->loop);
	if (token_bucket_take(&live->messages, LIVE_MESSAGES_S, LIVE_MESSAGES_BURST, now_us)) {
		metric_add(live->view->worker->app->counters.messages_limited, 1);
		live_end(live, LIVE_RATE, "too many messages");
		return;
	}
	struct json_reader reader;
	json_reader_init(&reader, message);
	json_int(&reader, "v", 1, 1);
	const char *type = json_string_of(&reader, "type", 1, 32);
	struct json_reader data = json_enter(&reader, "data");
	/* A newer client: unknown types are ignored. */
	for (size_t i = 0; !reader.bad && i < sizeof(handlers) / sizeof(*handlers); i++) {
		if (strcmp(type, handlers[i].type) == 0)
			handlers[i].handle(live, &data);
	}
	json_leave(&reader, &data, "data");
	if (reader.bad)
		refuse(live, reader.member, reader.why);
}

static void handle_all(struct live *live, const json_t *value)
{
	if (!json_is_array(value)) {
		handle_one(live, value);
		return;
	}
	for (size_t i = 0; i < json_array_size(value) && !live->ended; i++)
		handle_one(live, json_array_get(value, i));
}

void live_receive(struct live *live, const char *text, size_t len)
{
	char why[JSON_WHY_SIZE];
	if (live->ended)
		return;
	json_t *value = json_parse_why(text, len, why);
	if (value)
		handle_all(live, value);
	else
		refuse(live, "", why);
	json_decref(value);
}
