#include "server/config.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct config config;
static struct option_error error;

static int parse(int count, const char *const *options)
{
	char *argv[16] = { "soukd" };
	for (int i = 0; i < count; i++)
		argv[i + 1] = (char *)options[i];
	return config_parse(&config, count + 1, argv, &error);
}

static void teardown(void)
{
	config_finish(&config);
}

TestSuite(config, .fini = teardown);

static void expect_addr(const struct addr *addr, const char *text)
{
	char have[ADDR_TEXT];
	addr_format(addr, have);
	cr_expect_str_eq(have, text);
}

Test(config, defaults_are_those_of_the_contract)
{
	cr_assert(eq(int, parse(0, NULL), OPTION_RUN));
	expect_addr(&config.http, "127.0.0.1:8080");
	expect_addr(&config.rtmp, "127.0.0.1:1935");
	expect_addr(&config.admin, "127.0.0.1:9090");
	expect_addr(&config.udp, "0.0.0.0:8000");
	cr_expect(eq(u32, config.https.len, 0));
	cr_expect_str_eq(config.data_dir, "souk-data");
	cr_expect(eq(i64, config.workers, 0));
	cr_expect(eq(int, config.store_sync, STORE_SYNC_FULL));
	cr_expect(eq(ptr, config.public_url, NULL));
	cr_expect(eq(sz, config.advertise.count, 0));
}

Test(config, the_ladder_is_read_and_a_wrong_one_refused)
{
	static const char *const wrong[] = { "--ladder", "720p" };
	cr_assert(eq(int, parse(0, NULL), OPTION_RUN));
	cr_expect(eq(u32, config.ladder.count, 3));
	cr_expect(eq(int, config.ladder.rows[1].side, 540));
	cr_expect_str_eq(config_encoder_preset(&config), "superfast");
	config_finish(&config);
	cr_assert(eq(int, parse(2, wrong), -EINVAL));
	cr_expect(strstr(error.text, "--ladder") != NULL);
}

Test(config, lists_grow_by_repeating_and_slashes_behind_the_url_go)
{
	static const char *const options[] = { "--advertise",
					       "192.0.2.1",
					       "--advertise",
					       "2001:db8::1",
					       "--allow-origin",
					       "https://a.example",
					       "--public-url=https://shop.example/live//" };
	cr_assert(eq(int, parse(7, options), OPTION_RUN));
	cr_expect(eq(sz, config.advertise.count, 2));
	cr_expect_str_eq(config.advertise.items[1], "2001:db8::1");
	cr_expect_str_eq(config.allow_origin.items[0], "https://a.example");
	cr_expect_str_eq(config.public_url, "https://shop.example/live");
}

static const struct {
	const char *options[2];
	const char *says;
} bad[] = {
	{ { "--https", "127.0.0.1:8443" }, "--tls-cert" },
	{ { "--rtmps", "127.0.0.1:8443" }, "--tls-cert" },
	{ { "--tls-cert", "/nonexistent/cert.pem" }, "--tls-cert: /nonexistent/cert.pem: No such" },
	{ { "--jwt-public-key", "/nonexistent" }, "--jwt-public-key: /nonexistent: No such" },
	{ { "--allow-origin", "shop.example" }, "--allow-origin" },
	{ { "--allow-origin", "https://shop.example/" }, "--allow-origin" },
	{ { "--allow-origin", "https://" }, "--allow-origin" },
	{ { "--advertise", "shop.example" }, "--advertise" },
	{ { "--advertise", "0.0.0.0" }, "--advertise" },
	{ { "--public-url", "shop.example" }, "--public-url" },
	{ { "--workers", "65" }, "--workers" },
	{ { "--workers", "many" }, "--workers" },
	{ { "--viewers-max", "0" }, "--viewers-max" },
	{ { "--http", "8080" }, "--http" },
	{ { "--data", "" }, "--data" },
	{ { "--log-level", "loud" }, "--log-level" },
	{ { "--store-sync", "never" }, "--store-sync" },
	{ { "--trust-proxy", "10.0.0.1/8" }, "--trust-proxy" },
	{ { "--trust-proxy", "proxy.example" }, "--trust-proxy" },
	{ { "--config", "/nowhere/souk.conf" }, "/nowhere/souk.conf" },
};

Test(config, what_is_wrong_is_named)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		cr_expect(parse(2, bad[i].options) == -EINVAL, "%s", bad[i].options[0]);
		cr_expect(strstr(error.text, bad[i].says) != NULL, "%s: %s", bad[i].options[0],
			  error.text);
		config_finish(&config);
	}
}

Test(config, a_file_is_read_beneath_the_command_line)
{
	char name[] = "/tmp/souk-conf-XXXXXX";
	const int fd = mkstemp(name);
	cr_assert(ge(int, fd, 0));
	dprintf(fd, "workers = 3\nviewers-max = 7\n");
	const char *const options[] = { "--config", name, "--workers", "2" };
	cr_expect(eq(int, parse(4, options), OPTION_RUN));
	cr_expect(eq(i64, config.workers, 2));
	cr_expect(eq(i64, config.viewers_max, 7));
	remove(name);
}

Test(config, help_and_manual_hold_every_option)
{
	static const char *const names[] = { "http",       "https",        "rtmp",       "udp",
					     "admin",      "advertise",    "public-url", "data",
					     "workers",    "allow-origin", "tls-cert",   "tls-key",
					     "viewers-max" };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	config_help(out);
	config_manual(out);
	fclose(out);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *first = strstr(text, names[i]);
		cr_expect(first && strstr(first + 1, names[i]), "%s", names[i]);
	}
	free(text);
}

Test(config, ice_servers_are_judged)
{
	static const struct {
		const char *options[6];
		int count, result;
	} rows[] = {
		{ { "--stun", "stun:192.0.2.1:3478", "--stun", "stuns:a.example" }, 4, OPTION_RUN },
		{ { "--turn", "turn:a.example?transport=udp", "--turn-secret", "x" },
		  4,
		  OPTION_RUN },
		{ { "--turn", "turns:a.example:5349", "--turn-secret=x" }, 3, OPTION_RUN },
		{ { "--turn", "turn:a.example" }, 2, -EINVAL },
		{ { "--stun", "turn:a.example" }, 2, -EINVAL },
		{ { "--stun", "stunx:a.example" }, 2, -EINVAL },
		{ { "--stun", "stun:" }, 2, -EINVAL },
		{ { "--stun", "stun:a>b" }, 2, -EINVAL },
		{ { "--stun", "stun:a\nb" }, 2, -EINVAL },
		{ { "--overflow-url", "https://b.example/" }, 2, OPTION_RUN },
		{ { "--overflow-url", "b.example" }, 2, -EINVAL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cr_expect(eq(int, parse(rows[i].count, rows[i].options), rows[i].result), "%zu", i);
		if (i + 1 < sizeof(rows) / sizeof(*rows))
			config_finish(&config);
	}
}

Test(config, ice_servers_are_at_most_what_a_reply_has_room_for)
{
	char option[] = "--stun=stun:a.example";
	const char *options[10];
	for (int i = 0; i < 10; i++)
		options[i] = option;
	cr_expect(eq(int, parse(8, options), OPTION_RUN));
	config_finish(&config);
	cr_expect(eq(int, parse(9, options), -EINVAL));
}
