#include "media/fanout_state.h"
#include "media/rtp/rtp_history.h"
#include "media/rtp/rtp_image.h"
#include "media/rtp/rtp_sender_state.h"
#include "media/sink.h"
#include "tests/media/rtp_sender_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

TestSuite(rtp_sender, .init = setup, .fini = teardown);

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

static void let_sound_be_joined(void)
{
	rtp_sender_destroy(f.sender);
	f.config.audio.packet_ms = 120;
	cr_assert(eq(int, rtp_sender_create(&f.sender, &f.config), 0));
}

Test(rtp_sender, sound_that_waits_together_comes_as_one_packet)
{
	let_sound_be_joined();
	show(fake_picture(true, 3000, 0));
	const uint64_t before = stats().packets;
	fake_rtp_port_clear(&f.port);
	show(fake_sound(160, 10000));
	show(fake_sound(150, 30001)); /* stamps are rounded */
	show(fake_picture(false, 5000, 40000));
	cr_assert(eq(sz, f.port.runs, 1));
	cr_assert(eq(sz, f.port.packet_count, 5 + 1));
	const struct rtp_view sound = fake_rtp_port_view(&f.port, 5);
	cr_assert(eq(u32, sound.timestamp, rtp_sender_time(f.sender, CODEC_OPUS, 10000)));
	static const uint8_t head[] = { 0x78 | 2, 159 }; /* RFC 6716 §3.2.4: two frames */
	cr_assert(eq(sz, sound.payload_len, sizeof(head) + 159 + 149));
	cr_assert(eq(int, memcmp(sound.payload, head, sizeof(head)), 0));
	cr_assert(eq(u64, stats().packets, before + 5 + 1));
	show(fake_sound(160, 50000));
	rtp_sender_flush(f.sender);
	cr_assert(eq(sz, fake_rtp_port_view(&f.port, 6).payload_len, 160));
}

static void show_sounds(size_t len, int count)
{
	for (int i = 0; i < count; i++)
		show(fake_sound(len, 10000 + i * 20000));
	rtp_sender_flush(f.sender);
}

Test(rtp_sender, three_that_wait_together_come_as_one_packet)
{
	let_sound_be_joined();
	show_sounds(160, 3);
	cr_assert(eq(sz, f.port.packet_count, 1));
	const struct rtp_view sound = fake_rtp_port_view(&f.port, 0);
	static const uint8_t head[] = { 0x78 | 3, 3 }; /* RFC 6716 §3.2.5: three, equally long */
	cr_assert(eq(sz, sound.payload_len, sizeof(head) + 3 * 159));
	cr_assert(eq(int, memcmp(sound.payload, head, sizeof(head)), 0));
	show(fake_sound(160, 70000));
	rtp_sender_flush(f.sender);
	assert_consecutive(0, 2);
}

Test(rtp_sender, only_as_many_are_joined_as_a_packet_holds)
{
	let_sound_be_joined();
	show_sounds(500, 3);
	cr_assert(eq(sz, f.port.packet_count, 2));
	cr_assert(eq(sz, fake_rtp_port_view(&f.port, 0).payload_len, 2 * 499 + 1));
	cr_assert(eq(sz, fake_rtp_port_view(&f.port, 1).payload_len, 500));
}

Test(rtp_sender, sound_with_a_hole_in_between_is_not_joined)
{
	let_sound_be_joined();
	show(fake_sound(160, 10000));
	show(fake_sound(160, 50000));
	rtp_sender_flush(f.sender);
	cr_assert(eq(sz, f.port.packet_count, 2));
}

Test(rtp_sender, no_packet_of_sound_is_longer_than_agreed)
{
	f.config.audio.packet_ms = 20;
	rtp_sender_destroy(f.sender);
	cr_assert(eq(int, rtp_sender_create(&f.sender, &f.config), 0));
	show_sounds(160, 2);
	cr_assert(eq(sz, f.port.packet_count, 2));
	f.config.audio.packet_ms = 40;
	rtp_sender_destroy(f.sender);
	cr_assert(eq(int, rtp_sender_create(&f.sender, &f.config), 0));
	fake_rtp_port_clear(&f.port);
	show_sounds(160, 3);
	cr_assert(eq(sz, f.port.packet_count, 2));
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
	cr_assert(eq(sz, twice.payload_len, 5 + 100 + 120));
	static const uint8_t head[] = { 0xef, 0x0f, 0x00, 100, 0x6f, 0x78 }; /* 960 older */
	cr_assert(eq(int, memcmp(twice.payload, head, sizeof(head)), 0));
	cr_assert(eq(u8, twice.payload[5 + 100], 0x78));
	cr_assert(eq(u8, hear(100, 5000000).payload_type, 111)); /* what was before is too old */
	pass_time(SENDER_LOSSY_US);
	cr_assert(eq(u8, hear(100, 5020000).payload_type, 111));
	cr_assert(eq(u64, stats().red_packets, 1));
}

Test(rtp_sender, who_loses_many_packets_gets_sound_three_times)
{
	hear(100, 0);
	hear(110, 20000);
	say_loss(AUDIO_SSRC, 60);
	const struct rtp_view thrice = hear(120, 40000);
	cr_assert(eq(sz, thrice.payload_len, 9 + 100 + 110 + 120));
	/* 1,920 and 960 older */
	static const uint8_t head[] = { 0xef, 0x1e, 0x00, 100, 0xef, 0x0f, 0x00, 110, 0x6f };
	cr_assert(eq(int, memcmp(thrice.payload, head, sizeof(head)), 0));
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

static struct frame *gop[JOIN_GOP_MAX];

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

/* From the first to the last of thirty pictures of a join, in units of the timestamp. */
static uint32_t join_span(void)
{
	make_gop(30, 5000000);
	rtp_sender_start(f.sender, gop, 30);
	pass_time(200000);
	drop_gop(30);
	const uint32_t last = fake_rtp_port_view(&f.port, f.port.packet_count - 1).timestamp;
	cr_assert(eq(u32, last, rtp_sender_time(f.sender, CODEC_H264, 5000000 + 29 * 33333)));
	return last - fake_rtp_port_view(&f.port, 0).timestamp;
}

Test(rtp_sender, pictures_of_a_join_are_told_to_be_close_to_each_other)
{
	cr_assert(eq(u32, join_span(), 2719)); /* 29 pictures of 33.3 ms, a 32nd of it */
	for (size_t i = 1; i < f.port.packet_count; i++) {
		const struct rtp_view before = fake_rtp_port_view(&f.port, i - 1);
		const uint32_t step = fake_rtp_port_view(&f.port, i).timestamp - before.timestamp;
		cr_assert(before.marker ? step >= 93 && step <= 94 : step == 0);
	}
	/* A repetition is the same packet, and live pictures are where they belong. */
	const uint16_t lost = fake_rtp_port_view(&f.port, 0).seq;
	const uint32_t told = fake_rtp_port_view(&f.port, 0).timestamp;
	nack(&lost, 1);
	cr_assert(eq(u32, fake_rtp_port_view(&f.port, f.port.packet_count - 1).timestamp, told));
	show(fake_picture(false, 1000, 6000000));
	cr_assert(eq(u32, fake_rtp_port_view(&f.port, f.port.packet_count - 1).timestamp,
		     rtp_sender_time(f.sender, CODEC_H264, 6000000)));
}

Test(rtp_sender, a_viewer_that_is_told_no_playout_delay_gets_them_as_they_were)
{
	rtp_sender_destroy(f.sender);
	f.config.video.playout_delay_id = 0;
	cr_assert(eq(int, rtp_sender_create(&f.sender, &f.config), 0));
	cr_assert(eq(u32, join_span(), 29 * 33333 * 9 / 100));
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

Test(rtp_sender, a_keyframe_begins_at_once_and_goes_on_at_a_pace)
{
	show(fake_picture(true, 2 * PACER_BURST, 0));
	cr_assert(f.paces);
	const size_t at_once = f.port.packet_count;
	cr_assert(ge(sz, at_once, PACER_BURST / RTP_PAYLOAD_MAX));
	cr_assert(le(sz, at_once, PACER_BURST / RTP_PAYLOAD_MAX + 2));
	cr_assert(eq(int, stats().frames, 0));
	pass_time(20000);
	cr_assert(eq(int, stats().frames, 1));
	cr_assert(fake_rtp_port_view(&f.port, f.port.packet_count - 1).marker);
}

/* Keyframes of 48 KiB, 2 s apart; how many packets of the last one go at once. */
static size_t last_of_keyframes(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		pass_time(2000000);
		fake_rtp_port_clear(&f.port);
		show(fake_picture(true, 2 * PACER_BURST, (int64_t)f.fake.now_us));
	}
	return f.port.packet_count;
}

Test(rtp_sender, a_keyframe_goes_at_once_where_larger_and_larger_bursts_came_through)
{
	enum { WHOLE = 2 * PACER_BURST / RTP_PAYLOAD_MAX };
	cr_assert(lt(sz, last_of_keyframes(1), WHOLE));
	cr_assert(ge(sz, last_of_keyframes(2), WHOLE));
	cr_assert(eq(u64, stats().frames, 3));
}

Test(rtp_sender, a_viewer_that_misses_something_gets_keyframes_at_a_pace_again)
{
	enum { WHOLE = 2 * PACER_BURST / RTP_PAYLOAD_MAX };
	cr_assert(ge(sz, last_of_keyframes(3), WHOLE));
	const uint16_t seq = fake_rtp_port_view(&f.port, 5).seq;
	nack(&seq, 1);
	cr_assert(lt(sz, last_of_keyframes(PACER_BURN_US / 2000000 - 1), WHOLE));
	cr_assert(ge(sz, last_of_keyframes(4), WHOLE));
}

Test(rtp_sender, a_keyframe_goes_in_even_turns_where_viewers_are_many)
{
	enum { VIEWERS = 1000, TURN_MAX = 30 };
	struct fanout fanout = { .stats.sinks = VIEWERS };
	struct fanout_channel channel = { .fanout = &fanout };
	last_of_keyframes(3); /* the path takes all of it at once */
	rtp_sender_sink(f.sender)->channel = &channel;
	const size_t first = last_of_keyframes(1);
	cr_assert(le(sz, first, TURN_MAX));
	rtp_sender_tick(f.sender);
	const size_t second = f.port.packet_count - first;
	cr_assert(ge(sz, first, second));
	cr_assert(le(sz, first, second + 1));
	rtp_sender_tick(f.sender);
	cr_assert(eq(u64, stats().frames, 4));
	rtp_sender_sink(f.sender)->channel = NULL;
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
