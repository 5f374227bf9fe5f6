#include "media/rtp/rtcp_writer.h"
#include "media/rtp/rtp_history.h"
#include "media/rtp/rtp_image.h"
#include "media/rtp/rtp_pacer.h"
#include "media/rtp/rtp_red.h"
#include "media/rtp/rtp_sender.h"
#include "media/rtp/rtp_sender_state.h"
#include "media/sink.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_rtp_port.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { VIDEO_SSRC = 0x1111, AUDIO_SSRC = 0x2222, VIEWER_SSRC = 0x3333, GOP_MAX = 256 };

struct fixture {
	struct fake_clock fake;
	struct fake_rtp_port port;
	struct rtp_sender_config config;
	struct rtp_sender *sender;
	unsigned keys, ended;
	bool paces;
};

static struct fixture f;

static void on_request_key(void *arg)
{
	(void)arg;
	f.keys++;
}

static void on_ended(void *arg)
{
	(void)arg;
	f.ended++;
}

static void on_pace(void *arg)
{
	(void)arg;
	f.paces = true;
}

static void setup(void)
{
	f = (struct fixture){ 0 };
	fake_clock_init(&f.fake);
	fake_rtp_port_init(&f.port);
	f.config = (struct rtp_sender_config){
		.clock = &f.fake.clock,
		.port = f.port.port,
		.video = { .ssrc = VIDEO_SSRC, .payload_type = 102, .playout_delay_id = 5 },
		.audio = { .ssrc = AUDIO_SSRC, .payload_type = 111, .red_payload_type = 63 },
		.cname = "souk",
		.request_key = on_request_key,
		.pace = on_pace,
		.ended = on_ended,
	};
	cr_assert(eq(int, rtp_sender_create(&f.sender, &f.config), 0));
}

static void teardown(void)
{
	rtp_sender_destroy(f.sender);
	fake_rtp_port_finish(&f.port);
}

TestSuite(rtp_sender, .init = setup, .fini = teardown);

static void show(struct frame *frame)
{
	rtp_sender_frame(f.sender, frame);
	frame_unref(frame);
}

/* As a worker does: a tick every five milliseconds while frames wait for their pace, and in any
 * case now and then for the reports. */
static void pass_time(int64_t by_us)
{
	const int64_t until_us = f.fake.now_us + by_us;
	while (f.fake.now_us < until_us) {
		f.fake.now_us += f.paces ? PACER_INTERVAL_US : 50000;
		if (f.fake.now_us > until_us)
			f.fake.now_us = until_us;
		f.paces = rtp_sender_tick(f.sender);
	}
}

static struct rtp_sender_stats stats(void)
{
	struct rtp_sender_stats out;
	rtp_sender_stats(f.sender, &out);
	return out;
}

static void say(const struct rtcp_writer *writer)
{
	rtp_sender_rtcp(f.sender, writer->data, writer->len);
}

static void nack(const uint16_t *seqs, unsigned count)
{
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_nack(&writer, VIEWER_SSRC, VIDEO_SSRC, seqs, count);
	say(&writer);
}

static void assert_consecutive(size_t from, size_t to)
{
	for (size_t i = from + 1; i < to; i++)
		cr_assert(eq(u16, fake_rtp_port_view(&f.port, i).seq,
			     (uint16_t)(fake_rtp_port_view(&f.port, i - 1).seq + 1)));
}

Test(rtp_sender, a_picture_leaves_in_one_run)
{
	show(fake_picture(true, 9000, 1000000));
	cr_assert(eq(sz, f.port.runs, 1));
	cr_assert(eq(sz, f.port.packet_count, 1 + 8));
	assert_consecutive(0, f.port.packet_count);
	for (size_t i = 0; i < f.port.packet_count; i++) {
		const struct rtp_view view = fake_rtp_port_view(&f.port, i);
		cr_assert(eq(u32, view.ssrc, VIDEO_SSRC));
		cr_assert(eq(u8, view.payload_type, 102));
		cr_assert(eq(int, view.marker, i == 8));
		cr_assert(eq(u32, view.timestamp, rtp_sender_time(f.sender, CODEC_H264, 1000000)));
		struct bits delay;
		cr_assert(rtp_extension(&view, 5, &delay));
		cr_assert(eq(u32, bits_be24(&delay), 0));
		cr_assert(le(sz, f.port.packets[i].len, RTP_UDP_MAX - 16));
		if (i > 1) /* GSO: fragments are equal */
			cr_assert(eq(sz, f.port.packets[i].len, f.port.packets[1].len));
	}
	cr_assert(eq(u64, stats().packets, 9));
}

Test(rtp_sender, timestamps_are_an_image_of_media_time)
{
	show(fake_picture(true, 100, 0));
	show(fake_picture(false, 100, 40000));
	show(fake_picture(false, 100, 7240000)); /* a host was away for 7.2 s */
	const uint32_t base = fake_rtp_port_view(&f.port, 0).timestamp;
	cr_assert(eq(u32, fake_rtp_port_view(&f.port, 2).timestamp - base, 3600));
	cr_assert(eq(u32, fake_rtp_port_view(&f.port, 3).timestamp - base, 651600));
	cr_assert(eq(u32,
		     rtp_sender_time(f.sender, CODEC_OPUS, 20000) -
			     rtp_sender_time(f.sender, CODEC_OPUS, 0),
		     960));
}

Test(rtp_sender, nothing_is_shown_before_a_keyframe)
{
	show(fake_picture(false, 100, 0));
	show(fake_picture(false, 100, 40000));
	cr_assert(eq(sz, f.port.packet_count, 0));
	cr_assert(eq(uint, f.keys, 1)); /* throttled */
	show(fake_picture(true, 100, 80000));
	cr_assert(eq(sz, f.port.packet_count, 2));
	cr_assert(eq(u64, stats().frames_skipped, 2));
}

Test(rtp_sender, sound_rides_at_the_end_of_the_next_picture)
{
	show(fake_picture(true, 3000, 0));
	fake_rtp_port_clear(&f.port);
	show(fake_sound(160, 10000));
	cr_assert(eq(sz, f.port.packet_count, 0));
	pass_time(5000);
	show(fake_picture(false, 5000, 40000));
	cr_assert(eq(sz, f.port.runs, 1));
	cr_assert(eq(sz, f.port.packet_count, 5 + 1));
	const struct rtp_view sound = fake_rtp_port_view(&f.port, 5);
	cr_assert(eq(u32, sound.ssrc, AUDIO_SSRC));
	cr_assert(eq(sz, sound.payload_len, 160));
	cr_assert(not(sound.marker));
	cr_assert(fake_rtp_port_view(&f.port, 4).marker);
}

Test(rtp_sender, sound_of_a_turn_without_a_picture_shares_a_send)
{
	show(fake_picture(true, 3000, 0));
	fake_rtp_port_clear(&f.port);
	show(fake_sound(160, 10000));
	show(fake_sound(160, 30000));
	cr_assert(eq(sz, f.port.packet_count, 0));
	rtp_sender_flush(f.sender);
	cr_assert(eq(sz, f.port.packet_count, 2));
	cr_assert(eq(sz, f.port.runs, 1));
	rtp_sender_flush(f.sender);
	cr_assert(eq(sz, f.port.packet_count, 2));
	assert_consecutive(0, 2);
}

Test(rtp_sender, much_sound_of_one_turn_does_not_wait_for_its_end)
{
	for (int i = 0; i < 9; i++)
		show(fake_sound(160, i * 20000));
	cr_assert(eq(sz, f.port.packet_count, 8));
	cr_assert(eq(sz, f.port.runs, 2));
}

Test(rtp_sender, a_viewer_may_take_sound_alone)
{
	rtp_sender_destroy(f.sender);
	f.config.video.payload_type = 0;
	cr_assert(eq(int, rtp_sender_create(&f.sender, &f.config), 0));
	show(fake_sound(160, 0));
	show(fake_picture(true, 100, 0));
	rtp_sender_flush(f.sender);
	cr_assert(eq(sz, f.port.packet_count, 1));
	cr_assert(rtp_sender_sink(f.sender)->skip_video);
}

static void say_loss(uint32_t ssrc, uint8_t of_256)
{
	const struct rtcp_report_block block = { .ssrc = ssrc, .fraction_lost = of_256 };
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_rr(&writer, VIEWER_SSRC, &block, 1);
	say(&writer);
}

static struct rtp_view hear(size_t len, int64_t at_us)
{
	show(fake_sound(len, at_us));
	rtp_sender_flush(f.sender);
	return fake_rtp_port_view(&f.port, f.port.packet_count - 1);
}

Test(rtp_sender, who_loses_packets_gets_sound_twice_for_a_while)
{
	cr_assert(eq(u8, hear(100, 0).payload_type, 111));
	say_loss(AUDIO_SSRC, SENDER_LOSSY - 1);
	cr_assert(eq(u8, hear(100, 20000).payload_type, 111));
	say_loss(AUDIO_SSRC, SENDER_LOSSY);
	const struct rtp_view twice = hear(120, 40000);
	cr_assert(eq(u8, twice.payload_type, 63));
	cr_assert(eq(u32, twice.timestamp, rtp_sender_time(f.sender, CODEC_OPUS, 40000)));
	cr_assert(eq(sz, twice.payload_len, RED_HEADER + 100 + 120));
	static const uint8_t head[] = { 0xef, 0x0f, 0x00, 100, 0x6f, 0x78 }; /* 960 older */
	cr_assert(eq(int, memcmp(twice.payload, head, sizeof(head)), 0));
	cr_assert(eq(u8, twice.payload[RED_HEADER + 100], 0x78));
	cr_assert(eq(u8, hear(100, 5000000).payload_type, 111)); /* what was before is too old */
	pass_time(SENDER_LOSSY_US);
	cr_assert(eq(u8, hear(100, 5020000).payload_type, 111));
	cr_assert(eq(u64, stats().red_packets, 1));
}

Test(rtp_sender, sound_is_sent_once_where_red_was_not_agreed_on)
{
	rtp_sender_destroy(f.sender);
	f.config.audio.red_payload_type = 0;
	cr_assert(eq(int, rtp_sender_create(&f.sender, &f.config), 0));
	hear(100, 0);
	say_loss(AUDIO_SSRC, 100);
	cr_assert(eq(u8, hear(100, 20000).payload_type, 111));
}

Test(rtp_sender, what_is_not_ours_to_send_is_ignored)
{
	struct frame *like = fake_sound(100, 0);
	struct frame *aac = frame_create(media_config_create(CODEC_AAC, NULL), buf_ref(like->data));
	show(aac);
	frame_unref(like);
	cr_assert(eq(sz, f.port.packet_count, 0));
	f.config.video.payload_type = f.config.audio.payload_type = 0;
	struct rtp_sender *none = NULL;
	cr_assert(eq(int, rtp_sender_create(&none, &f.config), -EINVAL));
}

static struct frame *gop[GOP_MAX];

/* `count` pictures at 30 fps: a keyframe of 60 kB, then 8 kB each: 2 Mbit/s. */
static void make_gop(unsigned count, int64_t from_us)
{
	for (unsigned i = 0; i < count; i++)
		gop[i] = fake_picture(i == 0, i == 0 ? 60000 : 8000, from_us + i * 33333);
}

static void drop_gop(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		frame_unref(gop[i]);
}

Test(rtp_sender, a_join_gets_the_cached_pictures_paced)
{
	make_gop(30, 0);
	rtp_sender_start(f.sender, gop, 30);
	const size_t first = f.port.packet_count;
	cr_assert(gt(sz, first, 15)); /* begins at once */
	cr_assert(lt(sz, first, 30)); /* but not with everything */
	cr_assert(gt(u32, stats().queued, 20));
	/* 292 kB at 20 Mbit/s: 117 ms. */
	pass_time(60000);
	cr_assert(gt(u32, stats().queued, 0));
	show(fake_picture(false, 8000, 30 * 33333)); /* a live one waits behind them */
	pass_time(70000);
	cr_assert(eq(u32, stats().queued, 0));
	cr_assert(eq(u64, stats().frames, 31));
	assert_consecutive(0, f.port.packet_count);
	uint32_t last = fake_rtp_port_view(&f.port, 0).timestamp;
	for (size_t i = 0; i < f.port.packet_count; i++) {
		const struct rtp_view view = fake_rtp_port_view(&f.port, i);
		cr_assert(ge(i32, (int32_t)(view.timestamp - last), 0));
		last = view.timestamp;
	}
	cr_assert(eq(u32, last, rtp_sender_time(f.sender, CODEC_H264, 30 * 33333)));
	cr_assert(eq(uint, f.keys, 0));
	drop_gop(30);
}

Test(rtp_sender, a_keyframe_overtakes_what_still_waits)
{
	make_gop(60, 0);
	rtp_sender_start(f.sender, gop, 60);
	pass_time(20000);
	const uint32_t waiting = stats().queued;
	cr_assert(gt(u32, waiting, 50));
	show(fake_picture(true, 20000, 60 * 33333));
	cr_assert(le(u32, stats().queued, 2)); /* the one that had begun, and the key */
	pass_time(100000);
	cr_assert(eq(u32, stats().queued, 0));
	assert_consecutive(0, f.port.packet_count);
	/* No picture is cut off. */
	size_t markers = 0;
	for (size_t i = 0; i < f.port.packet_count; i++)
		markers += fake_rtp_port_view(&f.port, i).marker;
	cr_assert(eq(u64, markers, stats().frames));
	drop_gop(60);
}

Test(rtp_sender, the_queue_of_a_join_is_capped)
{
	make_gop(1, 0);
	struct frame *many[1];
	many[0] = gop[0];
	rtp_sender_start(f.sender, many, 1);
	struct frame *delta = fake_picture(false, 200000, 33333);
	for (unsigned i = 0; i < PACER_ROOM + 60; i++)
		rtp_sender_frame(f.sender, delta);
	cr_assert(le(u32, stats().queued, PACER_ROOM + 1));
	cr_assert(ge(uint, f.keys, 1));
	frame_unref(delta);
	drop_gop(1);
}

Test(rtp_sender, a_second_start_never_goes_back)
{
	make_gop(3, 1000000);
	rtp_sender_start(f.sender, gop, 3);
	pass_time(100000);
	const size_t sent = f.port.packet_count;
	rtp_sender_start(f.sender, gop, 3); /* the same pictures by another way */
	pass_time(100000);
	cr_assert(eq(sz, f.port.packet_count, sent));
	show(fake_picture(false, 100, 1200000));
	cr_assert(eq(sz, f.port.packet_count, sent));
	show(fake_picture(true, 100, 1233333));
	cr_assert(eq(sz, f.port.packet_count, sent + 2));
	drop_gop(3);
}

Test(rtp_sender, a_large_live_picture_is_paced)
{
	show(fake_picture(true, 100, 0));
	fake_rtp_port_clear(&f.port);
	show(fake_picture(true, 150000, 33333));
	cr_assert(lt(sz, f.port.packet_count, 30));
	pass_time(70000);
	cr_assert(eq(sz, f.port.packet_count,
		     1 + (150000 - 1 + RTP_PAYLOAD_MAX - 3) / (RTP_PAYLOAD_MAX - 2)));
	assert_consecutive(0, f.port.packet_count);
}

Test(rtp_sender, a_full_port_costs_the_pictures_up_to_a_keyframe)
{
	show(fake_picture(true, 3000, 0));
	const size_t sent = f.port.packet_count;
	const uint16_t last = fake_rtp_port_view(&f.port, sent - 1).seq;
	f.port.err = -EAGAIN;
	show(fake_picture(false, 3000, 33333));
	f.port.err = 0;
	cr_assert(eq(uint, f.keys, 1));
	cr_assert(eq(u64, stats().port_full, 1));
	show(fake_picture(false, 3000, 66666));
	cr_assert(eq(sz, f.port.packet_count, sent));
	show(fake_picture(true, 100, 99999));
	cr_assert(eq(sz, f.port.packet_count, sent + 2));
	/* The numbers of the failed run are never used for anything else. */
	cr_assert(eq(u16, fake_rtp_port_view(&f.port, sent).seq, (uint16_t)(last + 1 + 3)));
}

Test(rtp_sender, a_nack_is_answered_with_the_same_bytes)
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

Test(rtp_sender, a_packet_is_repeated_eight_times_at_most_and_not_too_often)
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

Test(rtp_sender, who_asks_again_before_an_answer_can_come_is_not_answered_twice)
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

Test(rtp_sender, a_packet_that_is_gone_asks_for_a_keyframe)
{
	show(fake_picture(true, 3000, 0));
	const uint16_t seq = (uint16_t)(fake_rtp_port_view(&f.port, 0).seq - 1);
	nack(&seq, 1);
	cr_assert(eq(uint, f.keys, 1));
	cr_assert(eq(u64, stats().rtx_packets, 0));
	pass_time(3100000); /* kept for 2 s */
	const uint16_t old = fake_rtp_port_view(&f.port, 1).seq;
	nack(&old, 1);
	cr_assert(eq(uint, f.keys, 2));
}

Test(rtp_sender, a_hole_is_not_filled)
{
	for (int64_t i = 0; i < 20; i++)
		show(fake_picture(i == 0, 9000, i * 33333));
	const size_t sent = f.port.packet_count;
	static uint16_t seqs[120];
	for (unsigned i = 0; i < 120; i++)
		seqs[i] = (uint16_t)(fake_rtp_port_view(&f.port, 10).seq + i);
	nack(seqs, 120);
	cr_assert(eq(sz, f.port.packet_count, sent));
	cr_assert(eq(uint, f.keys, 1));
	nack(seqs, 20);
	cr_assert(eq(sz, f.port.packet_count, sent + 20));
}

Test(rtp_sender, repetitions_are_a_quarter_of_the_rate_at_most)
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

Test(rtp_sender, reports_come_quickly_at_first)
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

Test(rtp_sender, reports_make_timestamps_capture_times)
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

Test(rtp_sender, reference_times_are_answered_at_once)
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

Test(rtp_sender, the_viewer_tells_loss_round_trip_and_rate)
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

Test(rtp_sender, keyframe_requests_of_the_viewer_are_throttled)
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

Test(rtp_sender, capture_times_are_sent_where_negotiated)
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

Test(rtp_sender, it_reads_a_broadcast_as_a_sink)
{
	struct sink *sink = rtp_sender_sink(f.sender);
	cr_assert(eq(int, sink->audio, CODEC_OPUS));
	make_gop(2, 0);
	sink->ops->start(sink, gop, 2);
	pass_time(50000);
	struct frame *live = fake_picture(false, 100, 66666);
	sink->ops->frame(sink, live);
	frame_unref(live);
	cr_assert(eq(u64, stats().frames, 3));
	sink->ops->ended(sink);
	cr_assert(eq(uint, f.ended, 1));
	rtp_sender_bye(f.sender);
	cr_assert(eq(sz, fake_rtp_port_rtcp(&f.port, RTCP_BYE, 1), 1));
	drop_gop(2);
}

Test(rtp_sender, garbage_from_a_viewer_changes_nothing)
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
