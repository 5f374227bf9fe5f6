#include "media/rtp/rtp_history.h"
#include "media/rtp/rtp_image.h"
#include "tests/media/rtp_sender_fixture.h"

#include <stdlib.h>
#include <string.h>

TestSuite(rtp_sender_hole, .init = setup, .fini = teardown);

/* So many packets from that one on. */
static void nack_run(size_t first, unsigned count, unsigned step)
{
	static uint16_t seqs[1024];
	for (unsigned i = 0; i < count; i++)
		seqs[i] = (uint16_t)(fake_rtp_port_view(&f.port, first).seq + i * step);
	nack(seqs, count);
}

/* Forty pictures, keyframes at the first and the twentieth; the index of the latter's packet. */
static size_t show_two_groups(void)
{
	size_t second = 0;
	for (int64_t i = 0; i < 40; i++) {
		if (i == 20)
			second = f.port.packet_count;
		show(fake_picture(i % 20 == 0, 9000, i * 33333));
	}
	return second;
}

Test(rtp_sender_hole, a_hole_is_filled_at_a_pace_from_the_newest_keyframe_on)
{
	const size_t second = show_two_groups();
	const size_t sent = f.port.packet_count;
	const size_t first = second - 60;
	nack_run(first, (unsigned)(sent - first), 1);
	cr_assert(eq(uint, f.keys, 1)); /* a source that can is asked as well */
	pass_time(20000);
	const size_t at_first = f.port.packet_count - sent;
	cr_assert(gt(sz, at_first, 10));
	cr_assert(lt(sz, at_first, 40), "not all at once");
	nack_run(first, (unsigned)(sent - first), 1); /* it asks again for what has not come yet */
	pass_time(600000);
	cr_assert(eq(sz, f.port.packet_count - sent, sent - second));
	for (size_t i = second; i < sent; i++) {
		const struct fake_datagram *was = &f.port.packets[i];
		const struct fake_datagram *is = &f.port.packets[sent + i - second];
		cr_assert(eq(int, memcmp(is->data, was->data, was->len), 0));
	}
}

static void ask_key(void)
{
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_pli(&writer, VIEWER_SSRC, VIDEO_SSRC);
	say(&writer);
}

/* Browsers list a thousand missing packets and no more. */
Test(rtp_sender_hole, who_asks_for_a_keyframe_after_a_silence_gets_the_newest_and_all_since)
{
	static const struct {
		int64_t silent_us;
		bool again;
	} asked[] = { { 0, false }, { 1000000, false }, { 1600000, true }, { 600000, false } };
	for (size_t i = 0; i < 4; i++) {
		pass_time(asked[i].silent_us);
		const size_t second = show_two_groups();
		const size_t sent = f.port.packet_count;
		ask_key();
		pass_time(100000);
		ask_key(); /* it does so until there is a picture */
		pass_time(500000);
		cr_assert(eq(sz, f.port.packet_count - sent, asked[i].again ? sent - second : 0));
	}
}

Test(rtp_sender_hole, a_keyframe_ends_the_filling_of_a_hole)
{
	const size_t second = show_two_groups();
	const size_t sent = f.port.packet_count;
	nack_run(second, (unsigned)(sent - second), 1);
	show(fake_picture(true, 9000, 40 * 33333));
	const size_t after = f.port.packet_count;
	pass_time(600000);
	cr_assert(lt(sz, f.port.packet_count - after, 5));
}

Test(rtp_sender_hole, losses_here_and_there_are_no_hole)
{
	show_two_groups();
	const size_t sent = f.port.packet_count;
	nack_run(0, 120, 2);
	cr_assert(eq(uint, f.keys, 1));
	pass_time(600000);
	cr_assert(eq(sz, f.port.packet_count, sent));
}

static uint16_t seq_of(size_t index)
{
	return fake_rtp_port_view(&f.port, index).seq;
}

static void say_report(const struct rtcp_report_block *block)
{
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_rr(&writer, VIEWER_SSRC, block, 1);
	say(&writer);
}

static void report(uint16_t highest_seq)
{
	const struct rtcp_report_block block = { .ssrc = VIDEO_SSRC, .highest_seq = highest_seq };
	say_report(&block);
}

/* So many seconds of 25 pictures, the first a keyframe where `key`; a report each second. */
static void watch(unsigned seconds, bool key, bool arrives)
{
	static int64_t media_us;
	static uint16_t highest_seq;
	for (unsigned i = 0; i < seconds * 25; i++, media_us += 40000) {
		show(fake_picture(key && i == 0, 6000, media_us));
		if (arrives)
			highest_seq = seq_of(f.port.packet_count - 1);
		f.fake.now_us += 40000;
		if (i % 25 == 24)
			report(highest_seq);
	}
}

/* Its reports go on, and tell the same number: the viewer hears nothing. */
Test(rtp_sender_hole, who_heard_nothing_for_a_while_gets_what_it_misses)
{
	watch(2, true, true);
	const size_t missed = f.port.packet_count;
	watch(4, false, false);
	const size_t sent = f.port.packet_count;
	ask_key(); /* since there is no picture; its link is down */
	pass_time(500000);
	cr_assert(eq(sz, f.port.packet_count, sent));
	report(seq_of(sent - 1));
	pass_time(2000000);
	cr_assert(eq(sz, f.port.packet_count - sent, sent - missed));
	for (size_t i = missed; i < sent; i++)
		cr_assert(eq(u16, seq_of(sent + i - missed), seq_of(i)));
}

/* Its reports tell the same number then, too. */
Test(rtp_sender_hole, a_host_that_pauses_is_no_outage)
{
	watch(2, true, true);
	for (int i = 0; i < 4; i++) {
		pass_time(1000000);
		report(seq_of(f.port.packet_count - 1));
	}
	watch(1, false, true);
	const size_t sent = f.port.packet_count;
	ask_key();
	pass_time(500000);
	cr_assert(eq(sz, f.port.packet_count, sent));
}

Test(rtp_sender_hole, who_reports_every_five_seconds_is_not_away_in_between)
{
	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < 125; j++) {
			show(fake_picture(j == 0, 3000, (i * INT64_C(125) + j) * 40000));
			f.fake.now_us += 40000;
		}
		const int64_t utc_us = clock_utc_us(&f.fake.clock) - 80000;
		const struct rtcp_report_block block = {
			.ssrc = VIDEO_SSRC,
			.highest_seq = seq_of(f.port.packet_count - 1),
			.lsr = ntp_middle(ntp_from_utc_us(utc_us)),
		};
		say_report(&block);
	}
	cr_assert(lt(i64, llabs(stats().rtt_us - 80000), 100));
}

/* What it asks for again came from before the link went down. */
Test(rtp_sender_hole, old_losses_tell_nothing_of_the_link)
{
	watch(2, true, true);
	const uint16_t lost = seq_of(f.port.packet_count - 10);
	uint16_t newest = 0;
	for (unsigned i = 0; i < 3; i++) {
		watch(1, false, false);
		newest = seq_of(f.port.packet_count - 1);
		nack(&lost, 1);
	}
	const size_t sent = f.port.packet_count;
	ask_key();
	pass_time(500000);
	cr_assert(eq(sz, f.port.packet_count, sent));
	nack(&newest, 1);
	pass_time(500000);
	cr_assert(gt(sz, f.port.packet_count - sent, 100), "what is between them, too");
}

Test(rtp_sender_hole, a_picture_stays_repairable_until_the_next_keyframe)
{
	watch(1, true, true);
	const uint16_t former = seq_of(0), key = (uint16_t)(seq_of(f.port.packet_count - 1) + 1);
	watch(9, true, true);
	const size_t sent = f.port.packet_count;
	nack(&key, 1);
	cr_assert(eq(sz, f.port.packet_count, sent + 1));
	cr_assert(eq(u16, seq_of(sent), key));
	nack(&former, 1);
	cr_assert(eq(sz, f.port.packet_count, sent + 1));
	watch(1, true, true);
	pass_time(2500000);
	const size_t again = f.port.packet_count;
	nack(&key, 1);
	cr_assert(eq(sz, f.port.packet_count, again), "nobody needs it any more");
}
