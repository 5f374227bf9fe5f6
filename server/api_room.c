#include "server/api.h"

#include "commerce/rate_limit.h"
#include "server/app.h"
#include "server/control.h"
#include "server/core/addr.h"
#include "server/core/buf.h"
#include "server/core/crypto.h"
#include "server/core/json.h"
#include "server/core/loop.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/worker.h"
#include "server/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUEST_TTL_S = 24 * 3600, GUEST_NAME_LEN = 16, MINUTE_S = 60 };

static int parse_create(struct write *write, const json_t *body, struct problem *problem)
{
	return room_parse(&write->body.room, body, problem);
}

static void create(struct write *write, struct engine *engine, struct engine_reply reply)
{
	engine_create_room(engine, &write->body.room, reply);
}

void api_room_create(struct exchange *exchange)
{
	static const struct write_kind kind = { .parse = parse_create, .perform = create };
	write_request(exchange, &kind);
}

static void list(struct write *write, struct engine *engine, struct engine_reply reply)
{
	engine_list_rooms(engine, &write->body.page, reply);
}

void api_room_list(struct exchange *exchange)
{
	static const struct write_kind kind = { .perform = list, .paged = true, .reads = true };
	write_request(exchange, &kind);
}

void api_room_get(struct exchange *exchange)
{
	reply_json_buf(exchange->request, exchange->view->snapshot->room);
}

void api_room_state(struct exchange *exchange)
{
	reply_json_buf(exchange->request, exchange->view->snapshot->data);
}

static int parse_patch(struct write *write, const json_t *body, struct problem *problem)
{
	return room_patch_parse(&write->body.room_patch, body, problem);
}

static void patch(struct write *write, struct engine *engine, struct engine_reply reply)
{
	engine_patch_room(engine, write->room, &write->body.room_patch, reply);
}

void api_room_patch(struct exchange *exchange)
{
	static const struct write_kind kind = { .parse = parse_patch, .perform = patch };
	write_request(exchange, &kind);
}

static void delete (struct write *write, struct engine *engine, struct engine_reply reply)
{
	engine_delete_room(engine, write->room, reply);
}

void api_room_delete(struct exchange *exchange)
{
	static const struct write_kind kind = { .perform = delete };
	write_request(exchange, &kind);
}

static void end(struct write *write, struct engine *engine, struct engine_reply reply)
{
	engine_end_room(engine, write->room, reply);
}

void api_room_end(struct exchange *exchange)
{
	static const struct write_kind kind = { .perform = end, .empty_body = true };
	write_request(exchange, &kind);
}

static void events(struct write *write, struct engine *engine, struct engine_reply reply)
{
	engine_list_events(engine, write->room, &write->body.page, reply);
}

void api_room_events(struct exchange *exchange)
{
	static const struct write_kind kind = { .perform = events, .paged = true, .reads = true };
	write_request(exchange, &kind);
}

/* Browsers and their web views play WebRTC; the native players of mini programs take FLV, or HLS
 * (facts of each platform: docs/api.md section 2.5). */
static bool plays_webrtc(const char *platform)
{
	return !strcmp(platform, "h5");
}

static bool plays_hls_best(const char *platform)
{
	return !strcmp(platform, "alipay") || !strcmp(platform, "baidu");
}

static bool platform_known(const char *platform)
{
	static const char *const names[] = { "h5",     "weixin", "alipay",   "baidu",
					     "douyin", "qq",     "kuaishou", "jd" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(platform, names[i]))
			return true;
	return false;
}

static void add_item(json_t *items, const struct config *config, const char *kind, const char *path)
{
	char url[2200];
	const char *origin = config->public_url ? config->public_url : "";
	const bool socket = !strncmp(kind, "ws-", 3) && *origin; /* http: is ws:, https: is wss: */
	snprintf(url, sizeof(url), "%s%s%s", socket ? "ws" : "", socket ? origin + 4 : origin,
		 path);
	json_array_append_new(items, json_pack("{s:s, s:s, s:s}", "kind", kind, "url", url,
					       "rendition", "source"));
}

void api_room_play(struct exchange *exchange)
{
	char platform[32];
	bool bad = false;
	const char *asked = exchange_query(exchange, "platform", platform, sizeof(platform), &bad);
	if (bad)
		return;
	if (asked && !platform_known(asked)) {
		reply_problem(exchange->request,
			      &(struct problem_text){ .status = 400,
						      .code = "bad_request",
						      .member = "platform",
						      .detail =
							      "h5, weixin, alipay, baidu, douyin, "
							      "qq, kuaishou or jd" });
		return;
	}
	const struct room_snapshot *room = exchange->view->snapshot;
	const struct config *config = &exchange->worker->app->config;
	char whep[96], flv[96], hls[96], ts[96];
	snprintf(whep, sizeof(whep), "/whep/%s", room->id);
	snprintf(flv, sizeof(flv), "/live/%s.flv", room->id);
	snprintf(hls, sizeof(hls), "/hls/%s/index.m3u8", room->id);
	snprintf(ts, sizeof(ts), "/hls/%s/index-ts.m3u8", room->id);
	const bool browser = !asked || plays_webrtc(asked);
	const bool hls_first = asked && plays_hls_best(asked);
	json_t *items = json_array();
	if (browser)
		add_item(items, config, "whep", whep);
	if (!hls_first) {
		add_item(items, config, "flv", flv);
		add_item(items, config, "ws-flv", flv);
	}
	/* Players of mini programs know transport streams better than fragments. */
	if (browser)
		add_item(items, config, "ll-hls", hls);
	add_item(items, config, "hls-ts", ts);
	if (!browser)
		add_item(items, config, "ll-hls", hls);
	if (hls_first) {
		add_item(items, config, "flv", flv);
		add_item(items, config, "ws-flv", flv);
	}
	json_t *body =
		json_pack("{s:b, s:o}", "live",
			  room->state == ROOM_LIVE || room->state == ROOM_LOST, "items", items);
	char *text = json_text(body);
	reply_json_text(exchange->request, 200, text, strlen(text));
	free(text);
	json_decref(body);
}

/* Rates count per name, and who may have any number of names has any rate. The bucket's
 * second is a minute of ours. 0, or seconds to wait. */
static int guest_wait_s(const struct exchange *exchange)
{
	const struct worker *worker = exchange->worker;
	struct addr client;
	char site[ADDR_TEXT];
	if (!worker->guests)
		return 0;
	http_client(exchange->request, &client);
	addr_format_site(&client, site);
	const int64_t wait_us =
		rate_limit_take(worker->guests, site, loop_now_us(worker->loop) / MINUTE_S);
	if (wait_us)
		metric_add(worker->app->counters.guests_limited, 1);
	return (int)((wait_us * MINUTE_S + 999999) / 1000000);
}

static void reply_guest(struct exchange *exchange, const char *room)
{
	struct jwt_claims claims = { .role = JWT_VIEWER };
	char name[GUEST_NAME_LEN + 1];
	random_token(name, GUEST_NAME_LEN);
	snprintf(claims.sub, sizeof(claims.sub), GUEST_PREFIX "%s", name);
	snprintf(claims.room, sizeof(claims.room), "%s", room);
	claims.exp_s = worker_now_s(exchange->worker) + GUEST_TTL_S;
	char *token = jwt_sign(exchange->worker->app->jwt_key, &claims);
	json_t *body = json_pack("{s:s, s:s, s:I}", "token", token, "sub", claims.sub, "exp",
				 (json_int_t)claims.exp_s);
	char *text = json_text(body);
	reply_json_text(exchange->request, 201, text, strlen(text));
	free(text);
	json_decref(body);
	free(token);
}

static void give_guest(struct exchange *exchange, const char *room)
{
	const int wait_s = guest_wait_s(exchange);
	if (wait_s)
		reply_problem(exchange->request, &(struct problem_text){ .status = 429,
									 .code = "rate_limited",
									 .retry_after_s = wait_s });
	else
		reply_guest(exchange, room);
}

void api_guest(struct exchange *exchange)
{
	json_t *body = exchange_json(exchange, false);
	if (!body)
		return;
	struct json_reader reader;
	json_reader_init(&reader, body);
	const char *room = json_string_of(&reader, "room", 1, NAME_MAX_LEN);
	if (room && !name_valid(room))
		json_fault(&reader, "room", "must be 1 to 64 of A-Z a-z 0-9 _ -");
	const struct room_view *view = !reader.bad ? room_view_find(exchange->worker, room) : NULL;
	if (reader.bad)
		reply_problem(exchange->request, &(struct problem_text){ .status = 400,
									 .code = "bad_request",
									 .member = "room",
									 .detail = reader.why });
	else if (!view)
		reply_problem(exchange->request, &(struct problem_text){ .status = 404,
									 .code = "not_found",
									 .member = "room" });
	else if (view->snapshot->settings.token_access)
		reply_refusal(exchange->request, 403, "forbidden",
			      "there are no guests in a room whose access is token");
	else
		give_guest(exchange, room);
	json_decref(body);
}
