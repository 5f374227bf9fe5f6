/* Requests through the whole server: routes, checks, writes and their answers. */
#include "server/core/http_server.h"
#include "server/core/loop.h"
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
	for (int i = 0; i < 30 && status == 201; i++) {
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
	for (int i = 0; i < 60 && status == 200; i++)
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
	cr_expect(eq(int, app_fixture_request(&f, "OPTIONS", "/", NULL, NULL), 405));
	/* No check comes before. */
	cr_expect(eq(int,
		     app_fixture_request(&f, "OPTIONS", "/whip/none", "Authorization: Bearer x\r\n",
					 NULL),
		     200));
}

Test(api, what_is_for_later_is_not_there_yet)
{
	static const char *const paths[] = { "/api/orders/x/pay", "/api/orders/x/refund",
					     "/api/orders/x/fulfil", "/api/rooms/demo/sales" };
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		cr_expect(app_fixture_host(&f, "POST", paths[i], "{}") == 404, "%s", paths[i]);
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
