/*
 * The request parser: how the bytes are cut must not matter, and whatever passes must be framed in
 * one way only. The first byte chooses the cuts.
 */
#include "server/core/addr.h"
#include "server/core/http1.h"
#include "server/core/percent.h"
#include "server/core/proxy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BODY_CAP = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Feeds in pieces of `step` bytes until an end; how many bytes were taken. */
static size_t feed(struct http1 *http, const uint8_t *data, size_t len, size_t step,
		   enum http1_event *event)
{
	size_t taken = 0;
	*event = HTTP1_MORE;
	while (taken < len && *event != HTTP1_DONE && *event != HTTP1_FAILED) {
		const uint8_t *at = data + taken;
		size_t left = step < len - taken ? step : len - taken;
		const size_t given = left;
		*event = http1_feed(http, &at, &left);
		if (*event == HTTP1_HEAD) {
			http1_set_body_cap(http, BODY_CAP);
			*event = http1_feed(http, &at, &left);
		}
		taken += given - left;
		must(*event != HTTP1_MORE || left == 0);
	}
	return taken;
}

static void check_same(const struct http1 *one, const struct http1 *two)
{
	must(!strcmp(one->method, two->method) && !strcmp(one->path, two->path) &&
	     !strcmp(one->query, two->query) && one->header_count == two->header_count &&
	     one->body.len == two->body.len && one->keep_alive == two->keep_alive);
	must(!one->body.len || !memcmp(one->body.data, two->body.data, one->body.len));
}

static size_t count(const struct http1 *http, const char *name)
{
	size_t found = 0;
	for (size_t i = 0; i < http->header_count; i++)
		found += !strcasecmp(http->headers[i].name, name);
	return found;
}

static void check_request(const struct http1 *http)
{
	must(http->path[0] == '/' || !strcmp(http->path, "*"));
	must(!strstr(http->path, "/../") && !strstr(http->path, "//") &&
	     !strchr(http->path, '\\') && !strpbrk(http->path, "\r\n"));
	must(count(http, "Content-Length") + count(http, "Transfer-Encoding") <= 1);
	must(count(http, "Host") == 1 || (http->version_1_0 && count(http, "Host") == 0));
	must(http->body.len <= BODY_CAP);
	for (size_t i = 0; i < http->header_count; i++)
		must(!strpbrk(http->headers[i].name, " \t\r\n:") &&
		     !strpbrk(http->headers[i].value, "\r\n"));
	struct proxies proxies = { 0 };
	struct addr peer, client;
	must(!proxies_add(&proxies, "10.0.0.0/8") && !addr_set(&peer, "10.0.0.1", 80));
	proxies_find_client(&proxies, &peer, http, &client);
	must(addr_port(&client) == 0);
	char value[32];
	must(percent_query(http->query, "token", value, sizeof(value)) < (long)sizeof(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct http1 whole;
	struct http1 cut;
	enum http1_event whole_event;
	enum http1_event cut_event;
	if (!len)
		return 0;
	const size_t step = data[0] % 16 + 1U;
	data++;
	len--;
	http1_init(&whole);
	http1_init(&cut);
	const size_t whole_taken = feed(&whole, data, len, len, &whole_event);
	const size_t cut_taken = feed(&cut, data, len, step, &cut_event);
	must(whole_event == cut_event && whole_taken == cut_taken && whole.status == cut.status);
	if (whole_event == HTTP1_DONE) {
		check_same(&whole, &cut);
		check_request(&whole);
	}
	http1_finish(&whole);
	http1_finish(&cut);
	return 0;
}
