#include "server/relay_url.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text, *host, *tc_url, *app, *key;
	int port;
	bool tls;
} good[] = {
	{ "rtmp://a.example/live/key", "a.example", "rtmp://a.example/live", "live", "key", 1935,
	  false },
	{ "RTMPS://A.Example:444/live/key?s=1/2&t=3", "a.example", "RTMPS://A.Example:444/live",
	  "live", "key?s=1/2&t=3", 444, true },
	{ "rtmps://10.0.0.1/a/b/key", "10.0.0.1", "rtmps://10.0.0.1/a/b", "a/b", "key", 443, true },
	{ "rtmp://[2001:db8::1]:80/live/k", "2001:db8::1", "rtmp://[2001:db8::1]:80/live", "live",
	  "k", 80, false },
};

Test(relay_url, is_taken_apart)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct relay_url url;
		cr_assert(eq(int, relay_url_parse(&url, good[i].text), 0), "%s", good[i].text);
		cr_expect(eq(str, url.host, (char *)good[i].host));
		cr_expect(eq(str, url.tc_url, (char *)good[i].tc_url));
		cr_expect(eq(str, url.app, (char *)good[i].app));
		cr_expect(eq(str, (char *)url.key, (char *)good[i].key));
		cr_expect(eq(int, url.port, good[i].port));
		cr_expect(eq(int, url.tls, good[i].tls));
	}
}

Test(relay_url, what_is_no_target_is_refused)
{
	static const char *const bad[] = {
		"",
		"rtmp",
		"rtmp://",
		"rtmp:///live/key",
		"http://x/live/key",
		"rtmp://x",
		"rtmp://x/key",
		"rtmp://x/live/",
		"rtmp://x/live/?name=key",
		"rtmp://u@x/live/k",
		"rtmp://u:p@x/live/k",
		"rtmp://x:/live/k",
		"rtmp://x:0/live/k",
		"rtmp://x:65536/live/k",
		"rtmp://x:1x/live/k",
		"rtmp://x:-1/live/k",
		"rtmp://[::1/live/k",
		"rtmp://[::1]x/live/k",
		"rtmp://[x]/live/k",
		"rtmp://x y/live/k",
		"rtmp://x/li\nve/k",
		"rtmp://x/live/\xc3\xa4",
		"rtmp://x/live/k#f",
		"rtmp://?/live/k",
		"rtmp://x?/live/k",
	};
	struct relay_url url;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_expect(eq(int, relay_url_parse(&url, bad[i]), -EINVAL), "%s", bad[i]);
	char *endless = calloc(1, 1000);
	memset(endless, 'a', 999);
	memcpy(endless, "rtmp://x/live/", 14);
	cr_expect(eq(int, relay_url_parse(&url, endless), -EINVAL));
	free(endless);
}

Test(relay_url, its_key_is_hidden)
{
	struct relay_url url;
	char masked[RELAY_URL_MAX + 8];
	cr_assert(eq(int, relay_url_parse(&url, "rtmp://x:1/live/key?sign=secret"), 0));
	relay_url_mask(&url, masked);
	cr_assert(eq(str, masked, "rtmp://x:1/live/***"));
}

Test(relay_url, copies_stand_on_their_own)
{
	struct relay_list list = { .count = 1 };
	cr_assert(eq(int, relay_url_parse(&list.urls[0], "rtmp://x/live/key"), 0));
	struct relay_list *copy = relay_list_copy(&list);
	memset(&list, 0, sizeof(list));
	cr_assert(eq(str, (char *)copy->urls[0].key, "key"));
	free(copy);
}

Test(relay_url, hosts_are_listed_by_name_or_by_all_below_one)
{
	char *items[] = { "One.example", "*.two.example", "10.0.0.1" };
	const struct option_list hosts = { .items = items, .count = 3 };
	static const struct {
		const char *host;
		bool listed;
	} rows[] = { { "one.example", true },       { "a.one.example", false },
		     { "one.example.evil", false }, { "two.example", false },
		     { "a.two.example", true },     { "a.b.TWO.example", true },
		     { "xtwo.example", false },     { "10.0.0.1", true },
		     { "10.0.0.10", false } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[64];
		struct relay_url url;
		snprintf(text, sizeof(text), "rtmp://%s/live/key", rows[i].host);
		cr_assert(eq(int, relay_url_parse(&url, text), 0));
		cr_expect(eq(int, relay_url_listed(&url, &hosts), rows[i].listed), "%s",
			  rows[i].host);
	}
}
