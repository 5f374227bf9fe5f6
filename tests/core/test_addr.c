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
