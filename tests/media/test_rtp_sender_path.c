/* Repairs and probes under an SSRC of their own, and the picture that follows the path. */
#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/publish.h"
#include "media/rtp/rtp_path.h"
#include "media/sink.h"
#include "server/core/loop.h"
#include "tests/media/rtp_sender_fixture.h"
#include "tests/support/media_frames.h"

#include <string.h>

enum { RTX_SSRC = 0x4444, RTX_PT = 103, FRAME = 33333 };

static struct loop *loop;
static struct broadcast *broadcast;
static struct fanout *fanout;
static struct publisher *publisher;
static struct media_config *configs[2];
static int64_t at_us;

static void begin(void)
{
	const struct publisher_params params = { 0 };
	setup();
	rtp_sender_destroy(f.sender);
	f.config.video.rtx_payload_type = RTX_PT;
	f.config.video.rtx_ssrc = RTX_SSRC;
	cr_assert(eq(int, rtp_sender_create(&f.sender, &f.config), 0));
	cr_assert(eq(int, loop_create(&loop, &f.fake.clock), 0));
	cr_assert(eq(int, broadcast_create(&broadcast, &f.fake.clock, NULL, NULL), 0));
	cr_assert(eq(int, fanout_create(&fanout, loop), 0));
	cr_assert(eq(int, broadcast_publish_begin(broadcast, &params, &publisher), 0));
	for (int i = 0; i < 2; i++)
		configs[i] = test_video_config();
	configs[1]->width *= 2;
	at_us = FRAME;
}

static void end(void)
{
	fanout_remove(fanout, rtp_sender_sink(f.sender));
	broadcast_publish_end(publisher);
	loop_poll(loop);
	fanout_destroy(fanout);
	broadcast_unref(broadcast);
	loop_destroy(loop);
	media_config_unref(configs[0]);
	media_config_unref(configs[1]);
	teardown();
}

TestSuite(rtp_sender_path, .init = begin, .fini = end);

static void join(void)
{
	cr_assert(eq(int, fanout_add(fanout, broadcast, rtp_sender_sink(f.sender)), 0));
}

/* A small and a large picture, a keyframe every second. */
static void pictures(int count)
{
	for (int i = 0; i < count; i++, at_us += FRAME) {
		for (unsigned slot = 0; slot < 2; slot++) {
			struct frame *frame = test_video_frame(
				configs[slot], at_us / FRAME % 30 == 1, at_us, slot ? 8000 : 800);
			frame->rendition = (uint8_t)slot;
			cr_assert(eq(int, broadcast_push(publisher, frame), 0));
		}
		f.fake.now_us += FRAME;
		for (int turn = 0; turn < 10; turn++)
			loop_poll(loop);
		rtp_sender_tick(f.sender);
	}
}

static unsigned shown(void)
{
	return rtp_sender_sink(f.sender)->picture.shown;
}

/* What a viewer on a path with a full queue says. */
static void report_queue(int64_t rtt_us, int percent_lost)
{
	static uint32_t highest_seq;
	static int32_t lost;
	highest_seq += 100;
	lost += percent_lost;
	struct rtcp_writer writer;
	const uint64_t ntp = ntp_from_utc_us(f.fake.now_us + f.fake.clock.utc_offset_us - rtt_us);
	const struct rtcp_report_block block = {
		.ssrc = VIDEO_SSRC, .highest_seq = highest_seq, .lost = lost, .lsr = ntp_middle(ntp)
	};
	rtcp_writer_init(&writer);
	rtcp_write_rr(&writer, VIEWER_SSRC, &block, 1);
	say(&writer);
}

Test(rtp_sender_path, a_repair_carries_the_old_number_in_front_of_the_same_payload)
{
	show(fake_picture(true, 9000, 0));
	const struct rtp_view first = fake_rtp_port_view(&f.port, 3);
	const uint16_t seqs[] = { first.seq, (uint16_t)(first.seq + 1) };
	const size_t sent = f.port.packet_count;
	nack(seqs, 2);
	cr_assert(eq(sz, f.port.packet_count, sent + 2));
	for (size_t i = 0; i < 2; i++) {
		const struct rtp_view repair = fake_rtp_port_view(&f.port, sent + i);
		const struct rtp_view old = fake_rtp_port_view(&f.port, 3 + i);
		cr_assert(eq(u32, repair.ssrc, RTX_SSRC));
		cr_assert(eq(u8, repair.payload_type, RTX_PT));
		cr_assert(eq(u32, repair.timestamp, old.timestamp));
		cr_assert(eq(int, repair.marker, old.marker));
		cr_assert(eq(sz, repair.payload_len, old.payload_len + 2));
		cr_assert(eq(int, repair.payload[0] << 8 | repair.payload[1], old.seq));
		cr_assert(eq(int, memcmp(repair.payload + 2, old.payload, old.payload_len), 0));
	}
	const uint16_t gap = (uint16_t)(fake_rtp_port_view(&f.port, sent + 1).seq -
					fake_rtp_port_view(&f.port, sent).seq);
	cr_assert(eq(u16, gap, 1));
}

Test(rtp_sender_path, the_picture_goes_down_with_the_path_and_up_after_a_probe)
{
	pictures(60);
	join();
	pictures(60);
	cr_assert(eq(uint, shown(), 1));
	report_queue(20000, 0);
	for (int i = 0; i < 8; i++) {
		report_queue(300000, 0);
		pictures(7);
	}
	cr_assert(eq(uint, shown(), 0));
	cr_assert(eq(u64, stats().padding_packets, 0));
	for (int i = 0; i < 40; i++) {
		report_queue(20000, 0);
		pictures(7);
	}
	cr_assert(eq(uint, shown(), 1));
	cr_assert(gt(u64, stats().padding_packets, 0));
	bool padding = false;
	for (size_t i = 0; i < f.port.packet_count; i++) {
		const struct rtp_view view = fake_rtp_port_view(&f.port, i);
		padding |= view.ssrc == RTX_SSRC && view.payload_len == 0;
	}
	cr_assert(padding);
}

static void tell_remb(uint64_t bps)
{
	const uint32_t media = VIDEO_SSRC;
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_remb(&writer, VIEWER_SSRC, &media, 1, bps);
	say(&writer);
}

/* A machine that was asleep answers what came before, hours late and with losses; so does a link.
 */
Test(rtp_sender_path, who_was_away_is_shown_the_same_picture_as_before)
{
	pictures(60);
	join();
	pictures(60);
	for (int i = 0; i < 10; i++) {
		report_queue(20000, 0);
		tell_remb(4000000);
		pictures(7);
	}
	const int64_t since_us = f.fake.now_us;
	pictures(150);
	for (int i = 0; i < 20; i++) {
		tell_remb(i < 3 ? 400000 : UINT64_C(400000) + UINT64_C(20000) * (unsigned)i);
		report_queue(i < 3 ? f.fake.now_us - since_us - i * INT64_C(400000) : 20000,
			     i < 2 ? 95 : 0);
		pictures(7);
		cr_assert(eq(uint, shown(), 1));
	}
}

static void lose_all_pictures(void)
{
	pictures(60);
	join();
	pictures(60);
	report_queue(20000, 0);
	for (int i = 0; i < 20; i++) {
		report_queue(400000, 85);
		pictures(7);
	}
	cr_assert(stats().sound_alone);
}

Test(rtp_sender_path, sound_goes_on_while_no_picture_gets_through)
{
	lose_all_pictures();
	fake_rtp_port_clear(&f.port);
	pictures(10);
	show(fake_sound(80, at_us));
	rtp_sender_flush(f.sender);
	size_t sound = 0;
	for (size_t i = 0; i < f.port.packet_count; i++) {
		const uint32_t ssrc = fake_rtp_port_view(&f.port, i).ssrc;
		cr_assert(ssrc != VIDEO_SSRC || fake_rtp_port_view(&f.port, i).payload_len == 0);
		sound += ssrc == AUDIO_SSRC;
	}
	cr_assert(eq(sz, sound, 1));
}

/* Of padding under the picture's SSRC from packet `from` on: the first number that was left out. */
static bool find_gap(size_t from, uint16_t *seq)
{
	bool known = false;
	for (size_t i = from; i < f.port.packet_count; i++) {
		const struct rtp_view view = fake_rtp_port_view(&f.port, i);
		if (view.ssrc != VIDEO_SSRC)
			continue;
		if (known && view.seq != (uint16_t)(*seq + 1)) {
			++*seq;
			return true;
		}
		*seq = view.seq;
		known = true;
	}
	return false;
}

Test(rtp_sender_path,
     a_probe_beside_sound_leaves_numbers_out_so_that_reports_come_with_the_requests)
{
	lose_all_pictures();
	const uint64_t before = stats().padding_packets;
	const size_t from = f.port.packet_count;
	for (int i = 0; i < 40 && stats().padding_packets < before + 60; i++) {
		report_queue(20000, 0);
		pictures(7);
	}
	uint16_t seq;
	cr_assert(find_gap(from, &seq));
	fake_rtp_port_clear(&f.port);
	nack(&seq, 1);
	cr_assert(eq(sz, f.port.packet_count, 1));
	const struct rtp_view late = fake_rtp_port_view(&f.port, 0);
	cr_assert(eq(u32, late.ssrc, VIDEO_SSRC));
	cr_assert(eq(u16, late.seq, seq));
	cr_assert(eq(sz, late.payload_len, 0));
	nack(&seq, 1);
	cr_assert(eq(sz, f.port.packet_count, 1)); /* once is enough */
}

static void say_remb(uint64_t bps)
{
	struct rtcp_writer writer;
	const uint32_t ssrc = VIDEO_SSRC;
	rtcp_writer_init(&writer);
	rtcp_write_remb(&writer, VIEWER_SSRC, &ssrc, 1, bps);
	say(&writer);
}

/* It carries a quarter of what was sent. */
static void narrow(void)
{
	pictures(60);
	join();
	pictures(90);
	cr_assert(eq(uint, shown(), 1));
	report_queue(20000, 0);
	say_remb(2000000);
	pictures(1);
	say_remb(400000);
}

static size_t count_pictures(size_t from, bool padding)
{
	size_t count = 0;
	for (size_t i = from; i < f.port.packet_count; i++) {
		const struct rtp_view view = fake_rtp_port_view(&f.port, i);
		count += view.ssrc == VIDEO_SSRC && (view.payload_len == 0) == padding;
	}
	return count;
}

Test(rtp_sender_path, while_the_queue_drains_no_picture_is_sent_but_a_little_padding)
{
	narrow();
	const size_t from = f.port.packet_count;
	pictures(9);
	cr_assert(zero(sz, count_pictures(from, false)));
	cr_assert(gt(sz, count_pictures(from, true), 2));
	cr_assert(lt(sz, count_pictures(from, true), 6));
	/* A report that was sent since has come through. */
	report_queue(100000, 0);
	pictures(32);
	cr_assert(eq(uint, shown(), 0));
	cr_assert(gt(sz, count_pictures(from, false), 0));
}

Test(rtp_sender_path, while_the_queue_drains_one_keyframe_is_shown)
{
	narrow();
	const size_t from = f.port.packet_count;
	pictures(32);
	uint32_t time = 0;
	size_t pieces = 0;
	for (size_t i = from; i < f.port.packet_count; i++) {
		const struct rtp_view view = fake_rtp_port_view(&f.port, i);
		if (view.ssrc != VIDEO_SSRC || view.payload_len == 0)
			continue;
		time = pieces++ ? time : view.timestamp;
		cr_assert(eq(u32, view.timestamp, time));
	}
	cr_assert(gt(sz, pieces, 0));
	cr_assert(eq(uint, shown(), 0));
	pictures(10);
	cr_assert(eq(sz, count_pictures(from, false), pieces));
}

/* Small packets are a quarter headers; a path that just carries the picture has to pass. */
Test(rtp_sender_path, probes_beside_sound_cost_what_the_picture_will_with_their_headers)
{
	enum { AROUND = 12 + 16 + 28, TURN = 15 };
	lose_all_pictures();
	uint64_t most = 0;
	while (stats().sound_alone) {
		const uint64_t before = stats().padding_packets;
		report_queue(20000, 0);
		pictures(TURN);
		const uint64_t packets = stats().padding_packets - before;
		most = packets > most ? packets : most;
	}
	cr_assert(gt(u64, most, 30));
	cr_assert(le(u64, most * (255 + AROUND), 800 * TURN * 111 / 100));
}

Test(rtp_sender_path, what_was_given_up_with_the_queue_is_not_repeated)
{
	narrow();
	uint16_t old = 0;
	for (size_t i = 0; i < f.port.packet_count; i++) {
		const struct rtp_view view = fake_rtp_port_view(&f.port, i);
		old = view.ssrc == VIDEO_SSRC ? view.seq : old;
	}
	pictures(1);
	const uint64_t repeated = stats().rtx_packets;
	nack(&old, 1);
	cr_assert(eq(u64, stats().rtx_packets, repeated));
	report_queue(20000, 0);
	pictures(40);
	const size_t from = f.port.packet_count;
	nack(&old, 1);
	cr_assert(eq(sz, f.port.packet_count, from));
	pictures(1);
	cr_assert(gt(sz, f.port.packet_count, from));
	const uint16_t newest = fake_rtp_port_view(&f.port, f.port.packet_count - 1).seq;
	nack(&newest, 1);
	cr_assert(eq(u64, stats().rtx_packets, repeated + 1));
}

Test(rtp_sender_path, a_pinned_rendition_is_shown)
{
	pictures(60);
	join();
	pictures(40);
	rtp_sender_pin(f.sender, 0);
	pictures(40);
	cr_assert(eq(uint, shown(), 0));
	rtp_sender_pin(f.sender, PATH_PINS_NOTHING);
	pictures(60);
	cr_assert(eq(uint, shown(), 1));
}

Test(rtp_sender_path, sound_is_pinned_without_a_picture_until_it_is_unpinned)
{
	pictures(60);
	join();
	pictures(40);
	rtp_sender_pin(f.sender, PATH_PINS_SOUND);
	cr_assert(stats().sound_alone);
	pictures(40);
	cr_assert(stats().sound_alone);
	rtp_sender_pin(f.sender, PATH_PINS_NOTHING);
	pictures(60);
	cr_assert(not(stats().sound_alone));
	cr_assert(eq(uint, shown(), 1));
}

/* Of the few packets that keep its stream alive one is soon a large part. */
Test(rtp_sender_path, beside_sound_alone_losses_of_the_pictures_stream_do_not_repeat_sound)
{
	const struct rtcp_report_block block = { .ssrc = VIDEO_SSRC, .fraction_lost = 128 };
	struct rtcp_writer writer;
	pictures(60);
	join();
	pictures(40);
	rtp_sender_pin(f.sender, PATH_PINS_SOUND);
	pictures(1);
	rtcp_writer_init(&writer);
	rtcp_write_rr(&writer, VIEWER_SSRC, &block, 1);
	say(&writer);
	for (int i = 0; i < 3; i++) {
		show(fake_sound(100, i * 20000));
		rtp_sender_flush(f.sender);
	}
	cr_assert(zero(u64, stats().red_packets));
	rtp_sender_pin(f.sender, PATH_PINS_NOTHING);
	pictures(1);
	say(&writer);
	for (int i = 3; i < 6; i++) {
		show(fake_sound(100, i * 20000));
		rtp_sender_flush(f.sender);
	}
	cr_assert(gt(u64, stats().red_packets, 0));
}
