#include "server/core/addr.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

Test(addr, text_there_and_back)
{
	static const char *const texts[] = { "127.0.0.1:8080", "0.0.0.0:0", "[::1]:65535" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct addr addr;
		char text[ADDR_TEXT];
		cr_assert(eq(int, addr_parse(&addr, texts[i]), 0));
		addr_format(&addr, text);
		cr_assert(eq(str, text, (char *)texts[i]));
	}
}

Test(addr, refuses_names_and_odd_ports)
{
	static const char *const texts[] = { "localhost:80", "127.0.0.1",     "127.0.0.1:",
					     ":80",          "::1:80",        "127.0.0.1:65536",
					     "127.0.0.1:+1", "[127.0.0.1:80", "" };
	struct addr addr;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		cr_assert(eq(int, addr_parse(&addr, texts[i]), -EINVAL), "%s", texts[i]);
}

Test(addr, mapped_ipv4_is_ipv4_and_goes_back)
{
	static const struct {
		const char *from, *plain, *mapped;
		bool loopback;
	} rows[] = {
		{ "[::ffff:192.0.2.7]:80", "192.0.2.7:80", "[::ffff:192.0.2.7]:80", false },
		{ "192.0.2.7:80", "192.0.2.7:80", "[::ffff:192.0.2.7]:80", false },
		{ "127.1.2.3:80", "127.1.2.3:80", "[::ffff:127.1.2.3]:80", true },
		{ "[2001:db8::7]:80", "[2001:db8::7]:80", "[2001:db8::7]:80", false },
		{ "[::1]:80", "[::1]:80", "[::1]:80", true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct addr addr;
		char text[ADDR_TEXT];
		cr_assert(eq(int, addr_parse(&addr, rows[i].from), 0));
		addr_unmap(&addr);
		cr_expect(eq(int, addr_is_loopback(&addr), rows[i].loopback));
		addr_format(&addr, text);
		cr_expect(eq(str, text, (char *)rows[i].plain));
		addr_map(&addr);
		addr_format(&addr, text);
		cr_expect(eq(str, text, (char *)rows[i].mapped));
	}
}

Test(addr, private_networks_are_not_public)
{
	static const struct {
		const char *text;
		bool public;
	} rows[] = {
		{ "0.0.0.0", false },
		{ "10.1.2.3", false },
		{ "11.0.0.1", true },
		{ "100.63.255.255", true },
		{ "100.64.0.1", false },
		{ "100.127.255.255", false },
		{ "100.128.0.1", true },
		{ "127.0.0.1", false },
		{ "169.254.169.254", false },
		{ "172.15.0.1", true },
		{ "172.16.0.1", false },
		{ "172.31.255.255", false },
		{ "172.32.0.1", true },
		{ "192.0.0.1", false },
		{ "192.168.7.7", false },
		{ "192.169.0.1", true },
		{ "198.18.0.1", false },
		{ "198.19.255.1", false },
		{ "198.20.0.1", true },
		{ "8.8.8.8", true },
		{ "223.255.255.1", true },
		{ "224.0.0.1", false },
		{ "255.255.255.255", false },
		{ "::", false },
		{ "::1", false },
		{ "::ffff:10.0.0.1", false },
		{ "::ffff:8.8.8.8", true },
		{ "::7f00:1", false },
		{ "64:ff9b::a00:1", false },
		{ "fe80::1", false },
		{ "fd00::1", false },
		{ "ff02::1", false },
		{ "2001:db8::1", false },
		{ "2001::1", false },
		{ "2606:4700::1", true },
		{ "2002:a00:1::1", false },
		{ "2002:808:808::1", true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct addr addr;
		cr_assert(eq(int, addr_set(&addr, rows[i].text, 80), 0));
		cr_expect(eq(int, addr_is_public(&addr), rows[i].public), "%s", rows[i].text);
	}
}

Test(addr, customer_is_an_ipv4_address_or_a_64)
{
	static const char *const rows[][2] = {
		{ "192.0.2.7", "192.0.2.7" },
		{ "::ffff:192.0.2.7", "192.0.2.7" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct addr addr;
		char text[ADDR_TEXT];
		cr_assert(eq(int, addr_set(&addr, rows[i][0], 80), 0));
		addr_format_site(&addr, text);
		cr_expect(eq(str, text, (char *)rows[i][1]));
	}
}
