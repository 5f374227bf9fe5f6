#include "server/core/http1.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST "Host: souk.example\r\n"

static struct http1 http;

static void setup(void)
{
	http1_init(&http);
}

static void teardown(void)
{
	http1_finish(&http);
}

TestSuite(http1, .init = setup, .fini = teardown);

/* Feeds text with a body cap of 1,000; bytes not taken are counted in *left. */
static enum http1_event feed_all(const char *text, size_t text_len, size_t *left)
{
	const uint8_t *data = (const uint8_t *)text;
	size_t len = text_len;
	enum http1_event event = http1_feed(&http, &data, &len);
	if (event == HTTP1_HEAD) {
		http1_set_body_cap(&http, 1000);
		event = http1_feed(&http, &data, &len);
	}
	*left = len;
	return event;
}

static enum http1_event feed(const char *text)
{
	size_t left;
	return feed_all(text, strlen(text), &left);
}

static int status_of(const char *text)
{
	return feed(text) == HTTP1_FAILED ? http.status : 0;
}

Test(http1, reads_a_request_with_headers_and_query)
{
	cr_assert(eq(int,
		     feed("GET /api/rooms/demo%20x?token=a%2Bb HTTP/1.1\r\nhost: a:8080\r\n"
			  "X-One:  two words \t\r\n\r\n"),
		     HTTP1_DONE));
	cr_assert(eq(str, (char *)http.method, "GET"));
	cr_assert(eq(str, (char *)http.path, "/api/rooms/demo x"));
	cr_assert(eq(str, (char *)http.query, "token=a%2Bb"));
	cr_assert(eq(str, (char *)http1_header(&http, "x-one"), "two words"));
	cr_assert(zero(ptr, (void *)http1_header(&http, "X-Two")));
	cr_assert(http.keep_alive);
}

Test(http1, leaves_what_follows_the_request_untouched)
{
	static const char text[] =
		"POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhelloGET /";
	size_t left;
	cr_assert(eq(int, feed_all(text, sizeof(text) - 1, &left), HTTP1_DONE));
	cr_assert(eq(sz, left, 5));
	cr_assert(eq(str, (char *)bytes_string(&http.body), "hello"));
}

Test(http1, joins_chunks)
{
	cr_assert(eq(int,
		     feed("POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n"
			  "5\r\nhello\r\n00A\r\n, market! \r\n0\r\n\r\n"),
		     HTTP1_DONE));
	cr_assert(eq(str, (char *)bytes_string(&http.body), "hello, market! "));
}

Test(http1, ignores_chunk_extensions_up_to_a_bound)
{
	char text[2048];
	static const char form[] = "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
				   "5;a=1;b=\"c;d\"\r\nhello\r\n1;%*s\r\n!\r\n0;last\r\n\r\n";
	const int others = sizeof(";a=1;b=\"c;d\";;last") - 1;
	snprintf(text, sizeof(text), form, HTTP1_EXTENSIONS_MAX - others, "");
	cr_assert(eq(int, feed(text), HTTP1_DONE));
	cr_assert(eq(str, (char *)bytes_string(&http.body), "hello!"));
	http1_reset(&http);
	snprintf(text, sizeof(text), form, HTTP1_EXTENSIONS_MAX - others + 1, "");
	cr_assert(eq(int, feed(text), HTTP1_FAILED));
	cr_assert(eq(int, http.status, 400));
}

Test(http1, discards_trailers_up_to_a_bound)
{
	char text[2048];
	static const char form[] = "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
				   "5\r\nhello\r\n0\r\nX-Sum: 7\r\nEmpty:\r\nX: %*s\r\n\r\nGET /";
	const int others = sizeof("X-Sum: 7\r\nEmpty:\r\nX: \r\n\r\n") - 1;
	size_t left;
	snprintf(text, sizeof(text), form, HTTP1_TRAILERS_MAX - others, "");
	cr_assert(eq(int, feed_all(text, strlen(text), &left), HTTP1_DONE));
	cr_assert(eq(sz, left, 5));
	cr_assert(eq(str, (char *)bytes_string(&http.body), "hello"));
	cr_assert(zero(ptr, (void *)http1_header(&http, "X-Sum")));
	http1_reset(&http);
	snprintf(text, sizeof(text), form, HTTP1_TRAILERS_MAX - others + 1, "");
	cr_assert(eq(int, feed(text), HTTP1_FAILED));
	cr_assert(eq(int, http.status, 431));
}

Test(http1, takes_the_origin_off_an_absolute_target)
{
	static const struct {
		const char *target;
		const char *path;
		const char *query;
	} rows[] = {
		{ "http://a.example/x?y=1", "/x", "y=1" },
		{ "HTTPS://a.example:8443", "/", "" },
		{ "http://a.example?y", "/", "y" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[200];
		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "\r\n", rows[i].target);
		cr_assert(eq(int, feed(text), HTTP1_DONE));
		cr_assert(eq(str, (char *)http.path, (char *)rows[i].path));
		cr_assert(eq(str, (char *)http.query, (char *)rows[i].query));
		http1_reset(&http);
	}
}

Test(http1, options_may_ask_about_the_whole_server)
{
	cr_assert(eq(int, feed("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), HTTP1_DONE));
	cr_assert(eq(str, (char *)http.path, "*"));
}

Test(http1, http_1_0_and_connection_close_end_the_connection)
{
	cr_assert(eq(int, feed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), HTTP1_DONE));
	cr_assert(not(http.keep_alive));
	http1_reset(&http);
	cr_assert(eq(int, feed("GET / HTTP/1.1\r\n" HOST "Connection: x, Close\r\n\r\n"),
		     HTTP1_DONE));
	cr_assert(not(http.keep_alive));
}

Test(http1, ignores_one_empty_line_before_the_request)
{
	cr_assert(eq(int, feed("\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), HTTP1_DONE));
	http1_reset(&http);
	cr_assert(eq(int, status_of("\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), 400));
}

Test(http1, notes_that_the_client_waits_for_100_continue)
{
	feed("PUT / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-Continue\r\n\r\n");
	cr_assert(http.expects_continue);
	http1_reset(&http);
	cr_assert(eq(int, status_of("PUT / HTTP/1.1\r\n" HOST "Expect: a-miracle\r\n\r\n"), 417));
}

#define HEAD "POST /a HTTP/1.1\r\n" HOST
#define TARGET(target) \
	{ \
		"GET " target " HTTP/1.1\r\n" HOST "\r\n", 400 \
	}
#define CHUNKS(chunks) \
	{ \
		HEAD "Transfer-Encoding: chunked\r\n\r\n" chunks, 400 \
	}

/* Each of these was read differently by two programs once, or is plain nonsense. */
static const struct {
	const char *text;
	int status;
} refused[] = {
	{ HEAD "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400 },
	{ HEAD "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400 },
	{ HEAD "Content-Length: 4, 4\r\n\r\nabcd", 400 },
	{ HEAD "Content-Length: +5\r\n\r\nabcde", 400 },
	{ HEAD "Content-Length: 0x5\r\n\r\nabcde", 400 },
	{ HEAD "Content-Length: -1\r\n\r\n", 400 },
	{ HEAD "Content-Length:\r\n\r\n", 400 },
	{ HEAD "Content-Length: 1 2\r\n\r\n", 400 },
	{ HEAD "Content-Length: 99999999999999999999\r\n\r\n", 400 },
	{ HEAD "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
	{ HEAD "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400 },
	{ HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400 },
	{ HEAD "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400 },
	{ HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400 },
	{ HEAD "Transfer-Encoding: \x0b"
	       "chunked\r\n\r\n0\r\n\r\n",
	  400 },
	{ HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
	{ HEAD "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400 },
	{ "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
	{ HEAD "X: a\r\n b\r\n\r\n", 400 },
	{ HEAD " X: a\r\n\r\n", 400 },
	{ HEAD "X: a\nY: b\r\n\r\n", 400 },
	{ HEAD "X: a\rY: b\r\n\r\n", 400 },
	{ HEAD "X: a\x01\r\n\r\n", 400 },
	{ HEAD "X: a\x7f\r\n\r\n", 400 },
	{ HEAD ": a\r\n\r\n", 400 },
	{ HEAD "X\r\n\r\n", 400 },
	{ HEAD "X y: a\r\n\r\n", 400 },
	CHUNKS("5;ext=1\nhello\r\n0\r\n\r\n"),
	CHUNKS("5;ext=1\n\r\nhello\r\n0\r\n\r\n"),
	CHUNKS("5;ext=1\rX\r\nhello\r\n0\r\n\r\n"),
	CHUNKS("5;ext=\x01\r\nhello\r\n0\r\n\r\n"),
	CHUNKS("5;ext=\x80\r\nhello\r\n0\r\n\r\n"),
	CHUNKS("5 ;ext=1\r\nhello\r\n0\r\n\r\n"),
	CHUNKS(";ext=1\r\nhello\r\n0\r\n\r\n"),
	CHUNKS("-1\r\n"),
	CHUNKS("0x5\r\nhello\r\n"),
	CHUNKS(" 5\r\nhello\r\n"),
	CHUNKS("5 \r\nhello\r\n"),
	CHUNKS("\r\n"),
	CHUNKS("000000005\r\nhello\r\n"),
	CHUNKS("5\nhello\r\n0\r\n\r\n"),
	CHUNKS("5\r\nhelloX\r\n0\r\n\r\n"),
	CHUNKS("0\r\nTrailer: x\r\n\r\n"),
	CHUNKS("0\r\nContent-Length: 5\r\n\r\nhello"),
	CHUNKS("0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
	CHUNKS("0\r\nHost: b\r\n\r\n"),
	CHUNKS("0\r\nAuthorization: Bearer x\r\n\r\n"),
	CHUNKS("0\r\nX: a\n\r\n"),
	CHUNKS("0\r\nX: a\rb\r\n\r\n"),
	CHUNKS("0\r\nX : a\r\n\r\n"),
	CHUNKS("0\r\nX: a\r\n b\r\n\r\n"),
	CHUNKS("0\r\nX\r\n\r\n"),
	CHUNKS("0\r\nX: \x01\r\n\r\n"),
	CHUNKS("0\r\n\n"),
	{ HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n", 0 },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413 },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\n3e8\r\n", 0 },
	{ HEAD "Content-Length: 1001\r\n\r\n", 413 },
	{ HEAD "Content-Length: 2147483648\r\n\r\n", 413 },
	{ "GET / HTTP/1.1\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400 },
	{ "GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400 },
	{ "GET  / HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET / HTTP/1.1 \r\n" HOST "\r\n", 400 },
	{ "GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET /\r\n", 0 },
	{ "GET /\r\n\r\n", 400 },
	{ "G(T / HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET / http/1.1\r\n" HOST "\r\n", 400 },
	{ "GET / HTTP/1.12\r\n" HOST "\r\n", 400 },
	{ "GET / HTTP/1.2\r\n" HOST "\r\n", 505 },
	{ "GET / HTTP/0.9\r\n" HOST "\r\n", 505 },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505 },
	{ "CONNECT a.example:443 HTTP/1.1\r\n" HOST "\r\n", 400 },
	TARGET("*"),
	TARGET("ftp://a/x"),
	TARGET("http:///x"),
	TARGET("http://user@a/x"),
	TARGET("a/b"),
	TARGET("/a#b"),
	TARGET("/a\x80"),
	TARGET("/a%2fb"),
	TARGET("/a%5Cb"),
	TARGET("/a\\b"),
	TARGET("/a%00b"),
	TARGET("/a%0ab"),
	TARGET("/a%7fb"),
	TARGET("/a%"),
	TARGET("/a%2"),
	TARGET("/a%zz"),
	TARGET("/../a"),
	TARGET("/a/.."),
	TARGET("/a/./b"),
	TARGET("/%2e%2E/a"),
	TARGET("/a//b"),
	TARGET("//a"),
	TARGET("/%c0%af"),
	TARGET("/%ed%a0%80"),
	TARGET("/%ff"),
};

ParameterizedTestParameters(http1, refuses)
{
	static size_t rows[sizeof(refused) / sizeof(refused[0])];
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(size_t *row, http1, refuses)
{
	cr_assert(eq(int, status_of(refused[*row].text), refused[*row].status), "%s",
		  refused[*row].text);
}

ParameterizedTestParameters(http1, refuses_the_same_byte_by_byte)
{
	static size_t rows[sizeof(refused) / sizeof(refused[0])];
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(size_t *row, http1, refuses_the_same_byte_by_byte)
{
	const char *text = refused[*row].text;
	enum http1_event event = HTTP1_MORE;
	for (size_t i = 0; text[i] && event != HTTP1_FAILED; i++) {
		size_t left;
		event = feed_all(text + i, 1, &left);
	}
	cr_assert(eq(int, event == HTTP1_FAILED ? http.status : 0, refused[*row].status));
}

Test(http1, nul_is_refused_wherever_it_stands)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
	size_t left;
	cr_assert(eq(int, feed_all(text, sizeof(text) - 1, &left), HTTP1_FAILED));
	cr_assert(eq(int, http.status, 400));
}

static char *repeat(const char *start, char fill, size_t count, const char *end)
{
	char *text = calloc(1, strlen(start) + count + strlen(end) + 1);
	strcpy(text, start);
	memset(text + strlen(start), fill, count);
	strcat(text, end);
	return text;
}

Test(http1, caps_the_request_line_and_the_headers)
{
	char *line = repeat("GET /", 'a', HTTP1_HEAD_MAX, " HTTP/1.1\r\n");
	cr_assert(eq(int, status_of(line), 414));
	http1_reset(&http);
	char *header = repeat("GET / HTTP/1.1\r\nX: ", 'a', HTTP1_HEAD_MAX, "\r\n");
	cr_assert(eq(int, status_of(header), 431));
	http1_reset(&http);
	static const char start[] = "GET / HTTP/1.1\r\n" HOST "X: ";
	char *fits = repeat(start, 'a', HTTP1_HEAD_MAX - (sizeof(start) - 1) - 4, "\r\n\r\n");
	cr_assert(eq(int, feed(fits), HTTP1_DONE));
	free(line);
	free(header);
	free(fits);
}

Test(http1, caps_the_number_of_headers)
{
	struct bytes text;
	bytes_init(&text, HTTP1_HEAD_MAX);
	bytes_text(&text, "GET / HTTP/1.1\r\n" HOST);
	for (int i = 0; i < HTTP1_HEADERS_MAX; i++)
		bytes_text(&text, "a:\r\n");
	bytes_text(&text, "\r\n");
	cr_assert(eq(int, status_of(bytes_string(&text)), 431));
	bytes_finish(&text);
}

Test(http1, reset_makes_room_for_the_next_request)
{
	cr_assert(http1_idle(&http));
	cr_assert(eq(int, feed("POST /a HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"),
		     HTTP1_DONE));
	cr_assert(not(http1_idle(&http)));
	http1_reset(&http);
	cr_assert(http1_idle(&http));
	cr_assert(eq(int, feed("GET /b HTTP/1.1\r\n" HOST "\r\n"), HTTP1_DONE));
	cr_assert(eq(sz, http.body.len, 0));
}

Test(http1, what_has_no_weight_is_not_accepted)
{
	static const struct {
		const char *list;
		bool accepted;
	} rows[] = {
		{ "gzip", true },       { "deflate, GZip , br", true },
		{ "gzip;q=1.0", true }, { "br, gzip ; q=0.001", true },
		{ "gzip;q=0", false },  { "gzip; Q=0.000, br", false },
		{ "gzip;q=0.", false }, { "x-gzip, gzipped", false },
		{ "*", false },         { "identity;q=0.5, gzip;q=0.5", true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[200];
		snprintf(text, sizeof(text),
			 "GET / HTTP/1.1\r\n" HOST "Accept-Encoding: %s\r\n\r\n", rows[i].list);
		cr_assert(eq(int, feed(text), HTTP1_DONE));
		cr_expect(http1_accepts(&http, "accept-encoding", "gzip") == rows[i].accepted, "%s",
			  rows[i].list);
		http1_reset(&http);
	}
	cr_assert(eq(int, feed("GET / HTTP/1.1\r\n" HOST "\r\n"), HTTP1_DONE));
	cr_expect(not(http1_accepts(&http, "Accept-Encoding", "gzip")));
}

Test(http1, list_headers_are_searched_over_all_their_lines)
{
	feed("GET / HTTP/1.1\r\n" HOST "Upgrade: h2c\r\nupgrade: a,  WebSocket \r\n\r\n");
	cr_assert(http1_header_has(&http, "Upgrade", "websocket"));
	cr_assert(not(http1_header_has(&http, "Upgrade", "web")));
	cr_assert(not(http1_header_has(&http, "Connection", "websocket")));
}
