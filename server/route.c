#include "server/route.h"

#include "server/api.h"
#include "server/core/json.h"
#include "server/files.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route_table.h"
#include "server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SDP_BODY_CAP = 32 * 1024 };

static const struct route routes[] = {
	{ "GET", "/api/rooms", ROUTE_TOKEN, JWT_ADMIN, api_room_list, false },
	{ "POST", "/api/rooms", ROUTE_TOKEN, JWT_ADMIN, api_room_create, false },
	{ "GET", "/api/rooms/{room}", ROUTE_VIEW, JWT_VIEWER, api_room_get, false },
	{ "PATCH", "/api/rooms/{room}", ROUTE_TOKEN, JWT_HOST, api_room_patch, false },
	{ "DELETE", "/api/rooms/{room}", ROUTE_TOKEN, JWT_ADMIN, api_room_delete, false },
	{ "POST", "/api/rooms/{room}/end", ROUTE_TOKEN, JWT_HOST, api_room_end, false },
	{ "GET", "/api/rooms/{room}/play", ROUTE_VIEW, JWT_VIEWER, api_room_play, false },
	{ "GET", "/api/rooms/{room}/state", ROUTE_VIEW, JWT_VIEWER, api_room_state, false },
	{ "GET", "/api/rooms/{room}/events", ROUTE_VIEW, JWT_VIEWER, api_room_events, false },
	{ "GET", "/api/rooms/{room}/relays", ROUTE_TOKEN, JWT_HOST, api_relay_get, false },
	{ "PUT", "/api/rooms/{room}/relays", ROUTE_TOKEN, JWT_HOST, api_relay_put, false },
	{ "GET", "/api/rooms/{room}/products", ROUTE_VIEW, JWT_VIEWER, api_product_list, false },
	{ "POST", "/api/rooms/{room}/products", ROUTE_TOKEN, JWT_HOST, api_product_add, false },
	{ "PATCH", "/api/rooms/{room}/products/{sku}", ROUTE_TOKEN, JWT_HOST, api_product_patch,
	  false },
	{ "DELETE", "/api/rooms/{room}/products/{sku}", ROUTE_TOKEN, JWT_HOST, api_product_remove,
	  false },
	{ "POST", "/api/rooms/{room}/pin", ROUTE_TOKEN, JWT_ASSISTANT, api_pin, false },
	{ "DELETE", "/api/rooms/{room}/pin", ROUTE_TOKEN, JWT_ASSISTANT, api_unpin, false },
	{ "POST", "/api/rooms/{room}/orders", ROUTE_TOKEN, JWT_VIEWER, api_order_place, false },
	{ "GET", "/api/orders", ROUTE_TOKEN, JWT_VIEWER, api_order_list, false },
	{ "GET", "/api/orders/{name}", ROUTE_TOKEN, JWT_VIEWER, api_order_get, false },
	{ "POST", "/api/orders/{name}/cancel", ROUTE_TOKEN, JWT_VIEWER, api_order_cancel, false },
	{ "POST", "/api/guest", ROUTE_OPEN, JWT_VIEWER, api_guest, false },
	{ "GET", "/live/{room}.flv", ROUTE_VIEW, JWT_VIEWER, flv_get, true },
	{ "GET", "/live/{room}/poster.jpg", ROUTE_VIEW, JWT_VIEWER, poster_get, true },
	{ "GET", "/api/rooms/{room}/recordings", ROUTE_VIEW, JWT_VIEWER, api_room_recordings,
	  false },
	{ "GET", "/api/rooms/{room}/clip.mp4", ROUTE_VIEW, JWT_VIEWER, api_room_clip, true },
	{ "GET", "/hls/{room}/{name}", ROUTE_VIEW, JWT_VIEWER, hls_get, true },
	{ "GET", "/hls/{room}/{item}/{name}", ROUTE_OPEN, JWT_VIEWER, hls_get_by_ticket, false },
	{ "GET", "/ws/{room}", ROUTE_VIEW, JWT_VIEWER, live_socket_get, true },
	{ "OPTIONS", "/whip/{name}", ROUTE_OPEN, JWT_VIEWER, rtc_options, false },
	{ "GET", "/whip/{room}", ROUTE_VIEW, JWT_VIEWER, rtc_get, true },
	{ "POST", "/whip/{room}", ROUTE_TOKEN, JWT_HOST, whip_post, true },
	{ "OPTIONS", "/whep/{name}", ROUTE_OPEN, JWT_VIEWER, rtc_options, false },
	{ "GET", "/whep/{room}", ROUTE_VIEW, JWT_VIEWER, rtc_get, true },
	{ "POST", "/whep/{room}", ROUTE_VIEW, JWT_VIEWER, whep_post, true },
	{ "OPTIONS", "/whip/{item}/{name}", ROUTE_OPEN, JWT_VIEWER, rtc_options, false },
	{ "GET", "/whip/{room}/{name}", ROUTE_TOKEN, JWT_HOST, rtc_session_get, true },
	{ "PATCH", "/whip/{room}/{name}", ROUTE_TOKEN, JWT_HOST, rtc_patch, true },
	{ "DELETE", "/whip/{room}/{name}", ROUTE_TOKEN, JWT_HOST, rtc_delete, true },
	{ "OPTIONS", "/whep/{item}/{name}", ROUTE_OPEN, JWT_VIEWER, rtc_options, false },
	{ "GET", "/whep/{room}/{name}", ROUTE_VIEW, JWT_VIEWER, rtc_session_get, true },
	{ "PATCH", "/whep/{room}/{name}", ROUTE_VIEW, JWT_VIEWER, rtc_patch, true },
	{ "DELETE", "/whep/{room}/{name}", ROUTE_VIEW, JWT_VIEWER, rtc_delete, true },
	{ "OPTIONS", "/whep/{item}/{name}/events", ROUTE_OPEN, JWT_VIEWER, rtc_options, false },
	{ "POST", "/whep/{room}/{name}/events", ROUTE_VIEW, JWT_VIEWER, whep_events_post, true },
	{ "OPTIONS", "/whep/{item}/{name}/events/{item}", ROUTE_OPEN, JWT_VIEWER, rtc_options,
	  false },
	{ "GET", "/whep/{room}/{name}/events/{item}", ROUTE_VIEW, JWT_VIEWER, whep_stream_get,
	  true },
	{ "DELETE", "/whep/{room}/{name}/events/{item}", ROUTE_VIEW, JWT_VIEWER, whep_stream_delete,
	  true },
	{ "OPTIONS", "/whep/{item}/{name}/layer", ROUTE_OPEN, JWT_VIEWER, rtc_options, false },
	{ "POST", "/whep/{room}/{name}/layer", ROUTE_VIEW, JWT_VIEWER, whep_layer_post, true },
	{ "GET", "/", ROUTE_OPEN, JWT_VIEWER, files_get, false },
	{ "GET", "/r/{name}", ROUTE_OPEN, JWT_VIEWER, files_get, false },
	{ "GET", "/studio", ROUTE_OPEN, JWT_VIEWER, files_get, false },
	{ "GET", "/assets/{name}", ROUTE_OPEN, JWT_VIEWER, files_get, false },
	{ "GET", "/files/{name}", ROUTE_OPEN, JWT_VIEWER, files_get, false },
	{ "GET", "/favicon.ico", ROUTE_OPEN, JWT_VIEWER, files_get, false },
};

enum { ROUTES = sizeof(routes) / sizeof(*routes) };

static bool has_cors(const char *path)
{
	static const char *const prefixes[] = { "/api/", "/live/", "/whip/", "/whep/", "/hls/" };
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (!strncmp(path, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

/* What does not exist is told before all that is judged after existence. */
static void refuse(struct exchange *exchange, const struct problem_text *problem)
{
	if (exchange->missing)
		reply_error(exchange->request, 404, "not_found");
	else
		reply_problem(exchange->request, problem);
}

bool exchange_allowed(struct exchange *exchange, const char *room, enum jwt_role role)
{
	char needed[48];
	struct problem_text problem = { .status = 403, .code = "forbidden", .detail = needed };
	if (!exchange->identified)
		problem = (struct problem_text){ .status = 401,
						 .code = "bad_token",
						 .detail = "a token is needed" };
	else if (room && !jwt_allows_room(&exchange->claims, room))
		problem.detail = "the token is for another room";
	else if (exchange->claims.role >= role)
		return true;
	snprintf(needed, sizeof(needed), "the role %s is needed", jwt_role_name(role));
	refuse(exchange, &problem);
	return false;
}

static bool allowed(struct exchange *exchange, const struct route *route)
{
	const struct room_snapshot *room = exchange->view ? exchange->view->snapshot : NULL;
	if (route->access == ROUTE_OPEN)
		return true;
	if (route->access == ROUTE_VIEW && !exchange->identified && room &&
	    !room->settings.token_access)
		return true;
	/* What concerns all rooms is not for the admin of one. */
	const char *all = route->role == JWT_ADMIN ? "*" : NULL;
	return exchange_allowed(exchange, room ? room->id : all, route->role);
}

static void serve(struct exchange *exchange, const struct route *route,
		  const struct route_variables *variables)
{
	struct worker *worker = exchange->worker;
	if (!strcmp(route->method, "OPTIONS")) { /* before any check, as browsers send it */
		route->handle(exchange);
		return;
	}
	const int found = auth_of_request(&worker->auth, exchange->request, route->token_in_query,
					  worker_now_s(worker), &exchange->claims);
	if (found < 0) {
		reply_refusal(exchange->request, 401, "bad_token",
			      "the token is malformed, expired or not signed for this server");
		return;
	}
	exchange->identified = found > 0;
	if (variables->has_room)
		exchange->view = room_view_find(worker, variables->room);
	if (variables->has_room && !exchange->view) {
		reply_error(exchange->request, 404, "not_found");
		return;
	}
	/* Only refusals go by it: the snapshot may be 50 ms old. */
	exchange->missing = variables->has_sku &&
			    !room_snapshot_product(exchange->view->snapshot, variables->name);
	if (allowed(exchange, route))
		route->handle(exchange);
}

void route_request(struct http_request *request, void *arg)
{
	const char *segments[HTTP_SEGMENTS_MAX];
	const size_t count = http_segments(request, segments);
	const struct route_query query = { .method = http_method(request),
					   .segments = segments,
					   .count = count };
	struct route_variables variables;
	char allow[ROUTE_ALLOW_MAX] = "";
	const struct route *route = count <= HTTP_SEGMENTS_MAX
					    ? route_find(routes, ROUTES, &query, &variables, allow)
					    : NULL;
	if (route) {
		struct exchange exchange = { .request = request,
					     .worker = arg,
					     .name = variables.name,
					     .item = variables.item };
		serve(&exchange, route, &variables);
	} else if (!strcmp(query.method, "OPTIONS") && has_cors(http_path(request))) {
		reply_preflight(request);
	} else if (!strcmp(http_path(request), "*")) { /* OPTIONS alone; of the whole server */
		reply_options(request, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	} else if (!strcmp(query.method, "OPTIONS") && allow[0]) {
		reply_options(request, allow);
	} else if (allow[0]) {
		reply_problem(request, &(struct problem_text){ .status = 405,
							       .code = "method_not_allowed",
							       .allow = allow });
	} else if (has_cors(http_path(request))) {
		reply_error(request, 404, "not_found");
	} else {
		files_missing(request);
	}
}

size_t route_body_cap(const char *method, const char *path, void *arg)
{
	(void)method;
	(void)arg;
	const bool sdp = !strncmp(path, "/whip/", 6) || !strncmp(path, "/whep/", 6);
	return sdp ? SDP_BODY_CAP : HTTP_BODY_CAP;
}

json_t *exchange_json(struct exchange *exchange, bool may_be_empty)
{
	size_t len;
	const uint8_t *body = http_body(exchange->request, &len);
	char why[JSON_WHY_SIZE] = "";
	char detail[sizeof(why) + 48];
	json_t *value = len || !may_be_empty ? json_parse_why(body, len, why) : json_object();
	if (json_is_object(value))
		return value;
	json_decref(value);
	snprintf(detail, sizeof(detail), "the body must be one JSON object%s%s", why[0] ? ": " : "",
		 why);
	refuse(exchange,
	       &(struct problem_text){ .status = 400, .code = "bad_request", .detail = detail });
	return NULL;
}

const char *exchange_query(struct exchange *exchange, const char *name, char *out, size_t size,
			   bool *bad)
{
	const long len = http_query(exchange->request, name, out, size);
	if (len >= 0)
		return out;
	if (len == -ENOENT)
		return NULL;
	*bad = true;
	reply_problem(
		exchange->request,
		&(struct problem_text){ .status = 400, .code = "bad_request", .member = name });
	return NULL;
}

bool exchange_sid(struct exchange *exchange, char out[LIVE_SID_MAX + 1])
{
	bool bad = false;
	out[0] = '\0';
	const char *sid = exchange_query(exchange, "sid", out, LIVE_SID_MAX + 1, &bad);
	if (!sid)
		return !bad;
	if (strlen(sid) >= LIVE_SID_MIN && name_valid(sid))
		return true;
	reply_problem(
		exchange->request,
		&(struct problem_text){ .status = 400, .code = "bad_request", .member = "sid" });
	return false;
}

void exchange_problem(struct exchange *exchange, const struct problem *problem)
{
	refuse(exchange,
	       &(struct problem_text){ .status = problem->status,
				       .code = problem->code,
				       .detail = problem->detail[0] ? problem->detail : NULL,
				       .member = problem->member[0] ? problem->member : NULL });
}

int exchange_page(struct exchange *exchange, struct page_request *page)
{
	char after[128], limit[16];
	bool bad = false;
	const char *from = exchange_query(exchange, "after", after, sizeof(after), &bad);
	const char *count =
		bad ? NULL : exchange_query(exchange, "limit", limit, sizeof(limit), &bad);
	if (bad)
		return -EINVAL;
	struct problem problem = { 0 };
	const int err = page_parse(page, from, count, &problem);
	if (err)
		exchange_problem(exchange, &problem);
	return err;
}
