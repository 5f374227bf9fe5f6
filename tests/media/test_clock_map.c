#include "media/clock_map.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

/* 2026-01-01, in microseconds */
static const int64_t start_us = 1767225600000000;
enum { FRAME = 40000, SECOND = 1000000 };

static enum clock_map_verdict frame(struct clock_map *map, bool video, int64_t source_us,
				    int64_t arrival_us)
{
	struct clock_map_sample sample = {
		.video = video, .dts_us = source_us, .pts_us = source_us, .arrival_us = arrival_us
	};
	return clock_map_frame(map, &sample);
}

/* Pictures from `from_us` of source time on, each `delay_us` after its capture. */
static void run(struct clock_map *map, int64_t from_us, int count, int64_t delay_us)
{
	for (int i = 0; i < count; i++) {
		const int64_t at_us = from_us + (int64_t)i * FRAME;
		cr_assert(eq(int, frame(map, true, at_us, start_us + at_us + delay_us),
			     CLOCK_MAP_OK));
	}
}

Test(clock_map, media_time_is_the_sources_own_and_starts_above_zero)
{
	struct clock_map map;
	clock_map_init(&map);
	cr_assert(eq(u32, clock_map_begin(&map, 0), 1));
	run(&map, 5000000, 100, 0);
	cr_assert(eq(i64, clock_map_media_us(&map, 5000000), SECOND));
	cr_assert(eq(i64, clock_map_media_us(&map, 5000000 + 99 * FRAME), SECOND + 99 * FRAME));
	cr_assert(eq(i64, map.gap_us, 0));
}

Test(clock_map, the_next_epoch_begins_after_the_true_gap)
{
	struct clock_map map;
	clock_map_init(&map);
	clock_map_begin(&map, 3);
	run(&map, 0, 26, 0); /* the last one at 1.000 s */
	cr_assert(eq(u32, clock_map_begin(&map, 0), 4));
	/* the host comes back after 7 s with a clock of its own */
	cr_assert(eq(int, frame(&map, true, 900 * SECOND, start_us + 8 * SECOND), CLOCK_MAP_OK));
	cr_assert(eq(i64, clock_map_media_us(&map, 900 * SECOND), SECOND + 8 * SECOND));
	/* what FLV leaves out: all but one frame */
	cr_assert(eq(i64, map.gap_us, 7 * SECOND - FRAME));
}

Test(clock_map, a_republish_without_a_pause_still_advances_by_a_frame)
{
	struct clock_map map;
	clock_map_init(&map);
	clock_map_begin(&map, 0);
	run(&map, 0, 26, 0);
	clock_map_begin(&map, 0);
	frame(&map, true, 0, start_us + SECOND);
	cr_assert(eq(i64, clock_map_media_us(&map, 0), SECOND + SECOND + FRAME));
	cr_assert(eq(i64, map.gap_us, 0));
}

Test(clock_map, epochs_only_grow)
{
	struct clock_map map;
	clock_map_init(&map);
	cr_assert(eq(u32, clock_map_begin(&map, 7), 7));
	cr_assert(eq(u32, clock_map_begin(&map, 7), 8));
	cr_assert(eq(u32, clock_map_begin(&map, 2), 9));
}

Test(clock_map, a_jump_of_the_source_is_a_new_epoch)
{
	struct clock_map map;
	clock_map_init(&map);
	clock_map_begin(&map, 0);
	run(&map, 100 * SECOND, 25, 0);
	const int64_t now_us = start_us + 101 * SECOND;
	cr_assert(eq(int, frame(&map, true, 0, now_us), CLOCK_MAP_NEW_EPOCH));
	cr_assert(eq(u32, map.epoch, 2));
	cr_assert(eq(int, frame(&map, true, 9 * SECOND, now_us + 9 * SECOND), CLOCK_MAP_OK));
	cr_assert(
		eq(int, frame(&map, true, 20 * SECOND, now_us + 20 * SECOND), CLOCK_MAP_NEW_EPOCH));
	cr_assert(eq(u32, map.epoch, 3));
}

Test(clock_map, a_step_ahead_that_took_no_time_is_a_jump)
{
	struct clock_map map;
	clock_map_init(&map);
	clock_map_begin(&map, 0);
	run(&map, 0, 26, 0);
	const int64_t now_us = start_us + SECOND;
	cr_assert(eq(int, frame(&map, true, 6 * SECOND, now_us + FRAME), CLOCK_MAP_NEW_EPOCH));
	cr_assert(eq(i64, clock_map_media_us(&map, 6 * SECOND), 2 * SECOND + FRAME));
}

/* Both tracks up to 1.000 s, where the clock steps by `step_us`, the picture first. */
static void step_both(struct clock_map *map, int64_t step_us)
{
	clock_map_init(map);
	clock_map_begin(map, 0);
	for (int i = 0; i < 26; i++) {
		const int64_t at_us = (int64_t)i * FRAME;
		frame(map, true, at_us, start_us + at_us);
		frame(map, false, at_us, start_us + at_us);
	}
	const int64_t now_us = start_us + SECOND + FRAME;
	cr_assert(eq(int, frame(map, true, SECOND + FRAME + step_us, now_us), CLOCK_MAP_NEW_EPOCH));
	cr_assert(eq(int, frame(map, false, SECOND + FRAME, now_us), CLOCK_MAP_STRAY));
	cr_assert(
		eq(int, frame(map, false, SECOND + FRAME + step_us, now_us + FRAME), CLOCK_MAP_OK));
	cr_assert(eq(u32, map->epoch, 2));
	cr_assert(eq(i64, clock_map_media_us(map, SECOND + FRAME + step_us), 2 * SECOND + FRAME));
}

Test(clock_map, sound_of_before_a_step_strays_however_small_the_step)
{
	struct clock_map map;
	step_both(&map, -SECOND);
	step_both(&map, 5 * SECOND);
}

Test(clock_map, no_track_ever_goes_back)
{
	struct clock_map map;
	clock_map_init(&map);
	clock_map_begin(&map, 0);
	run(&map, 0, 26, 0);
	frame(&map, false, SECOND, start_us + SECOND);
	static const int64_t stamps_us[] = { SECOND, SECOND - 300000, SECOND - 260000 };
	for (int i = 0; i < 3; i++) {
		struct clock_map_sample sample = { .video = true,
						   .dts_us = stamps_us[i],
						   .pts_us = stamps_us[i],
						   .arrival_us = start_us + SECOND };
		cr_assert(eq(int, clock_map_frame(&map, &sample), CLOCK_MAP_OK));
		cr_assert(eq(i64, sample.dts_us, SECOND + (i + 1) * 1000));
		cr_assert(eq(i64, sample.pts_us, sample.dts_us));
	}
	cr_assert(eq(int, frame(&map, false, SECOND / 2, start_us + SECOND), CLOCK_MAP_STRAY));
	cr_assert(eq(int, frame(&map, false, SECOND + 1000, start_us + SECOND), CLOCK_MAP_OK));
}

Test(clock_map, sound_that_has_not_followed_a_jump_strays)
{
	struct clock_map map;
	clock_map_init(&map);
	clock_map_begin(&map, 0);
	run(&map, 100 * SECOND, 25, 0);
	cr_assert(eq(int, frame(&map, false, 101 * SECOND, start_us + 101 * SECOND), CLOCK_MAP_OK));
	/* sound is first to jump: it waits for the picture */
	cr_assert(eq(int, frame(&map, false, 500 * SECOND, start_us + 101 * SECOND + 1000),
		     CLOCK_MAP_STRAY));
	cr_assert(eq(int, frame(&map, true, 500 * SECOND, start_us + 101 * SECOND + 2000),
		     CLOCK_MAP_NEW_EPOCH));
	cr_assert(eq(int, frame(&map, false, 101 * SECOND, start_us + 101 * SECOND + 3000),
		     CLOCK_MAP_STRAY));
	cr_assert(eq(int, frame(&map, false, 500 * SECOND, start_us + 101 * SECOND + 4000),
		     CLOCK_MAP_OK));
	cr_assert(eq(u32, map.epoch, 2));
}

Test(clock_map, sound_alone_may_jump)
{
	struct clock_map map;
	clock_map_init(&map);
	clock_map_begin(&map, 0);
	frame(&map, false, 100 * SECOND, start_us);
	cr_assert(eq(int, frame(&map, false, 0, start_us + 1000), CLOCK_MAP_NEW_EPOCH));
}

Test(clock_map, a_track_may_rest_while_the_other_goes_on)
{
	struct clock_map map;
	clock_map_init(&map);
	clock_map_begin(&map, 0);
	frame(&map, false, 0, start_us);
	run(&map, 0, 25 * 30, 0);
	cr_assert(eq(int, frame(&map, false, 30 * SECOND, start_us + 30 * SECOND), CLOCK_MAP_OK));
	cr_assert(eq(u32, map.epoch, 1));
}

Test(clock_map, capture_time_slews_and_never_jumps)
{
	struct clock_map map;
	clock_map_init(&map);
	clock_map_begin(&map, 0);
	/* the first picture was 200 ms late, the others 20 ms */
	frame(&map, true, 0, start_us + 200000);
	int64_t last_us = clock_map_capture_us(&map, clock_map_media_us(&map, 0));
	for (int i = 1; i < 25 * 60; i++) {
		const int64_t at_us = (int64_t)i * FRAME;
		frame(&map, true, at_us, start_us + at_us + 20000);
		const int64_t capture_us =
			clock_map_capture_us(&map, clock_map_media_us(&map, at_us));
		/* at most 0.5 % off the source's own pace */
		cr_assert(llabs(capture_us - last_us - FRAME) <= FRAME / 200 + 1);
		last_us = capture_us;
	}
	const int64_t want_us = start_us + (25 * 60 - 1) * (int64_t)FRAME + 20000;
	cr_assert(llabs(last_us - want_us) < 2000, "off by %lld us",
		  (long long)(last_us - want_us));
	cr_assert(llabs(map.rate_ppm) < 500);
}

Test(clock_map, a_source_that_runs_fast_is_followed)
{
	struct clock_map map;
	clock_map_init(&map);
	clock_map_begin(&map, 0);
	/* 200 ppm: in ten minutes 120 ms */
	int64_t at_us = 0;
	for (int i = 0; i < 25 * 600; i++) {
		at_us = (int64_t)i * FRAME;
		frame(&map, true, at_us, start_us + at_us - at_us / 5000 + 10000);
	}
	const int64_t error_us = clock_map_capture_us(&map, clock_map_media_us(&map, at_us)) -
				 (start_us + at_us - at_us / 5000 + 10000);
	cr_assert(llabs(error_us) < 10000, "off by %lld us", (long long)error_us);
}

Test(clock_map, sender_reports_take_half_the_round_trip_off)
{
	struct clock_map map;
	clock_map_init(&map);
	clock_map_begin(&map, 0);
	/* The host's clock is an hour off; packets take 30 ms and sometimes 90. */
	const int64_t host_us = start_us - 3600LL * SECOND;
	for (int i = 0; i < 25 * 60; i++) {
		const int64_t at_us = (int64_t)i * FRAME;
		const int64_t way_us = i % 3 ? 90000 : 30000;
		frame(&map, true, at_us, start_us + at_us + way_us);
		if (i % 25 == 0)
			clock_map_sender_report(&map, host_us + at_us, at_us,
						start_us + at_us + way_us, 60000);
	}
	const int64_t at_us = 25LL * 60 * FRAME;
	const int64_t error_us =
		clock_map_capture_us(&map, clock_map_media_us(&map, at_us)) - (start_us + at_us);
	cr_assert(llabs(error_us) < 2000, "off by %lld us", (long long)error_us);
	cr_assert(map.err_us >= 30000);
	cr_assert(map.err_us < 50000);
}

Test(clock_map, a_host_that_answers_late_is_known_by_its_quickest_answer)
{
	struct clock_map map;
	clock_map_init(&map);
	clock_map_begin(&map, 0);
	for (int i = 0; i < 25 * 30; i++) {
		const int64_t at_us = (int64_t)i * FRAME;
		frame(&map, true, at_us, start_us + at_us + 4000);
		if (i % 25 == 0)
			clock_map_sender_report(&map, start_us + at_us, at_us,
						start_us + at_us + 4000, i % 100 ? 70000 : 8000);
	}
	cr_assert(eq(i64, map.rtt_us, 8000));
	cr_assert(lt(i64, map.err_us, 12000));
	const int64_t at_us = 25LL * 30 * FRAME;
	const int64_t error_us =
		clock_map_capture_us(&map, clock_map_media_us(&map, at_us)) - (start_us + at_us);
	cr_assert(llabs(error_us) < 2000, "off by %lld us", (long long)error_us);
}

Test(clock_map, reports_that_stop_leave_the_line_alone)
{
	struct clock_map map;
	clock_map_init(&map);
	clock_map_begin(&map, 0);
	run(&map, 0, 25, 0);
	clock_map_sender_report(&map, start_us, 0, start_us, 0);
	run(&map, SECOND, 25 * 30, 0);
	cr_assert(llabs(clock_map_capture_us(&map, clock_map_media_us(&map, 30 * SECOND)) -
			start_us - 30 * SECOND) < 1000);
}
