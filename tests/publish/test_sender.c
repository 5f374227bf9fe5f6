#include "load-tests/publish/sender.h"

#include "media/rtp/rtcp_writer.h"
#include "media/rtp/rtp_packet.h"
#include "media/rtp/twcc.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_rtp_port.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { VIDEO = 11, AUDIO = 22, REPAIR = 33, VIDEO_PT = 96, REPAIR_PT = 97, AUDIO_PT = 111 };
enum { TRANSPORT_ID = 2, FRAME_US = 40000 };

static struct fake_clock clock_;
static struct fake_rtp_port port;
static struct sender *sender;
static struct sdp_agreement agreement;
static unsigned keys_asked;

static void on_key(void *arg)
{
	(void)arg;
	keys_asked++;
}

static void create(void)
{
	const struct sender_config config = {
		.clock = &clock_.clock,
		.port = port.port,
		.agreement = &agreement,
		.video_ssrc = VIDEO,
		.audio_ssrc = AUDIO,
		.repair_ssrc = REPAIR,
		.cname = "test",
		.bandwidth = { .min_bps = 100000, .max_bps = 5000000, .start_bps = 1000000 },
		.request_key = on_key,
	};
	if (sender_create(&sender, &config))
		abort();
}

static void setup(void)
{
	keys_asked = 0;
	fake_clock_init(&clock_);
	clock_.now_us = 50000000;
	fake_rtp_port_init(&port);
	agreement = (struct sdp_agreement){
		.video = { .present = true,
			   .pt = VIDEO_PT,
			   .rtx_pt = REPAIR_PT,
			   .mid = "1",
			   .ids = { .mid = 1,
				    .transport_cc = TRANSPORT_ID,
				    .abs_capture_time = 4 } },
		.audio = { .present = true,
			   .pt = AUDIO_PT,
			   .mid = "0",
			   .ids = { .mid = 1, .transport_cc = TRANSPORT_ID } },
	};
}

static void teardown(void)
{
	sender_destroy(sender);
	sender = NULL;
	fake_rtp_port_finish(&port);
}

TestSuite(sender, .init = setup, .fini = teardown);

static void pass(int64_t us)
{
	for (const int64_t end_us = clock_.now_us + us; clock_.now_us < end_us;) {
		clock_.now_us += 5000;
		sender_tick(sender);
	}
}

static void push_picture(bool key, size_t len)
{
	struct frame *frame = fake_picture(key, len, clock_.now_us);
	sender_frame(sender, frame, clock_.now_us);
	frame_unref(frame);
}

static void push_sound(void)
{
	struct frame *frame = fake_sound(80, clock_.now_us);
	sender_frame(sender, frame, clock_.now_us);
	frame_unref(frame);
}

static struct sender_stats stats(void)
{
	struct sender_stats out;
	sender_stats(sender, &out);
	return out;
}

static void nack(uint16_t seq)
{
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_nack(&writer, 1, VIDEO, &seq, 1);
	sender_rtcp(sender, writer.data, writer.len);
}

static uint16_t transport_number(size_t index)
{
	struct rtp_view view = fake_rtp_port_view(&port, index);
	struct bits content;
	cr_assert(rtp_extension(&view, TRANSPORT_ID, &content));
	return bits_be16(&content);
}

Test(sender, picture_and_sound_share_the_transport_s_numbers)
{
	create();
	push_picture(true, 3000);
	pass(50000);
	push_sound();
	pass(50000);
	cr_assert(gt(sz, port.packet_count, 3));
	for (size_t i = 0; i < port.packet_count; i++)
		cr_expect(eq(u16, transport_number(i), i));
	const struct rtp_view last = fake_rtp_port_view(&port, port.packet_count - 1);
	cr_expect(eq(u32, last.ssrc, AUDIO));
	cr_expect(eq(u8, last.payload_type, AUDIO_PT));
}

Test(sender, times_of_both_follow_the_same_clock)
{
	create();
	push_picture(true, 100);
	push_sound();
	pass(FRAME_US);
	const size_t before = port.packet_count;
	push_picture(false, 100);
	push_sound();
	pass(5000);
	uint32_t first[2] = { 0 }, second[2] = { 0 };
	for (size_t i = 0; i < port.packet_count; i++) {
		const struct rtp_view view = fake_rtp_port_view(&port, i);
		(i < before ? first : second)[view.ssrc == AUDIO] = view.timestamp;
	}
	cr_expect(eq(u32, second[0] - first[0], FRAME_US * 90 / 1000));
	cr_expect(eq(u32, second[1] - first[1], FRAME_US * 48 / 1000));
}

Test(sender, reports_tell_the_rtp_time_of_now)
{
	create();
	push_picture(true, 100);
	pass(300000);
	const struct rtp_view view = fake_rtp_port_view(&port, 0);
	struct bits datagram;
	struct rtcp_packet packet;
	struct rtcp_sender_info info;
	cr_assert(ge(sz, port.rtcp_count, 1));
	const struct fake_datagram *last = &port.rtcp[port.rtcp_count - 1];
	bits_init(&datagram, last->data, last->len);
	cr_assert(eq(int, rtcp_next(&datagram, &packet), 1));
	cr_assert(eq(u8, packet.type, RTCP_SR));
	cr_assert(rtcp_read_sender_info(&packet, &info));
	const int64_t told_us = ntp_to_utc_us(info.ntp) - clock_.clock.utc_offset_us;
	const int64_t expected = (told_us - 50000000) * 90 / 1000;
	cr_expect(le(i64, llabs((int64_t)(info.rtp - view.timestamp) - expected), 1));
}

Test(sender, nothing_goes_out_before_a_keyframe)
{
	create();
	push_picture(false, 100);
	cr_expect(eq(sz, port.packet_count, 0));
	cr_expect(eq(uint, keys_asked, 1));
	push_picture(true, 100);
	cr_expect(gt(sz, port.packet_count, 0));
}

Test(sender, repairs_carry_the_original_number_and_payload)
{
	create();
	push_picture(true, 3000);
	pass(100000);
	const struct rtp_view lost = fake_rtp_port_view(&port, 1);
	const size_t before = port.packet_count;
	nack(lost.seq);
	pass(50000);
	cr_assert(eq(sz, port.packet_count, before + 1));
	const struct rtp_view repair = fake_rtp_port_view(&port, before);
	cr_expect(eq(u32, repair.ssrc, REPAIR));
	cr_expect(eq(u8, repair.payload_type, REPAIR_PT));
	cr_expect(eq(u32, repair.timestamp, lost.timestamp));
	cr_assert(eq(sz, repair.payload_len, lost.payload_len + 2));
	cr_expect(eq(u16, (uint16_t)(repair.payload[0] << 8 | repair.payload[1]), lost.seq));
	cr_expect(eq(int, memcmp(repair.payload + 2, lost.payload, lost.payload_len), 0));
	cr_expect(eq(u16, transport_number(before), before));
}

Test(sender, without_a_repair_stream_the_same_bytes_go_again)
{
	agreement.video.rtx_pt = 0;
	create();
	push_picture(true, 3000);
	pass(100000);
	const struct rtp_view lost = fake_rtp_port_view(&port, 1);
	const size_t before = port.packet_count;
	nack(lost.seq);
	pass(50000);
	cr_assert(eq(sz, port.packet_count, before + 1));
	cr_expect(eq(sz, port.packets[before].len, port.packets[1].len));
	cr_expect(eq(int,
		     memcmp(port.packets[before].data, port.packets[1].data, port.packets[1].len),
		     0));
}

Test(sender, a_packet_is_repeated_a_few_times_and_not_at_once_again)
{
	create();
	for (unsigned i = 0; i < 20; i++) {
		push_picture(i == 0, 3000);
		pass(FRAME_US);
	}
	const uint16_t seq = fake_rtp_port_view(&port, 1).seq;
	nack(seq);
	nack(seq);
	pass(5000);
	cr_expect(eq(u64, stats().repeats, 1));
	for (unsigned i = 0; i < 10; i++) {
		pass(50000);
		nack(seq);
	}
	cr_expect(eq(u64, stats().repeats, SENDER_REPEATS_MAX));
	cr_expect(gt(u64, stats().repeats_refused, 0));
}

Test(sender, repeats_take_no_more_than_their_share)
{
	create();
	for (unsigned i = 0; i < 50; i++) {
		push_picture(i == 0, 3000);
		pass(FRAME_US);
	}
	const size_t sent = port.packet_count;
	for (size_t i = 0; i < sent; i++)
		nack(fake_rtp_port_view(&port, i).seq);
	pass(500000);
	cr_expect(lt(u64, stats().repeats, sent / 2));
	cr_expect(gt(u64, stats().repeats_refused, sent / 4));
}

Test(sender, a_picture_loss_asks_for_a_keyframe_but_not_too_often)
{
	create();
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_pli(&writer, 1, VIDEO);
	for (unsigned i = 0; i < 100; i++) {
		sender_rtcp(sender, writer.data, writer.len);
		pass(10000);
	}
	cr_expect(eq(u64, stats().plis, 100));
	cr_expect(eq(uint, keys_asked, 2));
}

Test(sender, a_queue_beyond_a_second_leaves_pictures_out_until_a_keyframe)
{
	create();
	push_picture(true, 400000); /* more than two seconds at 1.5 Mbit/s */
	push_picture(false, 1000);
	cr_expect(eq(u64, stats().frames_skipped, 1));
	pass(2500000);
	push_picture(false, 1000);
	cr_expect(eq(u64, stats().frames_skipped, 2));
	cr_expect(gt(uint, keys_asked, 0));
	push_picture(true, 1000);
	cr_expect(eq(u64, stats().frames, 2));
}

Test(sender, transport_feedback_moves_the_target)
{
	struct twcc_recorder recorder;
	size_t told = 0;
	twcc_init(&recorder);
	create();
	for (unsigned i = 0; i < 150; i++) {
		push_picture(i == 0, 5000);
		pass(FRAME_US);
		for (; told < port.packet_count; told++)
			twcc_arrived(&recorder, (uint16_t)told, clock_.now_us + 20000);
		struct rtcp_writer writer;
		rtcp_writer_init(&writer);
		if (twcc_write(&recorder, &writer, 1, VIDEO))
			sender_rtcp(sender, writer.data, writer.len);
	}
	cr_expect(gt(i64, stats().target_bps, 1300000), "%ld", (long)stats().target_bps);
	cr_expect(gt(u64, stats().feedbacks, 100));
	cr_expect(lt(i64, sender_video_bps(sender), stats().target_bps));
}

Test(sender, remb_counts_only_where_packets_are_not_numbered)
{
	struct rtcp_writer writer;
	const uint32_t ssrc = VIDEO;
	rtcp_writer_init(&writer);
	rtcp_write_remb(&writer, 1, &ssrc, 1, 400000);
	create();
	sender_rtcp(sender, writer.data, writer.len);
	cr_expect(eq(i64, stats().target_bps, 1000000));
	sender_destroy(sender);
	agreement.video.ids.transport_cc = agreement.audio.ids.transport_cc = 0;
	create();
	sender_rtcp(sender, writer.data, writer.len);
	cr_expect(le(i64, stats().target_bps, 400000));
	cr_expect(gt(i64, stats().target_bps, 399000));
}

Test(sender, goodbye_names_what_was_sent)
{
	create();
	sender_bye(sender);
	cr_expect(eq(sz, port.rtcp_count, 0));
	push_picture(true, 100);
	pass(5000);
	sender_bye(sender);
	cr_expect(eq(sz, fake_rtp_port_rtcp(&port, RTCP_BYE, 1), 1));
}

Test(sender, a_full_socket_is_a_loss_that_can_be_repaired)
{
	create();
	port.err = -EAGAIN;
	push_picture(true, 1000);
	pass(20000);
	cr_expect(gt(u64, stats().port_full, 0));
	port.err = 0;
	push_picture(false, 1000);
	pass(20000);
	const uint16_t next = fake_rtp_port_view(&port, 0).seq;
	const size_t before = port.packet_count;
	nack((uint16_t)(next - 1));
	pass(20000);
	cr_expect(eq(sz, port.packet_count, before + 1));
}
