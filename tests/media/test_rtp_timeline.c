#include "media/rtp/rtp_receiver.h"
#include "media/rtp/rtp_reception.h"
#include "media/rtp/rtp_timeline.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

static struct rtp_timeline timeline;

static void setup(void)
{
	rtp_timeline_init(&timeline);
}

TestSuite(rtp_timeline, .init = setup);

static int64_t frame(enum rtp_track track, uint32_t timestamp, int64_t arrival_us)
{
	bool jumped;
	const int64_t source_us =
		rtp_timeline_frame(&timeline, track, timestamp, arrival_us, &jumped);
	cr_assert(not(jumped));
	return source_us;
}

Test(rtp_timeline, distances_are_exact_over_the_wrap)
{
	const int64_t first_us = frame(RTP_VIDEO, 0xffffff00, 1000000);
	for (int64_t i = 1; i < 100; i++)
		cr_assert(eq(i64,
			     frame(RTP_VIDEO, (uint32_t)(0xffffff00 + i * 3600),
				   1000000 + i * 40000 + i % 7 * 1000) -
				     first_us,
			     i * 40000));
}

Test(rtp_timeline, a_day_of_drift_is_no_jump)
{
	/* The source's clock is 200 ppm fast: 17 s a day. */
	int64_t last_us = frame(RTP_VIDEO, 0, 0);
	for (int64_t i = 1; i < 24 * 3600 * 2; i++) {
		const int64_t now_us = frame(RTP_VIDEO, (uint32_t)(i * 45009), i * 500000);
		cr_assert(gt(i64, now_us, last_us));
		last_us = now_us;
	}
}

Test(rtp_timeline, a_stall_of_the_path_is_no_jump)
{
	const int64_t first_us = frame(RTP_VIDEO, 0, 0);
	/* 4 s of pictures come at once. */
	for (int64_t i = 1; i <= 100; i++)
		cr_assert(eq(i64, frame(RTP_VIDEO, (uint32_t)(i * 3600), 4000000) - first_us,
			     i * 40000));
	cr_assert(eq(i64, frame(RTP_VIDEO, 101 * 3600, 4040000) - first_us, 4040000));
}

Test(rtp_timeline, a_pause_of_the_source_clock_shows_its_true_length)
{
	bool jumped;
	frame(RTP_AUDIO, 0, 0);
	frame(RTP_AUDIO, 960, 20000);
	/* Asleep for a minute; the timestamps know nothing of it. */
	const int64_t source_us = rtp_timeline_frame(&timeline, RTP_AUDIO, 1920, 60040000, &jumped);
	cr_assert(jumped);
	cr_assert(lt(i64, llabs(source_us - 60040000), 1000));
	/* Back: never before what was given out. */
	const int64_t back_us =
		rtp_timeline_frame(&timeline, RTP_AUDIO, 1920u + 48000 * 100, 60060000, &jumped);
	cr_assert(jumped);
	cr_assert(gt(i64, back_us, source_us));
}

Test(rtp_timeline, broken_reports_move_nothing)
{
	int64_t source_us;
	cr_assert(not(rtp_timeline_report(&timeline, RTP_VIDEO, 0, 0, &source_us)));
	frame(RTP_VIDEO, 0, 0);
	frame(RTP_AUDIO, 0, 0);
	/* The two say that they are an hour apart. */
	cr_assert(rtp_timeline_report(&timeline, RTP_VIDEO, 3600000000, 0, &source_us));
	cr_assert(rtp_timeline_report(&timeline, RTP_AUDIO, 0, 0, &source_us));
	for (int64_t i = 1; i < 100; i++)
		cr_assert(eq(i64, frame(RTP_VIDEO, (uint32_t)(i * 3600), i * 40000), i * 40000));
}

Test(rtp_timeline, small_differences_are_left_alone)
{
	int64_t source_us;
	frame(RTP_VIDEO, 0, 0);
	frame(RTP_AUDIO, 0, 0);
	rtp_timeline_report(&timeline, RTP_VIDEO, 1003000, 0, &source_us);
	rtp_timeline_report(&timeline, RTP_AUDIO, 1000000, 0, &source_us);
	cr_assert(eq(i64, frame(RTP_VIDEO, 3600, 40000), 40000));
}

Test(rtp_reception, jitter_of_the_formula_in_rfc_3550)
{
	struct rtp_reception reception;
	rtp_reception_init(&reception, 90000);
	/* Every second packet 10 ms (900 units) late: D is 900 each time, J tends to 900. */
	for (unsigned i = 0; i < 400; i++)
		rtp_reception_packet(&reception, (uint16_t)(65400 + i), i * 3000,
				     i * 100000 / 3 + (i % 2) * 10000);
	const struct rtcp_report_block block = rtp_reception_report(&reception, 9, 0);
	cr_assert(lt(i32, abs((int32_t)block.jitter - 900), 20));
	cr_assert(eq(u32, block.highest_seq, 65400 + 399));
	cr_assert(eq(i32, block.lost, 0));
	cr_assert(eq(u32, block.lsr, 0));
}

Test(rtp_reception, fractions_are_of_the_interval)
{
	struct rtp_reception reception;
	rtp_reception_init(&reception, 48000);
	for (uint16_t i = 0; i < 100; i++)
		rtp_reception_packet(&reception, i, 0, 0);
	rtp_reception_report(&reception, 9, 0);
	for (uint16_t i = 100; i < 200; i += 2)
		rtp_reception_packet(&reception, i, 0, 0);
	rtp_reception_sr(&reception, 0x1111222233334444, 5000000);
	struct rtcp_report_block block = rtp_reception_report(&reception, 9, 5500000);
	cr_assert(eq(i32, block.lost, 49)); /* up to 198 */
	cr_assert(eq(u8, block.fraction_lost, 49 * 256 / 99));
	cr_assert(eq(u32, block.lsr, 0x22223333));
	cr_assert(eq(u32, block.dlsr, 32768));
	/* All of them come after all. */
	for (uint16_t i = 101; i < 200; i += 2)
		rtp_reception_packet(&reception, i, 0, 0);
	block = rtp_reception_report(&reception, 9, 5500000);
	cr_assert(eq(i32, block.lost, 0));
	cr_assert(eq(u8, block.fraction_lost, 0));
}
