#include "media/rtp/rtp_packet.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

Test(rtp_packet, fields_are_read)
{
	/* RFC 3550 §5.1: M, PT 96, one CSRC, 4 bytes of payload. */
	static const uint8_t packet[] = {
		0x81, 0xe0, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef, 1,   2,
		3,    4,    9,    9,    9,    9,    'a',  'b',  'c', 'd'
	};
	struct rtp_view view;
	cr_assert(eq(int, rtp_parse(&view, packet, sizeof(packet)), 0));
	cr_assert(view.marker);
	cr_assert(eq(u8, view.payload_type, 96));
	cr_assert(eq(u16, view.seq, 0x1234));
	cr_assert(eq(u32, view.timestamp, 0xdeadbeef));
	cr_assert(eq(u32, view.ssrc, 0x01020304));
	cr_assert(eq(sz, view.payload_len, 4));
	cr_assert(eq(int, memcmp(view.payload, "abcd", 4), 0));
	cr_assert(not(rtp_is_rtcp(packet, sizeof(packet))));
}

Test(rtp_packet, padding_is_taken_off)
{
	static const uint8_t packet[] = { 0xa0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 'x', 0, 0, 3 };
	struct rtp_view view;
	cr_assert(eq(int, rtp_parse(&view, packet, sizeof(packet)), 0));
	cr_assert(eq(sz, view.payload_len, 1));

	/* A bandwidth probe: padding alone. */
	static const uint8_t probe[] = { 0xa0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4 };
	cr_assert(eq(int, rtp_parse(&view, probe, sizeof(probe)), 0));
	cr_assert(eq(sz, view.payload_len, 0));
}

static const struct {
	size_t len;
	uint8_t data[24];
} bad[] = {
	{ 0, { 0 } },
	{ 11, { 0x80, 96 } }, /* too short */
	{ 12, { 0x40, 96 } }, /* version 1 */
	{ 12, { 0x81, 96 } }, /* CSRC beyond the end */
	{ 12, { 0x90, 96 } }, /* no extension header */
	{ 16, { 0x90, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1 } }, /* beyond the end */
	{ 12, { 0xa0, 96 } }, /* padding of nothing */
	{ 13, { 0xa0, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } }, /* padding count 0 */
	{ 13, { 0xa0, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } }, /* more than there is */
};

Test(rtp_packet, broken_packets_are_refused)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rtp_view view;
		cr_assert(eq(int, rtp_parse(&view, bad[i].data, bad[i].len), -EBADMSG), "row %zu",
			  i);
	}
}

Test(rtp_packet, one_byte_extensions_of_rfc_8285)
{
	/* The example of RFC 8285 §4.2: lengths 1, 2 with padding between, 4. */
	static const uint8_t packet[] = { 0x90, 96, 0,    1,    0,    0, 0,    0,    0,    0,
					  0,    0,  0xbe, 0xde, 0,    3, 0x10, 0xaa, 0x21, 0xbb,
					  0xbc, 0,  0,    0x33, 0xcc, 1, 2,    3 };
	struct rtp_view view;
	struct bits content;
	cr_assert(eq(int, rtp_parse(&view, packet, sizeof(packet)), 0));
	cr_assert(rtp_extension(&view, 1, &content));
	cr_assert(eq(u8, bits_u8(&content), 0xaa));
	cr_assert(rtp_extension(&view, 2, &content));
	cr_assert(eq(u16, bits_be16(&content), 0xbbbc));
	cr_assert(rtp_extension(&view, 3, &content));
	cr_assert(eq(u32, bits_be32(&content), 0xcc010203));
	cr_assert(not(rtp_extension(&view, 4, &content)));
	cr_assert(eq(sz, view.payload_len, 0));
}

Test(rtp_packet, two_byte_extensions_of_rfc_8285)
{
	/* §4.3: lengths 0, 1 and 4. */
	static const uint8_t packet[] = { 0x90, 96, 0, 1, 0, 0, 0,    0, 0, 0, 0, 0, 0x10, 0,
					  0,    3,  1, 0, 2, 1, 0xaa, 0, 3, 4, 1, 2, 3,    4 };
	struct rtp_view view;
	struct bits content;
	cr_assert(eq(int, rtp_parse(&view, packet, sizeof(packet)), 0));
	cr_assert(rtp_extension(&view, 1, &content));
	cr_assert(eq(sz, bits_left(&content), 0));
	cr_assert(rtp_extension(&view, 2, &content));
	cr_assert(eq(u8, bits_u8(&content), 0xaa));
	cr_assert(rtp_extension(&view, 3, &content));
	cr_assert(eq(u32, bits_be32(&content), 0x01020304));
}

Test(rtp_packet, an_element_beyond_its_block_is_absent)
{
	static const uint8_t packet[] = { 0x90, 96, 0,    1,    0, 0, 0,    0, 0, 0,
					  0,    0,  0xbe, 0xde, 0, 1, 0x17, 1, 2, 3 };
	struct rtp_view view;
	struct bits content;
	cr_assert(eq(int, rtp_parse(&view, packet, sizeof(packet)), 0));
	cr_assert(not(rtp_extension(&view, 1, &content)));
}

Test(rtp_packet, a_header_is_written_as_negotiated)
{
	const struct rtp_header header = { .payload_type = 102,
					   .ssrc = 0xcafebabe,
					   .playout_delay_id = 5,
					   .mid_id = 4,
					   .mid = "1",
					   .abs_capture_id = 13 };
	uint8_t out[64];
	const size_t len = rtp_header_write(out, &header);
	cr_assert(eq(sz, len, 12 + 4 + 16));
	rtp_header_patch(out, 0xfffe, 0x01020304, true);
	rtp_header_set_capture(out, rtp_header_capture_at(&header), 0);
	static const uint8_t expected[] = { 0x90, 0xe6, 0xff, 0xfe, 1,    2,    3,   4,
					    0xca, 0xfe, 0xba, 0xbe, 0xbe, 0xde, 0,   4,
					    0xd7, 0x83, 0xaa, 0x7e, 0x80, 0,    0,   0,
					    0,    0x52, 0,    0,    0,    0x40, '1', 0 };
	cr_assert(eq(int, memcmp(out, expected, sizeof(expected)), 0));

	rtp_header_patch(out, 1, 2, false);
	struct rtp_view view;
	cr_assert(eq(int, rtp_parse(&view, out, len), 0));
	cr_assert(not(view.marker));
	struct bits content;
	cr_assert(rtp_extension(&view, 5, &content));
	cr_assert(eq(u32, bits_be24(&content), 0)); /* min = max = 0 */
}

Test(rtp_packet, a_header_without_extensions_is_twelve_bytes)
{
	const struct rtp_header header = { .payload_type = 111, .ssrc = 1 };
	uint8_t out[64];
	cr_assert(eq(sz, rtp_header_write(out, &header), 12));
	cr_assert(eq(u8, out[0], 0x80));
}

Test(rtp_packet, rtcp_is_told_apart)
{
	static const uint8_t types[][3] = {
		{ 0x80, 200, 1 }, { 0x80, 207, 1 }, { 0x80, 96, 0 }, { 0x80, 96 | 0x80, 0 }
	};
	for (size_t i = 0; i < 4; i++)
		cr_assert(eq(int, rtp_is_rtcp(types[i], 2), types[i][2]));
	cr_assert(not(rtp_is_rtcp(types[0], 1)));
}

Test(rtp_packet, ntp_times_keep_microseconds)
{
	/* 2036-02-07T06:28:15.999999Z, the last microsecond of NTP era 0. */
	cr_assert(eq(u64, ntp_from_utc_us(2085978495999999) >> 32, 0xffffffff));
	cr_assert(eq(u64, ntp_from_utc_us(0), 0x83aa7e8000000000));
	static const int64_t times[] = { 0, 1, 999999, 1767225600123457, 1795226035123456 };
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		cr_assert(eq(i64, ntp_to_utc_us(ntp_from_utc_us(times[i])), times[i]));
}

Test(rtp_packet, transport_wide_number_is_set_in_a_template)
{
	const struct rtp_header header = { .payload_type = 96,
					   .mid_id = 1,
					   .mid = "0",
					   .abs_capture_id = 4,
					   .transport_cc_id = 2 };
	uint8_t out[64];
	const size_t len = rtp_header_write(out, &header);
	rtp_header_set_transport(out, rtp_header_transport_at(&header), 0xabcd);
	struct rtp_view view;
	struct bits content;
	cr_assert(eq(int, rtp_parse(&view, out, len), 0));
	cr_assert(rtp_extension(&view, 2, &content));
	cr_expect(eq(u16, bits_be16(&content), 0xabcd));
	cr_expect(rtp_extension(&view, 1, &content));
	cr_expect(rtp_extension(&view, 4, &content));
}
