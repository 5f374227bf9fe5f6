#include "load-tests/swarm/http_response.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <string.h>

/* Feeds `text` in cuts of `step` bytes; the last event, and the body in `body`. */
static enum http_response_event feed_all(struct http_response *response, const char *text,
					 size_t step, struct bytes *body)
{
	enum http_response_event event = HTTP_RESPONSE_MORE;
	const uint8_t *data = (const uint8_t *)text;
	size_t left = strlen(text);
	while (left && event != HTTP_RESPONSE_DONE && event != HTTP_RESPONSE_FAILED) {
		size_t part = left < step ? left : step;
		left -= part;
		do {
			event = http_response_feed(response, &data, &part);
			if (event == HTTP_RESPONSE_BODY)
				bytes_put(body, response->piece, response->piece_len);
		} while (event == HTTP_RESPONSE_HEAD || event == HTTP_RESPONSE_BODY);
	}
	return event;
}

static const struct {
	const char *text;
	enum http_response_event last;
	int status;
	bool keep_alive;
	const char *body;
} rows[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", HTTP_RESPONSE_DONE, 200, true,
	  "hello" },
	{ "HTTP/1.1 201 Created\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", HTTP_RESPONSE_DONE,
	  201, true, "" },
	{ "HTTP/1.1 204 No Content\r\n\r\n", HTTP_RESPONSE_DONE, 204, true, "" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nA: b\r\n\r\n",
	  HTTP_RESPONSE_DONE, 200, true, "hello!" },
	{ "HTTP/1.0 200 OK\r\n\r\nrest", HTTP_RESPONSE_MORE, 200, false, "rest" },
	{ "HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", HTTP_RESPONSE_DONE,
	  503, false, "no" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", HTTP_RESPONSE_FAILED, 200,
	  true, "" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", HTTP_RESPONSE_FAILED,
	  200, true, "a" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", HTTP_RESPONSE_FAILED, 200, true,
	  "" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", HTTP_RESPONSE_FAILED, 200, true, "" },
	{ "SSH-2.0-OpenSSH_9.2\r\n\r\n", HTTP_RESPONSE_FAILED, 0, false, "" },
	{ "HTTP/1.1 2x0 OK\r\n\r\n", HTTP_RESPONSE_FAILED, 2, false, "" },
};

ParameterizedTestParameters(http_response, reads_whatever_the_cuts)
{
	static size_t indexes[sizeof(rows) / sizeof(*rows)];
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		indexes[i] = i;
	return cr_make_param_array(size_t, indexes, sizeof(rows) / sizeof(*rows));
}

ParameterizedTest(size_t *i, http_response, reads_whatever_the_cuts)
{
	for (size_t step = 1; step <= strlen(rows[*i].text); step++) {
		struct http_response response;
		struct bytes body;
		http_response_init(&response);
		bytes_init(&body, 1024);
		const enum http_response_event last =
			feed_all(&response, rows[*i].text, step, &body);
		cr_assert(eq(int, last, rows[*i].last), "row %zu, step %zu", *i, step);
		cr_assert(eq(int, response.status, rows[*i].status));
		cr_assert(eq(int, response.keep_alive, rows[*i].keep_alive));
		cr_assert(eq(str, (char *)bytes_string(&body), (char *)rows[*i].body));
		bytes_finish(&body);
		http_response_finish(&response);
	}
}

Test(http_response, finds_headers_in_any_case)
{
	struct http_response response;
	struct bytes body;
	char value[8];
	http_response_init(&response);
	bytes_init(&body, 16);
	feed_all(&response, "HTTP/1.1 200 OK\r\nX-Name:  a b \r\nContent-Length: 0\r\n\r\n", 100,
		 &body);
	cr_assert(http_response_header(&response, "x-name", value, sizeof(value)));
	cr_assert(eq(str, value, "a b"));
	cr_assert(not(http_response_header(&response, "x-name", value, 3)));
	cr_assert(not(http_response_header(&response, "x-nam", value, sizeof(value))));
	bytes_finish(&body);
	http_response_finish(&response);
}

Test(http_response, refuses_an_endless_head)
{
	static const char line[] =
		"A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n";
	struct http_response response;
	enum http_response_event event = HTTP_RESPONSE_MORE;
	http_response_init(&response);
	for (int i = 0; i < HTTP_RESPONSE_HEAD_MAX && event == HTTP_RESPONSE_MORE; i++) {
		const uint8_t *data = (const uint8_t *)line;
		size_t len = strlen(line);
		event = http_response_feed(&response, &data, &len);
	}
	cr_assert(eq(int, event, HTTP_RESPONSE_FAILED));
	http_response_finish(&response);
}

Test(http_response, leaves_the_next_response_alone)
{
	static const char text[] = "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n";
	struct http_response response;
	const uint8_t *data = (const uint8_t *)text;
	size_t len = strlen(text);
	http_response_init(&response);
	cr_assert(eq(int, http_response_feed(&response, &data, &len), HTTP_RESPONSE_HEAD));
	cr_assert(eq(int, http_response_feed(&response, &data, &len), HTTP_RESPONSE_DONE));
	cr_assert(eq(sz, len, strlen("HTTP/1.1 200 OK\r\n")));
	http_response_reset(&response);
	cr_assert(eq(int, http_response_feed(&response, &data, &len), HTTP_RESPONSE_MORE));
	http_response_finish(&response);
}
