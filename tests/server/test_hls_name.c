#include "server/hls_name.h"

#include "server/hls_ticket.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

static const struct {
	const char *text;
	int err;
	enum hls_kind kind;
	const char *rendition;
	uint64_t number, part;
} rows[] = {
	{ "index.m3u8", 0, HLS_INDEX, "index", 0, 0 },
	{ "source.m3u8", 0, HLS_PLAYLIST, "source", 0, 0 },
	{ "720p.m3u8", 0, HLS_PLAYLIST, "720p", 0, 0 },
	{ "source-i17.mp4", 0, HLS_MAP, "source", 17, 0 },
	{ "source-59594746.m4s", 0, HLS_SEGMENT, "source", 59594746, 0 },
	{ "source-59594746.12.m4s", 0, HLS_PART, "source", 59594746, 12 },
	{ "index-ts.m3u8", 0, HLS_TS_INDEX, "index", 0, 0 },
	{ "360p-ts.m3u8", 0, HLS_TS_PLAYLIST, "360p", 0, 0 },
	{ "source-17.ts", 0, HLS_TS_SEGMENT, "source", 17, 0 },
	{ "source-i17.ts", -ENOENT, 0, "", 0, 0 },
	{ "source-17.3.ts", -ENOENT, 0, "", 0, 0 },
	{ "source-ts.m4s", -ENOENT, 0, "", 0, 0 },
	{ "source", -ENOENT, 0, "", 0, 0 },
	{ ".m3u8", -ENOENT, 0, "", 0, 0 },
	{ "Source.m3u8", -ENOENT, 0, "", 0, 0 },
	{ "averyverylongname.m3u8", -ENOENT, 0, "", 0, 0 },
	{ "source-.m4s", -ENOENT, 0, "", 0, 0 },
	{ "source-1..m4s", -ENOENT, 0, "", 0, 0 },
	{ "source-1.2.3.m4s", -ENOENT, 0, "", 0, 0 },
	{ "source-1.mp4", -ENOENT, 0, "", 0, 0 },
	{ "source-i1.m4s", -ENOENT, 0, "", 0, 0 },
	{ "source-1.m4sx", -ENOENT, 0, "", 0, 0 },
	{ "source--1.m4s", -ENOENT, 0, "", 0, 0 },
	{ "source-1234567890123456.m4s", -ENOENT, 0, "", 0, 0 },
	{ "", -ENOENT, 0, "", 0, 0 },
};

Test(hls_name, is_taken_apart_or_refused)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct hls_name name;
		cr_assert(eq(int, hls_name_parse(&name, rows[i].text), rows[i].err), "%s",
			  rows[i].text);
		if (rows[i].err)
			continue;
		cr_assert(eq(int, name.kind, rows[i].kind), "%s", rows[i].text);
		cr_assert(eq(str, name.rendition, (char *)rows[i].rendition));
		cr_assert(eq(u64, name.number, rows[i].number));
		cr_assert(eq(u64, name.part, rows[i].part));
	}
}

Test(hls_ticket, is_good_for_its_room_its_time_and_its_server)
{
	const uint8_t key[32] = { 1 }, other[32] = { 2 };
	char ticket[HLS_TICKET_TEXT];
	hls_ticket_make(key, "demo", 1000, ticket);
	cr_assert(eq(sz, strlen(ticket), HLS_TICKET_TEXT - 1));
	cr_assert(hls_ticket_valid(key, "demo", 1000, ticket));
	cr_assert(hls_ticket_valid(key, "demo", 999 + HLS_TICKET_TTL_S, ticket));
	cr_assert(not(hls_ticket_valid(key, "demo", 1000 + HLS_TICKET_TTL_S, ticket)));
	cr_assert(not(hls_ticket_valid(key, "demo2", 1000, ticket)));
	cr_assert(not(hls_ticket_valid(other, "demo", 1000, ticket)));
	for (size_t i = 0; i < sizeof(ticket) - 1; i++) {
		char changed[HLS_TICKET_TEXT];
		memcpy(changed, ticket, sizeof(changed));
		changed[i] = changed[i] == '0' ? '1' : '0';
		cr_assert(not(hls_ticket_valid(key, "demo", 1000, changed)));
	}
	cr_assert(not(hls_ticket_valid(key, "demo", 1000, "")));
}
