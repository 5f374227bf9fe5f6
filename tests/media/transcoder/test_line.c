#include "media/transcoder/line.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct line line;

static int64_t stamp(int64_t frame)
{
	return line_time_us(5000000, frame * 1024, 44100);
}

static void setup(void)
{
	line_start(&line, 44100, 5000000);
}

TestSuite(line, .init = setup);

static void take_plain(int64_t frame)
{
	const struct line_step step = line_take(&line, stamp(frame), 1024);
	cr_assert(not(step.restart));
	cr_assert(eq(u32, step.silence, 0));
	cr_assert(eq(u32, step.skip, 0));
}

Test(line, exact_stamps_are_never_touched_for_ten_hours)
{
	for (int64_t frame = 0; frame < 10 * 3600 * 44100LL / 1024; frame++)
		take_plain(frame);
}

Test(line, stamps_in_whole_milliseconds_are_not_touched)
{
	for (int64_t frame = 0; frame < 100000; frame++) {
		const struct line_step step = line_take(&line, stamp(frame) / 1000 * 1000, 1024);
		cr_assert(eq(u32, step.silence + step.skip, 0));
	}
}

Test(line, one_missing_frame_becomes_as_much_silence)
{
	take_plain(0);
	cr_assert(eq(u32, line_take(&line, stamp(2), 1024).silence, 1024));
	take_plain(3);
}

Test(line, a_gap_just_under_the_limit_is_filled_and_one_over_it_restarts)
{
	take_plain(0);
	cr_assert(eq(u32, line_take(&line, stamp(1) + 1999000, 1024).silence, 88156));
	cr_assert(line_take(&line, stamp(1) + 6000000, 1024).restart);
}

Test(line, frames_that_overlap_are_left_out)
{
	take_plain(0);
	take_plain(1);
	cr_assert(eq(u32, line_take(&line, stamp(1), 1024).skip, 1024));
	take_plain(2);
}

Test(line, a_clock_that_went_back_far_restarts)
{
	take_plain(0);
	cr_assert(line_take(&line, stamp(0) - 3000000, 1024).restart);
}

Test(line, extreme_stamps_restart_and_do_not_overflow)
{
	cr_assert(line_take(&line, INT64_MAX, 1024).restart);
	cr_assert(line_take(&line, INT64_MIN, 1024).restart);
}

/* A sound card that gives 44,100 samples in 1.0002 s of the stamps. */
Test(line, a_source_that_drifts_stays_within_ten_milliseconds)
{
	for (int64_t frame = 0; frame < 200000; frame++) {
		const int64_t media_us = 5000000 + (stamp(frame) - 5000000) * 10002 / 10000;
		const struct line_step step = line_take(&line, media_us, 1024);
		cr_assert(step.silence < 441);
		const int64_t end_us = line_time_us(line.anchor_us, line.written, 44100);
		const int64_t off_us = media_us + 23220 - end_us;
		cr_assert(off_us < 10000 && off_us > -10000, "frame %ld off %ld us", (long)frame,
			  (long)off_us);
	}
}
