#include "server/core/http_server.h"

#include "server/core/addr.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"
#include "server/core/loop.h"
#include "server/core/metrics.h"
#include "tests/support/fake_clock.h"
#include "tests/support/loopback_client.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HOST      "Host: souk.example\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

enum { BIG = 8 * 1024 * 1024, SECOND_US = 1000 * 1000 };

struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct http_server *server;
	struct metrics *metrics;
	struct loopback_client client;
	struct http_request *held; /* of /later and /stream */
	struct buf *big;
	int requests;
	int requests_before_other; /* that were served before /other */
	int gone;
	int sent;
	int drained;
	bool reply_when_gone;
};

static struct fixture f;

static void on_gone(void *arg)
{
	(void)arg;
	f.gone++;
	if (f.reply_when_gone) /* too late, and harmless */
		http_reply(f.held, 200, NULL, "late", 4);
	f.held = NULL;
}

static void on_sent(void *arg)
{
	(void)arg;
	f.sent++;
}

static void on_drained(void *arg)
{
	(void)arg;
	f.drained++;
}

static const struct http_stream_ops stream_ops = { on_drained, on_gone };

static void echo(struct http_request *request)
{
	size_t len;
	const uint8_t *body = http_body(request, &len);
	http_reply(request, 201,
		   (struct http_header[]){ { "X-Bad", "a\r\nX-Evil: b" },
					   { "Location", "/echo/1" },
					   { NULL, NULL } },
		   body, len);
}

static void on_request(struct http_request *request, void *arg)
{
	(void)arg;
	const char *path = http_path(request);
	f.requests++;
	if (!strcmp(path, "/later")) {
		f.held = request;
		http_on_gone(request, on_gone, NULL);
	} else if (!strcmp(path, "/stream") || !strcmp(path, "/chunked")) {
		f.held = request;
		http_stream_begin(request, 200, NULL,
				  path[1] == 'c' ? HTTP_CHUNKED : HTTP_UNTIL_CLOSE, &stream_ops,
				  NULL);
	} else if (!strcmp(path, "/abort")) {
		http_stream_begin(request, 200, NULL, HTTP_UNTIL_CLOSE, &stream_ops, NULL);
		http_stream_abort(request);
	} else if (!strcmp(path, "/big")) {
		http_on_sent(request, on_sent, NULL);
		http_reply_buf(request, 200, NULL, f.big);
	} else if (!strcmp(path, "/parts")) {
		struct buf *parts[] = { buf_copy("one ", 4), buf_copy("two ", 4),
					buf_copy("three", 5) };
		http_reply_ranges(request, NULL, parts, 3);
		for (int i = 0; i < 3; i++)
			buf_unref(parts[i]);
	} else if (!strcmp(path, "/other")) {
		f.requests_before_other = f.requests - 1;
		http_reply(request, 204, NULL, NULL, 0);
	} else if (!strcmp(path, "/empty")) {
		http_reply(request, 204, NULL, NULL, 0);
	} else if (!strncmp(path, "/echo", 5)) {
		echo(request);
	} else {
		http_reply(request, 200, NULL, path, strlen(path));
	}
}

static size_t body_cap(const char *method, const char *path, void *arg)
{
	(void)arg;
	cr_assert(not(strcmp(method, "GET") == 0 && strcmp(path, "/echo") == 0));
	return strcmp(path, "/echo/small") == 0 ? 10 : HTTP_BODY_CAP;
}

static void connect_client(struct loopback_client *client)
{
	struct addr peer;
	cr_assert(eq(int, addr_set(&peer, "127.0.0.1", 4321), 0));
	http_server_accept(f.server, loopback_client_open(client), &peer, NULL);
}

static void setup(void)
{
	f = (struct fixture){ 0 };
	fake_clock_init(&f.fake);
	f.big = buf_create(BIG);
	memset(f.big->data, 'b', BIG);
	cr_assert(eq(int, metrics_create(&f.metrics), 0));
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	const struct http_server_opts opts = { .on_request = on_request,
					       .body_cap = body_cap,
					       .connections_cap = 2,
					       .metrics = f.metrics };
	cr_assert(eq(int, http_server_create(&f.server, f.loop, &opts), 0));
	connect_client(&f.client);
}

static void teardown(void)
{
	http_server_destroy(f.server);
	loopback_client_close(&f.client);
	loop_poll(f.loop);
	loop_destroy(f.loop);
	metrics_destroy(f.metrics);
	cr_assert(eq(uint, f.big->refs, 1));
	buf_unref(f.big);
}

TestSuite(http_server, .init = setup, .fini = teardown);

static void say(const char *text)
{
	loopback_client_text(&f.client, text);
	loopback_client_turn(&f.client, f.loop);
}

static bool hears(const char *text)
{
	return loopback_client_wait(&f.client, f.loop, text);
}

static size_t heard(const char *text)
{
	return loopback_client_count(&f.client, text);
}

static bool ended(void)
{
	return loopback_client_wait_end(&f.client, f.loop);
}

Test(http_server, replies_and_keeps_the_connection)
{
	say(GET("/one"));
	cr_assert(hears("\r\n\r\n/one"));
	cr_assert(hears("HTTP/1.1 200 OK\r\n"));
	cr_assert(hears("Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"));
	cr_assert(hears("Content-Length: 4\r\n"));
	say(GET("/two"));
	cr_assert(hears("\r\n\r\n/two"));
	cr_assert(not(f.client.ended));
	cr_assert(eq(sz, heard("Connection: close"), 0));
}

Test(http_server, bodies_arrive_whole_and_headers_cannot_be_split)
{
	say("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\nhello ");
	cr_assert(eq(int, f.requests, 0));
	say("world");
	cr_assert(hears("\r\n\r\nhello world"));
	cr_assert(eq(sz, heard("HTTP/1.1 201 Created\r\n"), 1));
	cr_assert(eq(sz, heard("Location: /echo/1\r\n"), 1));
	cr_assert(eq(sz, heard("X-Evil"), 0));
}

Test(http_server, several_shared_bodies_are_one)
{
	say(GET("/parts") "HEAD /parts HTTP/1.1\r\n" HOST "\r\n" GET("/x"));
	cr_assert(hears("\r\n\r\n/x"));
	cr_assert(hears("\r\n\r\none two three"));
	cr_assert(eq(sz, heard("Content-Length: 13\r\n"), 2));
	cr_assert(eq(sz, heard("three"), 1));
}

Test(http_server, others_have_their_turn_between_pipelined_requests)
{
	enum { REQUESTS = 200 };
	struct loopback_client other;
	connect_client(&other);
	for (int i = 0; i < REQUESTS; i++)
		loopback_client_text(&f.client, GET("/a"));
	loopback_client_text(&other, GET("/other"));
	cr_assert(loopback_client_wait(&other, f.loop, "HTTP/1.1 204 "));
	cr_assert(lt(int, f.requests_before_other, REQUESTS / 2));
	for (int i = 0; i < REQUESTS && heard("\r\n\r\n/a") < REQUESTS; i++)
		loopback_client_turn(&f.client, f.loop);
	cr_assert(eq(sz, heard("\r\n\r\n/a"), REQUESTS));
	loopback_client_close(&other);
}

Test(http_server, pipelined_requests_are_answered_in_order_one_at_a_time)
{
	say(GET("/a") GET("/later") GET("/b") GET("/c"));
	cr_assert(hears("\r\n\r\n/a"));
	cr_assert(eq(int, f.requests, 2));
	http_reply(f.held, 200, NULL, "later", 5);
	cr_assert(hears("\r\n\r\n/c"));
	cr_assert(eq(int, f.requests, 4));
	const char *all = bytes_string(&f.client.in);
	cr_assert(strstr(all, "\r\n\r\n/a") < strstr(all, "\r\n\r\nlater"));
	cr_assert(strstr(all, "\r\n\r\nlater") < strstr(all, "\r\n\r\n/b"));
}

Test(http_server, a_flood_behind_a_pending_request_stops_being_read)
{
	char *junk = malloc(BIG);
	memset(junk, '\n', BIG);
	say(GET("/later"));
	size_t sent = 0;
	for (int i = 0; i < 2000; i++) {
		const ssize_t n =
			send(f.client.fd, junk + sent, BIG - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		loopback_client_turn(&f.client, f.loop);
		if (n < 0 && i > 20)
			break;
	}
	cr_assert(lt(sz, sent, BIG)); /* the kernel's buffers are full, ours are not growing */
	http_reply(f.held, 200, NULL, "later", 5);
	cr_assert(hears("later"));
	cr_assert(hears("HTTP/1.1 400 "));
	free(junk);
}

Test(http_server, a_part_of_the_parts_is_sent_to_who_asks_for_it)
{
	say("GET /parts HTTP/1.1\r\n" HOST "Range: bytes=2-8\r\n\r\n");
	cr_assert(hears("HTTP/1.1 206 Partial Content\r\n"));
	cr_assert(hears("Content-Range: bytes 2-8/13\r\n"));
	cr_assert(hears("\r\n\r\ne two t"));
	say("GET /parts HTTP/1.1\r\n" HOST "Range: bytes=13-\r\n\r\n");
	cr_assert(hears("HTTP/1.1 416 "));
	cr_assert(hears("Content-Range: bytes */13\r\n"));
	say("HEAD /parts HTTP/1.1\r\n" HOST "Range: bytes=2-8\r\n\r\n");
	cr_assert(hears("Content-Length: 13\r\nAccept-Ranges: bytes\r\n"));
}

Test(http_server, what_is_no_request_is_told_why)
{
	say("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
	cr_assert(hears("HTTP/1.1 400 Bad Request\r\n"));
	cr_assert(hears("\"code\":\"bad_request\",\"detail\":\"Host, Content-Length, "));
}

Test(http_server, a_header_beyond_the_cap_has_a_code_of_its_own)
{
	static char request[10000];
	const int len = snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	memset(request + len, 'x', sizeof(request) - 1 - (size_t)len);
	say(request);
	cr_assert(hears("HTTP/1.1 431 "));
	cr_assert(hears("\"code\":\"header_too_large\""));
}

Test(http_server, a_backlog_is_flushed_before_the_next_request_is_served)
{
	say(GET("/big"));
	loopback_client_text(&f.client, GET("/after"));
	cr_assert(eq(int, f.requests, 1));
	cr_assert(hears("/after"));
	cr_assert(gt(sz, f.client.in.len, BIG));
}

Test(http_server, half_closed_client_still_gets_its_answers)
{
	loopback_client_text(&f.client, GET("/later") GET("/b"));
	loopback_client_shut(&f.client);
	loopback_client_turn(&f.client, f.loop);
	cr_assert(eq(int, f.gone, 0));
	http_reply(f.held, 200, NULL, "later", 5);
	cr_assert(hears("\r\n\r\n/b"));
	cr_assert(ended());
	cr_assert(not(f.client.reset));
}

Test(http_server, head_and_204_carry_no_body)
{
	say("HEAD /one HTTP/1.1\r\n" HOST "\r\n" GET("/empty") GET("/x"));
	cr_assert(hears("\r\n\r\n/x"));
	cr_assert(eq(sz, heard("\r\n\r\n/one"), 0));
	cr_assert(eq(sz, heard("Content-Length: 4\r\n"), 1));
	cr_assert(eq(sz, heard("Content-Length:"), 2));
	cr_assert(eq(sz, heard("HTTP/1.1 204 No Content\r\n"), 1));
}

Test(http_server, connection_close_and_http_1_0_are_honoured)
{
	say("GET /one HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n" GET("/two"));
	cr_assert(ended());
	cr_assert(eq(int, f.requests, 1));
	cr_assert(eq(sz, heard("Connection: close\r\n"), 1));
	struct loopback_client old;
	connect_client(&old);
	loopback_client_text(&old, "GET /old HTTP/1.0\r\n\r\n");
	cr_assert(loopback_client_wait_end(&old, f.loop));
	cr_assert(eq(sz, loopback_client_count(&old, "\r\n\r\n/old"), 1));
	loopback_client_close(&old);
}

/* Attack C1: each is followed by a second request that must not be served. */
static const char *const smuggled[] = {
	"POST / HTTP/1.1\r\n" HOST
	"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\n" HOST
	"Transfer-Encoding: gzip, chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
	"POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nabcde",
	"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\nabcde",
	"GET / HTTP/1.1\r\n" HOST "X: y\nZ: w\r\n\r\n",
	"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0;a=b\n\r\n",
	"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
	"GET / HTTP/1.1\r\n\r\n",
	"GET /..%2f HTTP/1.1\r\n" HOST "\r\n",
	"GET / HTTP/1.1\r\n" HOST " folded: x\r\n\r\n",
};

ParameterizedTestParameters(http_server, smuggling)
{
	static size_t rows[sizeof(smuggled) / sizeof(smuggled[0])];
	for (size_t i = 0; i < sizeof(smuggled) / sizeof(smuggled[0]); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(size_t *row, http_server, smuggling)
{
	loopback_client_text(&f.client, smuggled[*row]);
	say(GET("/smuggled"));
	cr_assert(ended());
	cr_assert(eq(int, f.requests, 0));
	cr_assert(eq(sz, heard("HTTP/1.1 "), 1));
	cr_assert(eq(sz, heard("HTTP/1.1 400 Bad Request\r\n"), 1));
	cr_assert(eq(sz, heard("\"code\":\"bad_request\""), 1));
	cr_assert(not(f.client.reset));
}

Test(http_server, bodies_beyond_the_routes_cap_are_413)
{
	say("POST /echo/small HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n");
	cr_assert(hears("HTTP/1.1 413 Content Too Large\r\n"));
	cr_assert(hears("\"code\":\"too_large\""));
	cr_assert(ended());
}

Test(http_server, all_that_was_pipelined_before_the_clients_end_is_answered)
{
	enum { REQUESTS = 50 };
	for (int i = 0; i < REQUESTS; i++)
		loopback_client_text(&f.client, GET("/a"));
	loopback_client_shut(&f.client);
	cr_assert(ended());
	cr_assert(eq(sz, heard("\r\n\r\n/a"), REQUESTS));
}

Test(http_server, says_continue_only_when_the_body_will_be_taken)
{
	say("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	cr_assert(hears("HTTP/1.1 100 Continue\r\n\r\n"));
	say("hello");
	cr_assert(hears("\r\n\r\nhello"));
	say("POST /echo/small HTTP/1.1\r\n" HOST
	    "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n");
	cr_assert(hears("HTTP/1.1 413 "));
	cr_assert(eq(sz, heard("100 Continue"), 1));
}

Test(http_server, slow_requests_are_cut_off_after_ten_seconds)
{
	for (int i = 0; i < 9; i++) {
		say(i == 0 ? "GET / HTTP/1.1\r\n" : "X: y\r\n");
		fake_clock_advance(&f.fake, f.loop, SECOND_US);
	}
	cr_assert(eq(sz, f.client.in.len, 0));
	fake_clock_advance(&f.fake, f.loop, 2 * SECOND_US);
	cr_assert(hears("HTTP/1.1 408 "));
	cr_assert(ended());
	cr_assert(eq(int, f.requests, 0));
}

Test(http_server, silent_connections_are_closed_without_a_word)
{
	fake_clock_advance(&f.fake, f.loop, (HTTP_REQUEST_S + 1) * SECOND_US);
	cr_assert(ended());
	cr_assert(eq(sz, f.client.in.len, 0));
	cr_assert(eq(sz, http_server_connections(f.server), 0));
}

Test(http_server, idle_connections_stay_for_a_minute)
{
	say(GET("/a"));
	fake_clock_advance(&f.fake, f.loop, (HTTP_KEEP_ALIVE_S - 1) * SECOND_US);
	say(GET("/b"));
	cr_assert(hears("\r\n\r\n/b"));
	fake_clock_advance(&f.fake, f.loop, (HTTP_KEEP_ALIVE_S + 1) * SECOND_US);
	cr_assert(ended());
}

Test(http_server, a_reader_that_takes_nothing_of_a_reply_is_given_up)
{
	loopback_client_text(&f.client, GET("/big"));
	fake_clock_advance(&f.fake, f.loop, (HTTP_STALL_S + 1) * SECOND_US);
	cr_assert(eq(sz, http_server_connections(f.server), 0));
}

Test(http_server, sent_is_told_when_the_client_has_taken_the_reply_or_is_gone)
{
	say(GET("/big"));
	cr_assert(eq(int, f.sent, 0));
	cr_assert(loopback_client_wait_len(&f.client, f.loop, BIG));
	loopback_client_turn(&f.client, f.loop);
	cr_assert(eq(int, f.sent, 1));
	struct loopback_client other;
	connect_client(&other);
	loopback_client_text(&other, GET("/big"));
	loop_poll(f.loop);
	cr_assert(eq(int, f.requests, 2));
	loopback_client_close(&other);
	for (int i = 0; i < 20; i++)
		loop_poll(f.loop);
	cr_assert(eq(int, f.sent, 2));
}

Test(http_server, gone_is_told_when_the_client_leaves_before_the_reply)
{
	const struct linger now = { .l_onoff = 1 };
	setsockopt(f.client.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	f.reply_when_gone = true;
	say(GET("/later"));
	loopback_client_close(&f.client);
	for (int i = 0; i < 20; i++)
		loop_poll(f.loop);
	cr_assert(eq(int, f.gone, 1));
	cr_assert(eq(sz, http_server_connections(f.server), 0));
}

Test(http_server, stream_until_close_sends_bare_bytes)
{
	struct buf *tag = buf_copy("tag", 3);
	struct buf *tags[] = { tag, tag };
	say(GET("/stream"));
	cr_assert(eq(int, http_stream_write(f.held, "FLV", 3), 0));
	cr_assert(eq(int, http_stream_write_bufs(f.held, tags, 2), 0));
	cr_assert(hears("Connection: close\r\n\r\nFLVtagtag"));
	http_stream_end(f.held);
	cr_assert(ended());
	cr_assert(eq(int, f.gone, 0));
	buf_unref(tag);
}

Test(http_server, stream_backlog_is_shown_and_drains)
{
	say(GET("/stream"));
	cr_assert(eq(int, http_stream_write_bufs(f.held, &f.big, 1), 0));
	cr_assert(gt(sz, http_stream_backlog(f.held), 0));
	cr_assert(loopback_client_wait_len(&f.client, f.loop, BIG));
	loopback_client_turn(&f.client, f.loop);
	cr_assert(eq(int, f.drained, 1));
	cr_assert(eq(sz, http_stream_backlog(f.held), 0));
}

Test(http_server, viewer_that_closes_its_stream_is_gone)
{
	say(GET("/stream"));
	loopback_client_shut(&f.client);
	loopback_client_turn(&f.client, f.loop);
	cr_assert(eq(int, f.gone, 1));
	cr_assert(ended());
}

Test(http_server, aborted_stream_ends_at_once_without_a_callback)
{
	say(GET("/abort") GET("/more"));
	cr_assert(ended());
	cr_assert(eq(int, f.gone, 0));
	cr_assert(eq(int, f.requests, 1));
}

Test(http_server, chunked_stream_keeps_the_connection)
{
	struct buf *part = buf_copy("0123456789abcdef", 16);
	say(GET("/chunked"));
	cr_assert(eq(int, http_stream_write(f.held, "one", 3), 0));
	cr_assert(eq(int, http_stream_write(f.held, "", 0), 0));
	cr_assert(eq(int, http_stream_write_bufs(f.held, &part, 1), 0));
	http_stream_end(f.held);
	cr_assert(hears("Transfer-Encoding: chunked\r\n\r\n"
			"3\r\none\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"));
	say(GET("/next"));
	cr_assert(hears("\r\n\r\n/next"));
	buf_unref(part);
}

Test(http_server, head_of_a_stream_sends_no_bytes)
{
	say("HEAD /stream HTTP/1.1\r\n" HOST "\r\n");
	cr_assert(eq(int, http_stream_write(f.held, "FLV", 3), 0));
	http_stream_end(f.held);
	cr_assert(ended());
	cr_assert(eq(sz, heard("FLV"), 0));
	cr_assert(eq(sz, heard("HTTP/1.1 200 OK\r\n"), 1));
}

Test(http_server, past_its_cap_it_answers_503)
{
	struct loopback_client more[2];
	connect_client(&more[0]);
	connect_client(&more[1]);
	cr_assert(loopback_client_wait_end(&more[1], f.loop));
	cr_assert(eq(sz, loopback_client_count(&more[1], "HTTP/1.1 503 "), 1));
	cr_assert(eq(sz, loopback_client_count(&more[1], "Retry-After: "), 1));
	say(GET("/a"));
	cr_assert(hears("\r\n\r\n/a"));
	loopback_client_close(&more[0]);
	loopback_client_close(&more[1]);
}

Test(http_server, drain_closes_the_idle_and_lets_the_others_finish)
{
	struct loopback_client idle;
	connect_client(&idle);
	say(GET("/later"));
	http_server_drain(f.server);
	cr_assert(loopback_client_wait_end(&idle, f.loop));
	http_reply(f.held, 200, NULL, "later", 5);
	cr_assert(hears("Connection: close\r\n\r\nlater"));
	cr_assert(ended());
	loopback_client_close(&idle);
}

Test(http_server, destroy_tells_those_who_hold_requests)
{
	say(GET("/later"));
	http_server_destroy(f.server);
	f.server = NULL;
	cr_assert(eq(int, f.gone, 1));
	cr_assert(ended());
}

Test(http_server, counts_what_it_does)
{
	struct bytes text;
	bytes_init(&text, 10000);
	say(GET("/a") GET("/b") "junk\r\n\r\n");
	cr_assert(hears("HTTP/1.1 400 "));
	metrics_render(f.metrics, &text);
	cr_assert(strstr(bytes_string(&text), "\nsouk_http_requests_total 2\n") != NULL);
	cr_assert(strstr(bytes_string(&text), "\nsouk_http_replies_total{status=\"2xx\"} 2\n") !=
		  NULL);
	cr_assert(strstr(bytes_string(&text), "\nsouk_http_refused_total 1\n") != NULL);
	cr_assert(strstr(bytes_string(&text), "\nsouk_http_connections 1\n") != NULL);
	bytes_finish(&text);
}
