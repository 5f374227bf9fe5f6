#include "media/rtp/rtp_packet.h"
#include "media/rtp/rtp_playout.h"
#include "tests/media/rtp_sender_fixture.h"

#include <string.h>

enum { SECOND = 1000000, PACKETS = 1000, DELAY_ID = 5 };

static struct rtp_playout playout;
static uint32_t highest_seq;
static int32_t lost;
static int64_t now_us;

static void begin(void)
{
	playout = (struct rtp_playout){ 0 };
	highest_seq = 0;
	lost = 0;
	now_us = SECOND;
}

TestSuite(rtp_playout, .init = begin);

/* One second of a thousand packets. */
static unsigned report(int missing, int64_t rtt_us)
{
	highest_seq += PACKETS;
	lost += missing;
	now_us += SECOND;
	rtp_playout_report(&playout, highest_seq, lost, rtt_us, now_us);
	return playout.ms;
}

static unsigned go_on(int seconds, int missing, int64_t rtt_us)
{
	unsigned ms = playout.ms;
	while (seconds-- > 0)
		ms = report(missing, rtt_us);
	return ms;
}

Test(rtp_playout, a_clean_path_holds_nothing)
{
	cr_assert(eq(uint, go_on(60, 0, 300000), 0));
	cr_assert(eq(uint, go_on(60, 4, 300000), 0));
}

Test(rtp_playout, one_burst_is_no_reason)
{
	for (int i = 0; i < 10; i++) {
		cr_assert(eq(uint, report(200, 50000), 0));
		cr_assert(eq(uint, go_on(5, 0, 50000), 0));
	}
}

Test(rtp_playout, a_lossy_path_gets_time_for_a_repair_and_a_bad_one_for_two)
{
	cr_assert(eq(uint, go_on(3, 10, 50000), 70));
	cr_assert(eq(uint, go_on(3, 50, 50000), 140));
	cr_assert(eq(uint, go_on(3, 50, 2000000), PLAYOUT_MAX_MS));
	cr_assert(eq(uint, go_on(1, 50, -1), PLAYOUT_MAX_MS));
}

Test(rtp_playout, a_very_lossy_path_gets_time_for_four_repairs)
{
	cr_assert(eq(uint, go_on(3, 300, 50000), 280));
}

Test(rtp_playout, what_is_held_falls_after_a_calm_time_only)
{
	cr_assert(eq(uint, go_on(3, 50, 50000), 140));
	cr_assert(eq(uint, go_on(19, 10, 50000), 140));
	cr_assert(eq(uint, go_on(3, 50, 50000), 140));
	cr_assert(eq(uint, go_on(24, 10, 50000), 70));
	cr_assert(eq(uint, go_on(24, 0, 50000), 0));
}

Test(rtp_playout, reports_of_nothing_new_and_hostile_ones_change_nothing)
{
	go_on(3, 50, 50000);
	for (int i = 0; i < 100; i++)
		rtp_playout_report(&playout, highest_seq, lost, 50000, now_us += SECOND / 50);
	cr_assert(eq(uint, playout.ms, 140));
	rtp_playout_report(&playout, 0, INT32_MAX, INT64_MAX / 2, now_us += SECOND);
	rtp_playout_report(&playout, UINT32_MAX, INT32_MIN, 0, now_us += SECOND);
	cr_assert(le(uint, playout.ms, PLAYOUT_MAX_MS));
}

Test(rtp_playout, pictures_may_wait_for_their_sound)
{
	playout.sound_max_ms = PLAYOUT_SOUND_OWN_MS;
	struct rtp_hold hold = { 0 };
	hold = rtp_playout_tell(&playout);
	cr_assert(eq(u16, hold.min_ms, 0));
	cr_assert(eq(u16, hold.max_ms, PLAYOUT_SOUND_OWN_MS));
	go_on(3, 50, 50000);
	for (int i = 0; i < 30; i++)
		hold = rtp_playout_tell(&playout);
	cr_assert(eq(u16, hold.min_ms, 140));
	cr_assert(eq(u16, hold.max_ms, 140 + PLAYOUT_SLACK_MS));
	playout.sound_max_ms = PLAYOUT_SOUND_MADE_MS;
	hold = rtp_playout_tell(&playout);
	cr_assert(eq(u16, hold.max_ms, PLAYOUT_SOUND_MADE_MS));
	playout = (struct rtp_playout){ 0 };
	hold = rtp_playout_tell(&playout);
	cr_assert(eq(u16, hold.max_ms, 0));
}

TestSuite(rtp_playout_sender, .init = setup, .fini = teardown);

/* Minimum and maximum, in steps of ten milliseconds. */
static uint32_t told(size_t packet)
{
	const struct rtp_view view = fake_rtp_port_view(&f.port, packet);
	struct bits content;
	cr_assert(rtp_extension(&view, DELAY_ID, &content));
	return bits_be24(&content);
}

/* What a viewer says in so many seconds that loses five packets of a hundred. */
static void lose_packets(int seconds, int64_t rtt_us)
{
	static uint32_t seq;
	static int32_t missing;
	for (; seconds > 0; seconds--, seq += 100, missing += 5) {
		const uint64_t sent =
			ntp_from_utc_us(f.fake.now_us + f.fake.clock.utc_offset_us - rtt_us);
		const struct rtcp_report_block block = { .ssrc = VIDEO_SSRC,
							 .highest_seq = seq,
							 .lost = missing,
							 .lsr = ntp_middle(sent) };
		struct rtcp_writer writer;
		rtcp_writer_init(&writer);
		rtcp_write_rr(&writer, VIEWER_SSRC, &block, 1);
		say(&writer);
		f.fake.now_us += SECOND;
	}
}

Test(rtp_playout_sender,
     a_viewer_that_loses_packets_is_told_and_what_was_sent_is_repeated_as_it_was)
{
	show(fake_picture(true, 500, 0));
	cr_assert(eq(u32, told(0), 0));
	lose_packets(3, 50000);
	for (uint32_t step = 1; step <= 20; step++) {
		show(fake_picture(step == 1, 500, 33333 * step));
		const uint32_t min = step < 14 ? step : 14;
		cr_assert(eq(u32, told(f.port.packet_count - 1), min << 12 | (min + 20)));
	}
	const size_t all = f.port.packet_count;
	const uint16_t seq = fake_rtp_port_view(&f.port, all - 18).seq; /* of the third step */
	nack(&seq, 1);
	const struct fake_datagram *was = &f.port.packets[all - 18], *is = &f.port.packets[all];
	cr_assert(eq(sz, f.port.packet_count, all + 1));
	cr_assert(eq(sz, is->len, was->len));
	cr_assert(eq(int, memcmp(is->data, was->data, is->len), 0));
}
