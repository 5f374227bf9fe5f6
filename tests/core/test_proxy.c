#include "server/core/proxy.h"

#include "server/core/addr.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void trust(struct proxies *proxies)
{
	*proxies = (struct proxies){ 0 };
	cr_assert(eq(int, proxies_add(proxies, "10.0.0.0/8"), 0));
	cr_assert(eq(int, proxies_add(proxies, "192.0.2.1"), 0));
	cr_assert(eq(int, proxies_add(proxies, "2001:db8::/33"), 0));
}

Test(proxy, networks_are_addresses_with_a_prefix)
{
	static const char *const bad[] = {
		"",       "shop.example", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8",   "10.0.0.0/8x",
		"::/129", "10.0.0.0/-1",  "/8",        "::1/64",      "10.0.0.0/0008"
	};
	struct proxies proxies = { 0 };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_expect(eq(int, proxies_add(&proxies, bad[i]), -EINVAL), "%s", bad[i]);
	for (int i = 0; i < PROXY_NETWORKS_MAX; i++)
		cr_assert(eq(int, proxies_add(&proxies, "0.0.0.0/0"), 0));
	cr_expect(eq(int, proxies_add(&proxies, "::/0"), -ENOBUFS));
}

Test(proxy, inside_is_inside_and_outside_is_not)
{
	static const struct {
		const char *ip;
		bool trusted;
	} rows[] = {
		{ "10.255.0.1", true },        { "11.0.0.0", false },
		{ "192.0.2.1", true },         { "192.0.2.0", false },
		{ "::ffff:10.1.2.3", true },   { "2001:db8:7fff::1", true },
		{ "2001:db8:8000::1", false }, { "::a00:1", false },
	};
	struct proxies proxies;
	trust(&proxies);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct addr addr;
		cr_assert(eq(int, addr_set(&addr, rows[i].ip, 80), 0));
		cr_expect(proxies_trust(&proxies, &addr) == rows[i].trusted, "%s", rows[i].ip);
	}
}

#define XFF "X-Forwarded-For"
#define FWD "Forwarded"

static const struct {
	const char *peer, *client;
	struct http_header fields[3];
} ways[] = {
	{ "10.0.0.1", "10.0.0.1", { { NULL, NULL } } },
	{ "10.0.0.1", "203.0.113.9", { { XFF, "203.0.113.9" } } },
	{ "::ffff:10.0.0.1", "203.0.113.9", { { XFF, "203.0.113.9" } } },
	{ "2001:db8::7", "2001:db8:ffff::1", { { XFF, "2001:db8:ffff::1" } } },
	/* Nobody that is not trusted is heard. */
	{ "203.0.113.1", "203.0.113.1", { { XFF, "198.51.100.7" } } },
	{ "203.0.113.1", "203.0.113.1", { { FWD, "for=198.51.100.7" } } },
	{ "2001:db8:8000::1", "2001:db8:8000::1", { { XFF, "198.51.100.7" } } },
	/* What the client wrote itself stands to the left of what the proxy added. */
	{ "10.0.0.1", "203.0.113.9", { { XFF, "198.51.100.7, 203.0.113.9" } } },
	{ "10.0.0.1", "203.0.113.9", { { XFF, "10.9.9.9, 203.0.113.9, 10.0.0.2,192.0.2.1" } } },
	{ "10.0.0.1",
	  "203.0.113.9",
	  { { XFF, "10.9.9.9" }, { "x-forwarded-for", "203.0.113.9" } } },
	{ "10.0.0.1", "10.0.0.3", { { XFF, "10.0.0.3, 10.0.0.2" } } },
	/* What cannot be read ends the way. */
	{ "10.0.0.1", "10.0.0.2", { { XFF, "198.51.100.7, unknown, 10.0.0.2" } } },
	{ "10.0.0.1", "10.0.0.1", { { XFF, "198.51.100.7 203.0.113.9" } } },
	{ "10.0.0.1", "10.0.0.1", { { XFF, "" } } },
	{ "10.0.0.1", "203.0.113.9", { { XFF, ", ,203.0.113.9 , " } } },
	/* As others write it. */
	{ "10.0.0.1", "203.0.113.9", { { XFF, "203.0.113.9:4711" } } },
	{ "10.0.0.1", "2001:db8:ffff::1", { { XFF, "[2001:db8:ffff::1]:4711" } } },
	{ "10.0.0.1", "2001:db8:ffff::1", { { XFF, "[2001:db8:ffff::1]" } } },
	{ "10.0.0.1", "203.0.113.9", { { XFF, "::ffff:203.0.113.9" } } },
	/* RFC 7239 §4, §6. */
	{ "10.0.0.1", "203.0.113.9", { { FWD, "for=203.0.113.9" } } },
	{ "10.0.0.1",
	  "203.0.113.9",
	  { { FWD, "For=\"203.0.113.9:47\";proto=https;by=10.0.0.1" } } },
	{ "10.0.0.1",
	  "2001:db8:ffff::1",
	  { { FWD, "proto=http;for=\"[2001:db8:ffff::1]:4711\"" } } },
	{ "10.0.0.1",
	  "203.0.113.9",
	  { { FWD, "for=198.51.100.7, for=203.0.113.9;by=10.0.0.2 ,for=10.0.0.2" } } },
	{ "10.0.0.1", "10.0.0.2", { { FWD, "for=_hidden, for=10.0.0.2" } } },
	{ "10.0.0.1", "10.0.0.1", { { FWD, "for=198.51.100.7, proto=https" } } },
	{ "10.0.0.1",
	  "203.0.113.9",
	  { { FWD, "host=\"a,for=198.51.100.7;\\\"\";for=203.0.113.9" } } },
	{ "10.0.0.1", "10.0.0.1", { { FWD, "for=203.0.113.9;for=198.51.100.7" } } },
	{ "10.0.0.1", "10.0.0.1", { { FWD, "for=\"203.0.113.9" } } },
	{ "10.0.0.1", "10.0.0.1", { { FWD, "for=\"203.0.113.9\\" } } },
	{ "10.0.0.1", "10.0.0.1", { { FWD, "for=[2001:db8:ffff::1]" } } },
	{ "10.0.0.1", "10.0.0.1", { { FWD, "203.0.113.9" } } },
	{ "10.0.0.1", "10.0.0.1", { { FWD, "for=203.0.113.9 for=198.51.100.7" } } },
	{ "10.0.0.1", "10.0.0.1", { { FWD, "for=203.0.113.9;" } } },
	/* Both: one of them did not come from the proxy. */
	{ "10.0.0.1", "203.0.113.9", { { FWD, "for=203.0.113.9" }, { XFF, "203.0.113.9" } } },
	{ "10.0.0.1", "10.0.0.1", { { FWD, "for=198.51.100.7" }, { XFF, "203.0.113.9" } } },
	{ "10.0.0.1", "10.0.0.1", { { FWD, "nonsense" }, { XFF, "203.0.113.9" } } },
};

static void find(struct http1 *http, const char *peer, char out[ADDR_TEXT])
{
	struct proxies proxies;
	struct addr from, client;
	trust(&proxies);
	cr_assert(eq(int, addr_set(&from, peer, 4321), 0));
	proxies_find_client(&proxies, &from, http, &client);
	cr_expect(eq(u32, addr_port(&client), 0));
	addr_format_ip(&client, out);
}

Test(proxy, client_is_whom_the_last_trusted_proxy_names)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct http1 http = { 0 };
		char ip[ADDR_TEXT];
		while (http.header_count < 3 && ways[i].fields[http.header_count].name) {
			http.headers[http.header_count] = ways[i].fields[http.header_count];
			http.header_count++;
		}
		find(&http, ways[i].peer, ip);
		cr_expect(eq(str, ip, (char *)ways[i].client), "%s %s", ways[i].peer,
			  ways[i].fields[0].value);
	}
}

Test(proxy, too_many_hops_are_not_believed)
{
	char value[1024] = "203.0.113.9";
	struct http1 http = { .headers = { { XFF, value } }, .header_count = 1 };
	char ip[ADDR_TEXT];
	for (int i = 1; i < PROXY_HOPS_MAX; i++)
		strcat(value, ",10.0.0.2");
	find(&http, "10.0.0.1", ip);
	cr_expect(eq(str, ip, "203.0.113.9"));
	strcat(value, ",10.0.0.2");
	find(&http, "10.0.0.1", ip);
	cr_expect(eq(str, ip, "10.0.0.1"));
}
