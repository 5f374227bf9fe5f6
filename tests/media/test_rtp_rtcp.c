#include "media/rtp/rtcp.h"
#include "media/rtp/rtcp_writer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

/* Bytes made by aiortc 1.4 (its rtp.py), an implementation that shares nothing with ours. */
static const uint8_t foreign_rr[] = { 0x82, 0xc9, 0x00, 0x0d, 0x55, 0x66, 0x77, 0x88, 0x01, 0x02,
				      0x03, 0x04, 0x33, 0xff, 0xff, 0xfd, 0x00, 0x01, 0x87, 0x65,
				      0x00, 0x00, 0x00, 0x4d, 0x89, 0xab, 0xcd, 0xef, 0x00, 0x01,
				      0x23, 0x45, 0x0a, 0x0b, 0x0c, 0x0d, 0x00, 0x7f, 0xff, 0xff,
				      0x00, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
				      0x00, 0x00, 0x00, 0x00, 0x00, 0x00 };
static const uint8_t foreign_sr[] = { 0x80, 0xc8, 0x00, 0x06, 0x55, 0x66, 0x77, 0x88, 0xe9, 0xd6,
				      0xc5, 0xb4, 0xa3, 0x92, 0x81, 0x70, 0xde, 0xad, 0xbe, 0xef,
				      0x00, 0x00, 0x03, 0xe8, 0x00, 0x01, 0xe2, 0x40 };
static const uint8_t foreign_sdes[] = { 0x81, 0xca, 0x00, 0x05, 0x55, 0x66, 0x77, 0x88,
					0x01, 0x0a, 0x73, 0x6f, 0x75, 0x6b, 0x2d, 0x63,
					0x6e, 0x61, 0x6d, 0x65, 0x00, 0x00, 0x00, 0x00 };
static const uint8_t foreign_bye[] = { 0x82, 0xcb, 0x00, 0x02, 0x55, 0x66,
				       0x77, 0x88, 0x00, 0x00, 0x00, 0x11 };
static const uint8_t foreign_nack[] = { 0x81, 0xcd, 0x00, 0x05, 0x55, 0x66, 0x77, 0x88,
					0x01, 0x02, 0x03, 0x04, 0x00, 0x02, 0x00, 0x29,
					0x00, 0x14, 0x00, 0x01, 0x00, 0x34, 0x00, 0x00 };
static const uint8_t foreign_pli[] = { 0x81, 0xce, 0x00, 0x02, 0x55, 0x66,
				       0x77, 0x88, 0x01, 0x02, 0x03, 0x04 };
static const uint8_t foreign_remb[] = { 0x8f, 0xce, 0x00, 0x05, 0x55, 0x66, 0x77, 0x88,
					0x00, 0x00, 0x00, 0x00, 0x52, 0x45, 0x4d, 0x42,
					0x01, 0x12, 0x7d, 0xc7, 0x01, 0x02, 0x03, 0x04 };

static const uint32_t own = 0x55667788, other = 0x01020304;
static const uint16_t nacked[] = { 2, 3, 6, 8, 20, 21, 52 };
static const struct rtcp_report_block blocks[] = {
	{ .ssrc = 0x01020304,
	  .fraction_lost = 51,
	  .lost = -3,
	  .highest_seq = 0x00018765,
	  .jitter = 77,
	  .lsr = 0x89abcdef,
	  .dlsr = 0x00012345 },
	{ .ssrc = 0x0a0b0c0d, .lost = 0x7fffff, .highest_seq = 9 },
};

static struct rtcp_packet first_packet(const void *data, size_t len)
{
	struct bits datagram;
	struct rtcp_packet packet;
	bits_init(&datagram, data, len);
	cr_assert(eq(int, rtcp_next(&datagram, &packet), 1));
	cr_assert(eq(u32, packet.ssrc, own));
	cr_assert(eq(sz, bits_left(&datagram), 0));
	return packet;
}

static void assert_written(const struct rtcp_writer *writer, const void *expected, size_t len)
{
	cr_assert(not(writer->full));
	cr_assert(eq(sz, writer->len, len));
	cr_assert(eq(int, memcmp(writer->data, expected, len), 0));
}

Test(rtcp, receiver_reports_as_others_write_them)
{
	struct rtcp_packet packet = first_packet(foreign_rr, sizeof(foreign_rr));
	struct rtcp_report_block block;
	cr_assert(rtcp_read_report(&packet, &block));
	cr_assert(eq(int, memcmp(&block, &blocks[0], sizeof(block)), 0));
	cr_assert(rtcp_read_report(&packet, &block));
	cr_assert(eq(i32, block.lost, 0x7fffff));
	cr_assert(not(rtcp_read_report(&packet, &block)));

	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_rr(&writer, own, blocks, 2);
	assert_written(&writer, foreign_rr, sizeof(foreign_rr));
}

Test(rtcp, sender_reports_as_others_write_them)
{
	struct rtcp_packet packet = first_packet(foreign_sr, sizeof(foreign_sr));
	struct rtcp_sender_info info;
	cr_assert(rtcp_read_sender_info(&packet, &info));
	cr_assert(eq(u64, info.ntp, 0xe9d6c5b4a3928170));
	cr_assert(eq(u32, info.rtp, 0xdeadbeef));
	cr_assert(eq(u32, info.packets, 1000));
	cr_assert(eq(u32, info.bytes, 123456));

	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_sr(&writer, own, &info);
	assert_written(&writer, foreign_sr, sizeof(foreign_sr));
}

Test(rtcp, descriptions_and_byes_as_others_write_them)
{
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_sdes(&writer, &own, 1, "souk-cname");
	assert_written(&writer, foreign_sdes, sizeof(foreign_sdes));

	const uint32_t leaving[] = { own, 0x11 };
	rtcp_writer_init(&writer);
	rtcp_write_bye(&writer, leaving, 2);
	assert_written(&writer, foreign_bye, sizeof(foreign_bye));

	const struct rtcp_packet packet = first_packet(foreign_bye, sizeof(foreign_bye));
	cr_assert(rtcp_bye_names(&packet, own));
	cr_assert(rtcp_bye_names(&packet, 0x11));
	cr_assert(not(rtcp_bye_names(&packet, 0x12)));
}

Test(rtcp, nacks_as_others_write_them)
{
	struct rtcp_packet packet = first_packet(foreign_nack, sizeof(foreign_nack));
	cr_assert(eq(u8, packet.count, RTPFB_NACK));
	cr_assert(eq(u32, rtcp_read_media_ssrc(&packet), other));
	uint16_t seq, following;
	cr_assert(rtcp_read_nack(&packet, &seq, &following));
	cr_assert(eq(u16, seq, 2));
	cr_assert(eq(u16, following, 0x29));
	cr_assert(rtcp_read_nack(&packet, &seq, &following));
	cr_assert(rtcp_read_nack(&packet, &seq, &following));
	cr_assert(not(rtcp_read_nack(&packet, &seq, &following)));

	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	cr_assert(eq(uint, rtcp_write_nack(&writer, own, other, nacked, 7), 7));
	assert_written(&writer, foreign_nack, sizeof(foreign_nack));
}

Test(rtcp, a_nack_may_span_the_wrap)
{
	static const uint16_t seqs[] = { 65535, 0, 15 };
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	cr_assert(eq(uint, rtcp_write_nack(&writer, own, other, seqs, 3), 3));
	cr_assert(eq(sz, writer.len, 16)); /* one entry */
	cr_assert(eq(u8, writer.data[14], 0x80));
	cr_assert(eq(u8, writer.data[15], 0x01));
}

Test(rtcp, nacks_stop_where_the_datagram_ends)
{
	static uint16_t seqs[1000];
	for (unsigned i = 0; i < 1000; i++)
		seqs[i] = (uint16_t)(i * 20);
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	cr_assert(eq(uint, rtcp_write_nack(&writer, own, other, seqs, 1000), (1200 - 12) / 4));
	cr_assert(eq(sz, writer.len, 1200));
	rtcp_write_pli(&writer, own, other);
	cr_assert(writer.full);
	cr_assert(eq(sz, writer.len, 1200));
}

Test(rtcp, keyframe_requests_as_others_write_them)
{
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_pli(&writer, own, other);
	assert_written(&writer, foreign_pli, sizeof(foreign_pli));

	/* RFC 5104 §4.3.1: the media SSRC is 0, the entry names it with a sequence number. */
	rtcp_writer_init(&writer);
	rtcp_write_fir(&writer, own, other, 7);
	static const uint8_t fir[] = { 0x84, 206, 0, 4, 0x55, 0x66, 0x77, 0x88, 0, 0,
				       0,    0,   1, 2, 3,    4,    7,    0,    0, 0 };
	assert_written(&writer, fir, sizeof(fir));
	struct rtcp_packet packet = first_packet(fir, sizeof(fir));
	rtcp_read_media_ssrc(&packet);
	uint32_t ssrc;
	uint8_t request;
	cr_assert(rtcp_read_fir(&packet, &ssrc, &request));
	cr_assert(eq(u32, ssrc, other));
	cr_assert(eq(u8, request, 7));
}

Test(rtcp, bandwidth_estimates_as_others_write_them)
{
	struct rtcp_packet packet = first_packet(foreign_remb, sizeof(foreign_remb));
	rtcp_read_media_ssrc(&packet);
	uint64_t bps;
	cr_assert(rtcp_read_remb(&packet, &bps));
	cr_assert(le(u64, bps, 2612345));
	cr_assert(gt(u64, bps, 2612345 - 16)); /* 18 bits of mantissa */

	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_remb(&writer, own, &other, 1, 2612345);
	assert_written(&writer, foreign_remb, sizeof(foreign_remb));
}

Test(rtcp, reference_times_are_echoed)
{
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_rrtr(&writer, own, 0x1122334455667788);
	/* RFC 3611 §4.4 and §4.5 */
	static const uint8_t rrtr[] = { 0x80, 207, 0,    4,    0x55, 0x66, 0x77, 0x88, 4,    0,
					0,    2,   0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
	assert_written(&writer, rrtr, sizeof(rrtr));
	struct rtcp_packet packet = first_packet(rrtr, sizeof(rrtr));
	struct rtcp_xr_block block;
	uint64_t ntp;
	cr_assert(rtcp_read_xr(&packet, &block));
	cr_assert(rtcp_read_rrtr(&block, &ntp));
	cr_assert(eq(u32, ntp_middle(ntp), 0x33445566));

	rtcp_writer_init(&writer);
	rtcp_write_dlrr(&writer, own, other, 0x33445566, 0);
	static const uint8_t dlrr[] = { 0x80, 207, 0, 5, 0x55, 0x66, 0x77, 0x88, 5, 0, 0, 3,
					1,    2,   3, 4, 0x33, 0x44, 0x55, 0x66, 0, 0, 0, 0 };
	assert_written(&writer, dlrr, sizeof(dlrr));
	packet = first_packet(dlrr, sizeof(dlrr));
	uint32_t ssrc, lrr, delay;
	cr_assert(rtcp_read_xr(&packet, &block));
	cr_assert(rtcp_read_dlrr(&block, &ssrc, &lrr, &delay));
	cr_assert(eq(u32, ssrc, other));
	cr_assert(not(rtcp_read_dlrr(&block, &ssrc, &lrr, &delay)));
	cr_assert(not(rtcp_read_xr(&packet, &block)));
}

Test(rtcp, round_trip_of_the_example_in_rfc_3550)
{
	/* Figure 2: A 46864.500 s, LSR 46853.125 s, DLSR 5.250 s: 6.125 s. */
	cr_assert(eq(i64, rtcp_round_trip_us(0xb7108000, 0xb7052000, 0x00054000), 6125000));
	cr_assert(eq(i64, rtcp_round_trip_us(0xb7108000, 0, 0), -1));
	cr_assert(eq(i64, rtcp_round_trip_us(0x1000, 0x1010, 0), 0)); /* rounding */
	cr_assert(eq(i64, rtcp_round_trip_us(0x1000, 0x9000, 0), -1));
}

Test(rtcp, compound_packets_are_walked)
{
	uint8_t compound[sizeof(foreign_rr) + sizeof(foreign_sdes) + sizeof(foreign_nack)];
	memcpy(compound, foreign_rr, sizeof(foreign_rr));
	memcpy(compound + sizeof(foreign_rr), foreign_sdes, sizeof(foreign_sdes));
	memcpy(compound + sizeof(foreign_rr) + sizeof(foreign_sdes), foreign_nack,
	       sizeof(foreign_nack));
	static const uint8_t types[] = { RTCP_RR, RTCP_SDES, RTCP_RTPFB };
	struct bits datagram;
	struct rtcp_packet packet;
	bits_init(&datagram, compound, sizeof(compound));
	for (unsigned i = 0; i < 3; i++) {
		cr_assert(eq(int, rtcp_next(&datagram, &packet), 1));
		cr_assert(eq(u8, packet.type, types[i]));
	}
	cr_assert(eq(int, rtcp_next(&datagram, &packet), 0));
}

Test(rtcp, padding_is_taken_off)
{
	static const uint8_t padded[] = { 0xa1, 206, 0, 3, 0x55, 0x66, 0x77, 0x88,
					  1,    2,   3, 4, 0,    0,    0,    4 };
	struct rtcp_packet packet = first_packet(padded, sizeof(padded));
	cr_assert(eq(u32, rtcp_read_media_ssrc(&packet), other));
	cr_assert(eq(sz, bits_left(&packet.body), 0));
}

static const struct {
	size_t len;
	uint8_t data[12];
} bad[] = {
	{ 3, { 0x80, 201, 0 } },
	{ 4, { 0x80, 201, 0, 1 } }, /* longer than the datagram */
	{ 8, { 0x40, 201, 0, 1 } }, /* version */
	{ 8, { 0xa0, 201, 0, 1, 0, 0, 0, 0 } }, /* padding count 0 */
	{ 8, { 0xa0, 201, 0, 1, 0, 0, 0, 5 } }, /* more than the packet */
	{ 4, { 0xa0, 201, 0, 0 } }, /* padding without a body */
};

Test(rtcp, broken_packets_are_refused)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct bits datagram;
		struct rtcp_packet packet;
		bits_init(&datagram, bad[i].data, bad[i].len);
		cr_assert(eq(int, rtcp_next(&datagram, &packet), -EBADMSG), "row %zu", i);
	}
}

Test(rtcp, short_bodies_yield_nothing)
{
	static const uint8_t sr[] = { 0x81, 200, 0, 1, 0x55, 0x66, 0x77, 0x88 };
	struct rtcp_packet packet = first_packet(sr, sizeof(sr));
	struct rtcp_sender_info info;
	cr_assert(not(rtcp_read_sender_info(&packet, &info)));
	static const uint8_t rr[] = { 0x81, 201, 0, 2, 0x55, 0x66, 0x77, 0x88, 1, 2, 3, 4 };
	packet = first_packet(rr, sizeof(rr));
	struct rtcp_report_block block;
	cr_assert(not(rtcp_read_report(&packet, &block)));
}
