#include "media/rtp/rtp_history.h"
#include "media/rtp/rtp_image.h"
#include "tests/media/rtp_sender_fixture.h"

#include <stdlib.h>
#include <string.h>

TestSuite(rtp_sender_feedback, .init = setup, .fini = teardown);

Test(rtp_sender_feedback, a_nack_is_answered_with_the_same_bytes)
{
	show(fake_picture(true, 9000, 0));
	show(fake_picture(false, 5000, 33333));
	pass_time(20000);
	const size_t sent = f.port.packet_count;
	const uint16_t first = fake_rtp_port_view(&f.port, 0).seq;
	const uint16_t missing[] = { (uint16_t)(first + 3), (uint16_t)(first + 8),
				     (uint16_t)(first + 9) };
	nack(missing, 3);
	cr_assert(eq(sz, f.port.packet_count, sent + 3));
	for (size_t i = 0; i < 3; i++) {
		const struct fake_datagram *was = &f.port.packets[(uint16_t)(missing[i] - first)];
		const struct fake_datagram *is = &f.port.packets[sent + i];
		cr_assert(eq(sz, is->len, was->len));
		cr_assert(eq(int, memcmp(is->data, was->data, is->len), 0));
	}
	cr_assert(eq(u64, stats().rtx_packets, 3));
	cr_assert(eq(uint, f.keys, 0));
}

Test(rtp_sender_feedback, a_packet_is_repeated_eight_times_at_most_and_not_too_often)
{
	show(fake_picture(true, 9000, 0));
	const uint16_t seq = fake_rtp_port_view(&f.port, 2).seq;
	const size_t sent = f.port.packet_count;
	nack(&seq, 1);
	nack(&seq, 1);
	cr_assert(eq(sz, f.port.packet_count, sent + 1)); /* within 10 ms */
	for (int i = 0; i < 10; i++) {
		pass_time(11000);
		nack(&seq, 1);
	}
	cr_assert(eq(sz, f.port.packet_count, sent + RTX_TIMES_MAX));
	cr_assert(eq(uint, f.keys, 1)); /* repeating does not help: a keyframe does */
}

static void report_rtt(int64_t rtt_us)
{
	const uint32_t now = ntp_middle(ntp_from_utc_us(clock_utc_us(&f.fake.clock)));
	const struct rtcp_report_block block = {
		.ssrc = VIDEO_SSRC,
		.lsr = now - (uint32_t)(rtt_us * 65536 / 1000000),
	};
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_rr(&writer, VIEWER_SSRC, &block, 1);
	say(&writer);
}

Test(rtp_sender_feedback, who_asks_again_before_an_answer_can_come_is_not_answered_twice)
{
	show(fake_picture(true, 9000, 0));
	report_rtt(100000);
	const uint16_t seq = fake_rtp_port_view(&f.port, 2).seq;
	const size_t sent = f.port.packet_count;
	nack(&seq, 1);
	pass_time(70000);
	nack(&seq, 1);
	cr_assert(eq(sz, f.port.packet_count, sent + 1));
	pass_time(30000);
	nack(&seq, 1);
	cr_assert(eq(sz, f.port.packet_count, sent + 2));
}

Test(rtp_sender_feedback, a_packet_that_is_gone_asks_for_a_keyframe)
{
	show(fake_picture(true, 3000, 0));
	const uint16_t seq = (uint16_t)(fake_rtp_port_view(&f.port, 0).seq - 1);
	nack(&seq, 1);
	cr_assert(eq(uint, f.keys, 1));
	cr_assert(eq(u64, stats().rtx_packets, 0));
	const uint16_t old = fake_rtp_port_view(&f.port, 1).seq;
	show(fake_picture(true, 3000, 33333));
	pass_time(3100000); /* kept for 2 s */
	nack(&old, 1);
	cr_assert(eq(uint, f.keys, 2));
}

Test(rtp_sender_feedback, repetitions_are_a_quarter_of_the_rate_at_most)
{
	show(fake_picture(true, 9000, 0));
	size_t sent = 0, repeated = 0;
	for (int64_t i = 1; i < 300; i++) {
		fake_rtp_port_clear(&f.port);
		show(fake_picture(false, 9000, i * 33333));
		sent += f.port.packet_count;
		static uint16_t seqs[16];
		for (unsigned s = 0; s < f.port.packet_count; s++)
			seqs[s] = fake_rtp_port_view(&f.port, s).seq;
		const size_t before = f.port.packet_count;
		nack(seqs, (unsigned)before);
		repeated += f.port.packet_count - before;
		pass_time(11000);
	}
	/* What was saved up at the start comes on top. */
	cr_assert(le(sz, repeated, sent / 4 + RTX_BUDGET_MAX / 1000));
	cr_assert(ge(sz, repeated, sent / 5));
}

Test(rtp_sender_feedback, reports_come_quickly_at_first)
{
	show(fake_picture(true, 3000, 0));
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_SR, -1), 1)); /* with the first packet */
	pass_time(1000000);
	cr_assert(ge(sz, fake_rtp_port_rtcp(&f.port, RTCP_SR, -1), 5));
	pass_time(2500000);
	fake_rtp_port_clear(&f.port);
	pass_time(3000000);
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_SR, -1), 3));
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_SDES, -1), 3));
}

Test(rtp_sender_feedback, reports_make_timestamps_capture_times)
{
	struct frame *frame = fake_picture(true, 3000, 500000);
	frame->capture_us = clock_utc_us(&f.fake.clock) - 120000; /* captured 120 ms ago */
	show(frame);
	struct bits datagram;
	struct rtcp_packet packet;
	struct rtcp_sender_info info;
	bits_init(&datagram, f.port.rtcp[0].data, f.port.rtcp[0].len);
	cr_assert(eq(int, rtcp_next(&datagram, &packet), 1));
	cr_assert(eq(u32, packet.ssrc, VIDEO_SSRC));
	cr_assert(rtcp_read_sender_info(&packet, &info));
	cr_assert(eq(i64, ntp_to_utc_us(info.ntp), clock_utc_us(&f.fake.clock)));
	cr_assert(eq(u32, info.rtp - fake_rtp_port_view(&f.port, 0).timestamp, 120 * 90));
	cr_assert(eq(u32, info.packets, 4));
}

/* How far ahead of the newest sound's timestamp the newest report about sound is. */
static uint32_t sound_ahead(void)
{
	struct bits datagram;
	struct rtcp_packet packet;
	struct rtcp_sender_info info = { 0 };
	const struct fake_datagram *newest = &f.port.rtcp[f.port.rtcp_count - 1];
	bits_init(&datagram, newest->data, newest->len);
	while (rtcp_next(&datagram, &packet) == 1 && packet.ssrc != AUDIO_SSRC)
		;
	cr_assert(rtcp_read_sender_info(&packet, &info));
	return info.rtp - fake_rtp_port_view(&f.port, f.port.packet_count - 1).timestamp;
}

Test(rtp_sender_feedback, sound_is_told_to_be_older_than_it_is)
{
	show(fake_picture(true, 3000, 0));
	struct frame *frame = fake_sound(160, 0);
	frame->capture_us = clock_utc_us(&f.fake.clock);
	show(frame);
	rtp_sender_flush(f.sender);
	pass_time(1000000);
	cr_assert(eq(u32, sound_ahead(), 48000 + 20 * 48));
}

Test(rtp_sender_feedback, reference_times_are_answered_at_once)
{
	show(fake_picture(true, 3000, 0));
	fake_rtp_port_clear(&f.port);
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_rr(&writer, VIEWER_SSRC, NULL, 0);
	rtcp_write_rrtr(&writer, VIEWER_SSRC, 0x1122334455667788);
	say(&writer);
	cr_assert(eq(sz, f.port.rtcp_count, 1));
	static const uint8_t expected[] = { 0x80, 207,  0,    5,    0, 0, 0x11, 0x11,
					    5,    0,    0,    3,    0, 0, 0x33, 0x33,
					    0x33, 0x44, 0x55, 0x66, 0, 0, 0,    0 };
	cr_assert(eq(sz, f.port.rtcp[0].len, sizeof(expected)));
	cr_assert(eq(int, memcmp(f.port.rtcp[0].data, expected, sizeof(expected)), 0));
}

Test(rtp_sender_feedback, the_viewer_tells_loss_round_trip_and_rate)
{
	show(fake_picture(true, 3000, 0));
	const uint32_t sent_at = ntp_middle(ntp_from_utc_us(clock_utc_us(&f.fake.clock)));
	f.fake.now_us += 80000;
	const struct rtcp_report_block block = { .ssrc = VIDEO_SSRC,
						 .fraction_lost = 26,
						 .lost = 7,
						 .lsr = sent_at,
						 .dlsr = 65536 / 20 };
	const uint32_t media = VIDEO_SSRC;
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_rr(&writer, VIEWER_SSRC, &block, 1);
	rtcp_write_remb(&writer, VIEWER_SSRC, &media, 1, 1900000);
	say(&writer);
	cr_assert(lt(i64, llabs(stats().rtt_us - 30000), 100));
	cr_assert(eq(u8, stats().fraction_lost, 26));
	cr_assert(eq(i32, stats().lost, 7));
	cr_assert(gt(u64, stats().remb_bps, 1899000));
}

Test(rtp_sender_feedback, keyframe_requests_of_the_viewer_are_throttled)
{
	show(fake_picture(true, 3000, 0));
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_pli(&writer, VIEWER_SSRC, VIDEO_SSRC);
	rtcp_write_fir(&writer, VIEWER_SSRC, VIDEO_SSRC, 1);
	for (int i = 0; i < 5; i++) {
		say(&writer);
		pass_time(205000); /* as Chromium repeats them */
	}
	cr_assert(eq(u64, stats().plis, 10));
	cr_assert(eq(uint, f.keys, 2));
	rtcp_writer_init(&writer);
	rtcp_write_pli(&writer, VIEWER_SSRC, 0x9999); /* not our stream */
	say(&writer);
	cr_assert(eq(u64, stats().plis, 10));
}

Test(rtp_sender_feedback, capture_times_are_sent_where_negotiated)
{
	rtp_sender_destroy(f.sender);
	f.config.video.abs_capture_id = 13;
	cr_assert(eq(int, rtp_sender_create(&f.sender, &f.config), 0));
	show(fake_picture(true, 3000, 123456));
	for (size_t i = 0; i < f.port.packet_count; i++) {
		const struct rtp_view view = fake_rtp_port_view(&f.port, i);
		struct bits content;
		cr_assert(rtp_extension(&view, 13, &content));
		cr_assert(eq(i64, ntp_to_utc_us(bits_be64(&content)), 1767225600123456));
	}
	cr_assert(eq(i64, rtp_sender_capture_us(f.sender), 1767225600123456));
}

Test(rtp_sender_feedback, garbage_from_a_viewer_changes_nothing)
{
	show(fake_picture(true, 3000, 0));
	const size_t rtcp = f.port.rtcp_count, packets = f.port.packet_count;
	static const uint8_t garbage[][16] = { { 0x81, 205, 0, 9 },
					       { 0x81, 205, 0, 1, 0, 0, 0, 1 },
					       { 0x81, 201, 0, 3, 0, 0, 0, 1, 1, 1, 1, 1 },
					       { 0x80, 207, 0, 3, 0, 0, 0, 1, 4, 0, 0, 9 } };
	for (size_t i = 0; i < 4; i++)
		rtp_sender_rtcp(f.sender, garbage[i], 16);
	cr_assert(eq(sz, f.port.rtcp_count, rtcp));
	cr_assert(eq(sz, f.port.packet_count, packets));
	cr_assert(eq(uint, f.keys, 0));
}

Test(rtp_sender_feedback, a_datagram_full_of_reference_times_is_answered_once)
{
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	for (uint64_t i = 1; i <= 20; i++)
		rtcp_write_rrtr(&writer, VIEWER_SSRC, i << 16);
	show(fake_picture(true, 3000, 0));
	const size_t before = f.port.rtcp_count;
	say(&writer);
	cr_assert(eq(sz, f.port.rtcp_count, before + 1));
}
