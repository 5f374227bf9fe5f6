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
