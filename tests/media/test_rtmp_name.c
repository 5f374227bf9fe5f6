#include "media/ingest/rtmp_name.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

static const struct {
	const char *text;
	int err;
	const char *room;
	const char *token;
} rows[] = {
	{ "demo?token=abc.def-_", 0, "demo", "abc.def-_" },
	{ "demo", 0, "demo", "" },
	{ "", 0, "", "" },
	{ "demo?x=1&token=abc&y=2", 0, "demo", "abc" },
	{ "demo?atoken=abc", 0, "demo", "" },
	{ "live/demo?token=a", 0, "demo", "a" },
	{ "/demo/?token=a", 0, "demo", "a" },
	{ "rtmp://127.0.0.1:1935/live?token=a%2Eb", 0, "live", "a.b" },
	{ "demo?token=%", -EINVAL, NULL, NULL },
	{ "demo?token=a%00b", -EINVAL, NULL, NULL },
	{ "de mo", -EINVAL, NULL, NULL },
	{ "..?token=a", -EINVAL, NULL, NULL },
	{ "0123456789012345678901234567890123456789012345678901234567890123", 0,
	  "0123456789012345678901234567890123456789012345678901234567890123", "" },
	{ "01234567890123456789012345678901234567890123456789012345678901234", -EINVAL, NULL,
	  NULL },
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

Test(rtmp_name, takes_room_and_token_apart)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct rtmp_name name;
		const int err = rtmp_name_parse(&name, rows[i].text, strlen(rows[i].text));
		cr_assert(eq(int, err, rows[i].err), "%s", rows[i].text);
		if (err)
			continue;
		cr_assert(eq(str, name.room, (char *)rows[i].room));
		cr_assert(eq(str, name.token, (char *)rows[i].token));
	}
}

Test(rtmp_name, token_has_a_cap)
{
	char text[RTMP_TOKEN_MAX + 32] = "demo?token=";
	struct rtmp_name name;
	memset(text + 11, 'a', RTMP_TOKEN_MAX);
	cr_assert(eq(int, rtmp_name_parse(&name, text, 11 + RTMP_TOKEN_MAX), 0));
	text[11 + RTMP_TOKEN_MAX] = 'a';
	cr_assert(eq(int, rtmp_name_parse(&name, text, 12 + RTMP_TOKEN_MAX), -EINVAL));
}
