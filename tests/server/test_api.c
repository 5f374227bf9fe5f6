/* Requests through the whole server: routes, checks, writes and their answers. */
#include "commerce/rate_limit.h"
#include "server/core/http_server.h"
#include "server/core/loop.h"
#include "server/replay.h"
#include "tests/server/app_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct app_fixture f;

static void setup(void)
{
	app_fixture_start(&f, "1");
}

static void teardown(void)
{
	app_fixture_stop(&f);
}

TestSuite(api, .init = setup, .fini = teardown);

static int get(const char *path)
{
	return app_fixture_request(&f, "GET", path, NULL, NULL);
}

static int order(const char *key, const char *body)
{
	char fields[1300];
	snprintf(fields, sizeof(fields), "Authorization: Bearer %s\r\nIdempotency-Key: %s\r\n",
		 app_fixture_token(&f, "demo", JWT_VIEWER, "bob"), key);
	return app_fixture_request(&f, "POST", "/api/rooms/demo/orders", fields, body);
}

Test(api, answers_of_the_engine_become_replies)
{
	cr_expect(eq(int, order("k1", "{\"sku\":\"A1\",\"qty\":1}"), 201));
	cr_expect(head_has(&f, "Location: /api/orders/"));
	cr_expect(head_has(&f, "Content-Type: application/json\r\n"));
	cr_expect(head_has(&f, "Cache-Control: no-store\r\n"));
	cr_expect(not(head_has(&f, "Idempotency-Replayed: ")));
	cr_expect(eq(int, order("k1", "{\"sku\":\"A1\",\"qty\":1}"), 201));
	cr_expect(head_has(&f, "Idempotency-Replayed: true\r\n"));
	cr_expect(eq(int, order("k2", "{\"sku\":\"A1\",\"qty\":500}"), 409));
	cr_expect(head_has(&f, "Content-Type: application/problem+json\r\n"));
	cr_expect(body_has(&f, "\"code\":\"sold_out\""));
	cr_expect(body_has(&f, "\"left\":99"));
	cr_expect(eq(int, app_fixture_host(&f, "DELETE", "/api/rooms/demo/pin", NULL), 204));
	cr_expect_str_eq(f.body, "");
	cr_expect(not(head_has(&f, "Content-Type")));
}

Test(api, urls_are_absolute_where_the_public_one_is_known)
{
	f.app.config.public_url = strdup("https://shop.example");
	cr_expect(eq(int, get("/api/rooms/demo/play"), 200));
	cr_expect(body_has(&f, "\"https://shop.example/whep/demo\""));
	cr_expect(body_has(&f, "\"wss://shop.example/live/demo.flv\""));
	cr_expect(eq(int, order("k1", "{\"sku\":\"A1\",\"qty\":1}"), 201));
	cr_expect(head_has(&f, "Location: https://shop.example/api/orders/"));
}

Test(api, a_rate_says_when_to_come_again)
{
	int status = 201;
	char key[16];
	for (int i = 0; i < 99 && status == 201; i++) { /* 100 are in stock */
		snprintf(key, sizeof(key), "r%d", i);
		status = order(key, "{\"sku\":\"A1\",\"qty\":1}");
	}
	cr_expect(eq(int, status, 429));
	cr_expect(head_has(&f, "Retry-After: 1\r\n"));
	cr_expect(body_has(&f, "rate_limited"));
	cr_expect(ge(i64, metric_get(f.app.counters.orders_limited), 1));
}

Test(api, fifty_events_a_second_are_the_most_in_a_room)
{
	int status = 200;
	for (int i = 0; i < 2000 && status == 200; i++) /* a slow machine refills meanwhile */
		status = app_fixture_host(&f, "POST", "/api/rooms/demo/pin", "{\"sku\":\"A1\"}");
	cr_expect(eq(int, status, 429));
	cr_expect(head_has(&f, "Retry-After: "));
}

Test(api, a_name_longer_than_any_is_not_taken_for_its_beginning)
{
	char sku[65], body[256], path[128];
	memset(sku, 'b', 64);
	sku[64] = '\0';
	snprintf(
		body, sizeof(body),
		"{\"sku\":\"%s\",\"title\":\"x\",\"stock\":1,\"price\":{\"minor\":1,\"cur\":\"CNY\"}}",
		sku);
	cr_assert(eq(int, app_fixture_host(&f, "POST", "/api/rooms/demo/products", body), 201));
	snprintf(path, sizeof(path), "/api/rooms/demo/products/%sx", sku);
	cr_expect(eq(int, app_fixture_host(&f, "DELETE", path, NULL), 404));
	path[strlen(path) - 1] = '\0';
	cr_expect(eq(int, app_fixture_host(&f, "DELETE", path, NULL), 204));
}

Test(api, methods_are_told_apart)
{
	cr_expect(eq(int, app_fixture_request(&f, "PUT", "/api/rooms/demo", NULL, NULL), 405));
	cr_expect(head_has(&f, "Allow: GET, HEAD, PATCH, DELETE\r\n"));
	cr_expect(body_has(&f, "method_not_allowed"));
	cr_expect(eq(int, app_fixture_request(&f, "HEAD", "/api/rooms/demo", NULL, NULL), 200));
	cr_expect_str_eq(f.body, "");
	cr_expect(eq(int, app_fixture_request(&f, "OPTIONS", "/api/rooms/none", NULL, NULL), 204));
	cr_expect(head_has(&f, "Access-Control-Allow-Methods: "));
	cr_expect(head_has(&f, "Range"));
	cr_expect(eq(int, app_fixture_request(&f, "OPTIONS", "/ws/none", NULL, NULL), 204));
	cr_expect(head_has(&f, "Allow: GET, HEAD\r\n"));
	cr_expect(eq(int, app_fixture_request(&f, "OPTIONS", "*", NULL, NULL), 204));
	cr_expect(head_has(&f, "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"));
	cr_expect(eq(int, app_fixture_request(&f, "OPTIONS", "/none", NULL, NULL), 404));
	/* No check comes before. */
	cr_expect(eq(int,
		     app_fixture_request(&f, "OPTIONS", "/whip/none", "Authorization: Bearer x\r\n",
					 NULL),
		     200));
}

Test(api, a_product_that_is_not_there_is_missed_before_the_role_and_the_body)
{
	char viewer[1024];
	snprintf(viewer, sizeof(viewer), "Authorization: Bearer %s\r\n",
		 app_fixture_token(&f, "demo", JWT_VIEWER, "bob"));
	static const char none[] = "/api/rooms/demo/products/none";
	static const char some[] = "/api/rooms/demo/products/A1";
	cr_expect(eq(int, app_fixture_request(&f, "DELETE", none, NULL, NULL), 404));
	cr_expect(eq(int, app_fixture_request(&f, "DELETE", some, NULL, NULL), 401));
	cr_expect(eq(int, app_fixture_request(&f, "DELETE", none, viewer, NULL), 404));
	cr_expect(eq(int, app_fixture_request(&f, "DELETE", some, viewer, NULL), 403));
	cr_expect(eq(int, app_fixture_request(&f, "PATCH", some, viewer, "{"), 403));
	cr_expect(eq(int, app_fixture_host(&f, "PATCH", none, "{"), 404));
	cr_expect(eq(int, app_fixture_host(&f, "PATCH", none, "{\"title\":5}"), 404));
	cr_expect(eq(int, app_fixture_host(&f, "PATCH", some, "{\"title\":5}"), 400));
}

Test(api, an_order_that_is_not_ones_own_is_missed_before_the_key)
{
	char bob[1024], eve[1024], id[64], path[128];
	snprintf(bob, sizeof(bob), "Authorization: Bearer %s\r\n",
		 app_fixture_token(&f, "demo", JWT_VIEWER, "bob"));
	snprintf(eve, sizeof(eve), "Authorization: Bearer %s\r\n",
		 app_fixture_token(&f, "demo", JWT_VIEWER, "eve"));
	cr_assert(eq(int, order("k1", "{\"sku\":\"A1\",\"qty\":1}"), 201));
	cr_assert(eq(int, sscanf(f.body, "{\"id\":\"%63[^\"]", id), 1));
	snprintf(path, sizeof(path), "/api/orders/%s/cancel", id);
	cr_expect(eq(int, app_fixture_request(&f, "POST", path, eve, NULL), 404));
	cr_expect(eq(int, app_fixture_request(&f, "POST", path, bob, NULL), 400));
	cr_expect(body_has(&f, "\"member\":\"Idempotency-Key\""));
	cr_expect(eq(int, app_fixture_request(&f, "POST", "/api/orders/none/cancel", bob, NULL),
		     404));
}

Test(api, what_is_for_later_is_not_there_yet)
{
	static const char *const paths[] = { "/api/orders/x/pay", "/api/orders/x/refund",
					     "/api/orders/x/fulfil", "/api/rooms/demo/sales" };
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		cr_expect(app_fixture_host(&f, "POST", paths[i], "{}") == 404, "%s", paths[i]);
}

Test(api, pages_are_found_with_a_slash_and_missed_as_pages)
{
	const char *const html = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
	cr_expect(eq(int, app_fixture_request(&f, "GET", "/r/demo/?token=a.b", html, NULL), 308));
	cr_expect(head_has(&f, "Location: /r/demo?token=a.b\r\n"), "%s", f.head);
	cr_expect(eq(int, get("/studio/"), 308));
	cr_expect(head_has(&f, "Location: /studio\r\n"), "%s", f.head);
	cr_expect(eq(int, get("/r/"), 404));
	cr_expect(eq(int, get("/r/%3cb%3e/"), 404));
	cr_expect(eq(int, app_fixture_request(&f, "GET", "/nowhere", html, NULL), 404));
	cr_expect(head_has(&f, "Content-Type: text/html") && body_has(&f, "no such page"));
	cr_expect(eq(int, get("/nowhere"), 404));
	cr_expect(head_has(&f, "problem+json"));
	cr_expect(eq(int, app_fixture_request(&f, "GET", "/api/nowhere", html, NULL), 404));
	cr_expect(head_has(&f, "problem+json"));
	cr_expect(eq(int, app_fixture_request(&f, "POST", "/nowhere", html, NULL), 404));
	cr_expect(head_has(&f, "problem+json"));
}

Test(api, lists_come_in_pages)
{
	cr_expect(eq(int, get("/api/rooms/demo/products?after=gone"), 400));
	cr_expect(body_has(&f, "\"member\":\"after\""));
	cr_expect(eq(int, get("/api/rooms/demo/products?limit=1"), 200));
	cr_expect(body_has(&f, "\"next\":null"));
	cr_expect(eq(int, get("/api/rooms/demo/products?limit=0"), 400));
	cr_expect(body_has(&f, "\"member\":\"limit\""));
	cr_expect(eq(int, get("/api/rooms/demo/events?after=x"), 400));
	cr_expect(eq(int, get("/api/rooms/demo/events?after=0"), 200));
	cr_expect(body_has(&f, "product.add"));
}

Test(api, reads_make_room_for_orders)
{
	f.worker->reads = WORKER_READS_MAX;
	cr_expect(eq(int, get("/api/rooms/demo/events?after=0"), 503));
	cr_expect(head_has(&f, "Retry-After: "));
	cr_expect(eq(i64, metric_get(f.app.counters.reads_refused), 1));
	cr_expect(eq(int, get("/api/rooms/demo/state"), 200), "answered from the snapshot");
	cr_expect(eq(int, order("k1", "{\"sku\":\"A1\",\"qty\":1}"), 201));
	f.worker->reads = 0;
	cr_expect(eq(int, get("/api/rooms/demo/events?after=0"), 200));
	cr_expect(eq(u32, f.worker->reads, 0));
}

Test(api, recordings_that_clients_have_not_taken_leave_no_room_for_more)
{
	f.worker->replay_bytes = REPLAY_UNSENT_MAX;
	cr_expect(eq(int, get("/api/rooms/demo/recordings"), 503));
	cr_expect(head_has(&f, "Retry-After: "));
	cr_expect(eq(i64, metric_get(f.app.counters.reads_refused), 1));
	f.worker->replay_bytes = 0;
	cr_expect(eq(int, get("/api/rooms/demo/recordings"), 200));
	app_fixture_turn(&f);
	cr_expect(eq(sz, f.worker->replay_bytes, 0));
}

Test(api, what_concerns_all_rooms_is_not_for_the_admin_of_one)
{
	char fields[1200];
	snprintf(fields, sizeof(fields), "Authorization: Bearer %s\r\n",
		 app_fixture_token(&f, "demo", JWT_ADMIN, "root"));
	cr_expect(eq(int, app_fixture_request(&f, "GET", "/api/rooms", fields, NULL), 403));
	cr_expect(eq(int, app_fixture_request(&f, "POST", "/api/rooms", fields, "{\"id\":\"r2\"}"),
		     403));
	cr_expect(eq(int, app_fixture_request(&f, "GET", "/api/orders", fields, NULL), 200));
	cr_expect(eq(int, app_fixture_request(&f, "DELETE", "/api/rooms/demo", fields, NULL), 204));
}

Test(api, websockets_have_a_cap)
{
	static const char upgrade[] = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
				      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
				      "Sec-WebSocket-Protocol: souk.v1\r\n";
	f.worker->socket_count = WORKER_SOCKETS_MAX;
	cr_expect(eq(int, app_fixture_request(&f, "GET", "/ws/demo", upgrade, NULL), 503));
	cr_expect(eq(i64, metric_get(f.app.counters.sockets_refused), 1));
	f.worker->socket_count = 0;
	cr_expect(eq(int, get("/ws/demo"), 400));
	cr_expect(body_has(&f, "\"member\":\"Upgrade\""));
}

Test(api, media_of_a_room_that_is_not_live_says_when_to_come_again)
{
	cr_expect(eq(int, get("/live/demo.flv"), 404));
	cr_expect(body_has(&f, "not_live"));
	cr_expect(head_has(&f, "Retry-After: "));
	cr_expect(eq(int, get("/live/demo.flv?sid=short"), 400));
	cr_expect(eq(int, get("/live/none.flv"), 404));
	cr_expect(body_has(&f, "not_found"));
}

Test(api, head_of_a_live_stream_is_no_viewer)
{
	struct room_view *view = room_view_find(f.worker, "demo");
	view->snapshot->state = ROOM_LIVE; /* nobody else looks at this snapshot */
	cr_expect(eq(int, app_fixture_request(&f, "HEAD", "/live/demo.flv", NULL, NULL), 200));
	cr_expect(head_has(&f, "video/x-flv"));
	cr_expect(not(head_has(&f, "Content-Length")), "it has no end");
	cr_expect(eq(u32, view->viewers, 0));
	cr_expect(eq(int, get("/live/demo.flv?rendition=720p"), 404));
	cr_expect(body_has(&f, "\"member\":\"rendition\""));
	f.app.config.viewers_max = 0;
	cr_expect(eq(int, get("/live/demo.flv"), 503));
	cr_expect(eq(i64, metric_get(f.app.counters.viewers_refused), 1));
}

Test(api, who_would_need_more_time_than_there_is_gets_503_and_when_to_come_again)
{
	struct room_view *view = room_view_find(f.worker, "demo");
	view->snapshot->state = ROOM_LIVE; /* nobody else looks at this snapshot */
	timer_stop(&f.worker->clocks); /* nor at the load */
	atomic_store(&f.worker->admission.limit, 0);
	cr_expect(eq(int, get("/live/demo.flv"), 503));
	cr_expect(head_has(&f, "Retry-After: "));
	cr_expect(body_has(&f, "overloaded"));
	cr_expect(eq(i64, metric_get(f.app.counters.viewers_refused), 1));
}

static int guest(const char *way)
{
	char fields[128];
	snprintf(fields, sizeof(fields), "X-Forwarded-For: %s\r\n", way);
	return app_fixture_request(&f, "POST", "/api/guest", fields, "{\"room\":\"demo\"}");
}

Test(api, guests_are_counted_by_address_where_an_option_says_so)
{
	cr_assert(eq(int, rate_limit_create(&f.worker->guests, 2, 2), 0));
	cr_assert(eq(int, proxies_add(&f.app.config.proxies, "127.0.0.1"), 0));
	cr_expect(eq(int, guest("203.0.113.9"), 201));
	cr_expect(eq(int, guest("198.51.100.1, 203.0.113.9"), 201));
	cr_expect(eq(int, guest("198.51.100.2, 203.0.113.9"), 429));
	cr_expect(head_has(&f, "Retry-After: "), "%s", f.head);
	cr_expect(eq(int, guest("203.0.113.10"), 201));
	app_fixture_advance(&f, INT64_C(31) * 1000000);
	cr_expect(eq(int, guest("203.0.113.9"), 201));
	cr_expect(eq(int, guest("203.0.113.9"), 429));
}

Test(api, who_is_not_trusted_says_nothing_of_addresses)
{
	cr_assert(eq(int, rate_limit_create(&f.worker->guests, 1, 1), 0));
	cr_expect(eq(int, guest("203.0.113.9"), 201));
	cr_expect(eq(int, guest("203.0.113.10"), 429));
}

Test(api, a_call_under_way_keeps_the_drain_waiting)
{
	struct loopback_client client;
	const struct addr peer = { 0 };
	char request[1400];
	http_server_accept(f.worker->http, loopback_client_open(&client), &peer, NULL);
	snprintf(request, sizeof(request),
		 "POST /api/rooms/demo/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
		 "Idempotency-Key: d1\r\nContent-Length: 20\r\n\r\n{\"sku\":\"A1\",\"qty\":1}",
		 app_fixture_token(&f, "demo", JWT_VIEWER, "bob"));
	loopback_client_text(&client, request);
	for (int i = 0; i < 1000 && app_settled(&f.app); i++)
		loop_poll(f.worker->loop);
	cr_expect(not(app_settled(&f.app)));
	app_drain(&f.app);
	app_fixture_settle(&f);
	cr_expect(loopback_client_wait(&client, f.worker->loop, "201 Created"));
	cr_expect(loopback_client_wait(&client, f.worker->loop, "Connection: close"));
	loopback_client_close(&client);
}

Test(api, a_client_that_leaves_early_harms_nobody)
{
	struct loopback_client client;
	const struct addr peer = { 0 };
	http_server_accept(f.worker->http, loopback_client_open(&client), &peer, NULL);
	loopback_client_text(&client,
			     "GET /api/rooms/demo/events?after=0 HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 1000 && !f.worker->reads; i++)
		loop_poll(f.worker->loop);
	cr_expect(eq(u32, f.worker->reads, 1));
	loopback_client_close(&client);
	app_fixture_settle(&f);
	cr_expect(eq(u32, f.worker->reads, 0));
}
