#include "load-tests/publish/link_header.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <string.h>

static struct link_server servers[4];

static unsigned read_field(const char *field)
{
	memset(servers, 0, sizeof(servers));
	return link_header_read(servers, 0, 4, field);
}

/* RFC 9725 section 4.6, its example as one combined field. */
Test(link_header, reads_the_servers_of_the_standard_s_example)
{
	const char *field =
		"<stun:stun.example.net>; rel=\"ice-server\", "
		"<turn:turn.example.net?transport=udp>; rel=\"ice-server\"; username=\"user\"; "
		"credential=\"myPassword\"; credential-type=\"password\", "
		"<turn:turn.example.net?transport=tcp>; rel=\"ice-server\"; username=\"user\"; "
		"credential=\"myPassword\", "
		"<turns:turn.example.net?transport=tcp>; rel=\"ice-server\"; username=\"user\"";
	cr_assert(eq(uint, read_field(field), 4));
	cr_expect(eq(str, servers[0].host, "stun.example.net"));
	cr_expect(not(servers[0].relay));
	cr_expect(eq(u16, servers[0].port, 3478));
	cr_expect(servers[1].relay);
	cr_expect(not(servers[1].tcp));
	cr_expect(eq(str, servers[1].username, "user"));
	cr_expect(eq(str, servers[1].credential, "myPassword"));
	cr_expect(servers[2].tcp);
	cr_expect(servers[3].tls);
	cr_expect(eq(u16, servers[3].port, 5349));
}

Test(link_header, other_relations_are_passed_over)
{
	cr_assert(eq(
		uint,
		read_field("<https://x/>; rel=\"help\", <stun:a>; rel=ice-server, "
			   "<stun:b>; rel=\"next ice-server\", <stun:c>; rel=\"not-ice-server\""),
		2));
	cr_expect(eq(str, servers[0].host, "a"));
	cr_expect(eq(str, servers[1].host, "b"));
}

Test(link_header, quoted_text_may_hold_what_separates)
{
	cr_assert(eq(
		uint,
		read_field("<turn:a:99>; rel=\"ice-server\"; username=\"x,y;z\\\"\"; credential=c"),
		1));
	cr_expect(eq(u16, servers[0].port, 99));
	cr_expect(eq(str, servers[0].username, "x,y;z\""));
	cr_expect(eq(str, servers[0].credential, "c"));
}

Test(link_header, stops_at_its_cap)
{
	cr_assert(eq(uint,
		     read_field("<stun:a>;rel=ice-server,<stun:b>;rel=ice-server,"
				"<stun:c>;rel=ice-server,<stun:d>;rel=ice-server,"
				"<stun:e>;rel=ice-server"),
		     4));
	cr_expect(eq(str, servers[3].host, "d"));
}

static const struct {
	const char *field;
	unsigned count;
} malformed[] = {
	{ "", 0 },
	{ "stun:a; rel=ice-server", 0 },
	{ "<stun:a; rel=ice-server", 0 },
	{ "<stun:>; rel=ice-server", 0 },
	{ "<stun:a:0>; rel=ice-server", 0 },
	{ "<stun:a:65536>; rel=ice-server", 0 },
	{ "<stun:a/path>; rel=\"ice-server", 0 },
	{ "<http://a>; rel=ice-server", 0 },
	{ "<stun:a>; rel=ice-server; username=\"open", 0 },
	{ "<stun:a>; rel=ice-server, garbage", 1 },
	{ "<stun:bad:x>; rel=ice-server, <stun:a>; rel=ice-server", 1 },
};

ParameterizedTestParameters(link_header, malformed_links_are_left_out)
{
	static size_t index[sizeof(malformed) / sizeof(malformed[0])];
	for (size_t i = 0; i < sizeof(index) / sizeof(index[0]); i++)
		index[i] = i;
	return cr_make_param_array(size_t, index, sizeof(index) / sizeof(index[0]));
}

ParameterizedTest(size_t *i, link_header, malformed_links_are_left_out)
{
	cr_assert(eq(uint, read_field(malformed[*i].field), malformed[*i].count), "%s",
		  malformed[*i].field);
}

Test(link_header, addresses_of_ipv6_lose_their_brackets)
{
	struct link_server server;
	const char *uri = "turn:[2001:db8::1]:3479?transport=udp";
	cr_assert(link_server_parse(&server, uri, strlen(uri)));
	cr_expect(eq(str, server.host, "2001:db8::1"));
	cr_expect(eq(u16, server.port, 3479));
}
