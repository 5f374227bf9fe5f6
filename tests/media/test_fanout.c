#include "media/publish.h"
#include "tests/media/fanout_fixture.h"

TestSuite(fanout, .init = setup, .fini = teardown);

Test(fanout, a_start_is_the_group_with_its_audio_in_order)
{
	for (int i = 0; i < 50; i++) {
		push_video(i % 25 == 0, (int64_t)i * FRAME);
		push_audio((int64_t)i * FRAME + 10);
	}
	join(0, 1);
	cr_assert(eq(sz, f.viewers[0].started, 0)); /* never inside fanout_add() */
	settle();
	cr_assert(eq(sz, f.viewers[0].started, 50));
	cr_assert(f.viewers[0].key_first);
	cr_assert(eq(uint, f.viewers[0].disordered, 0));
}

Test(fanout, live_frames_follow_the_start_without_loss_or_repetition)
{
	for (int i = 0; i < 30; i++)
		push_video(i == 0, (int64_t)i * FRAME);
	join(0, 1);
	settle();
	for (int i = 30; i < 60; i++) {
		push_video(false, (int64_t)i * FRAME);
		push_audio((int64_t)i * FRAME + 5);
		settle();
	}
	cr_assert(eq(uint, f.viewers[0].video, 60));
	cr_assert(eq(uint, f.viewers[0].audio, 30));
	cr_assert(eq(uint, f.viewers[0].disordered, 0));
}

Test(fanout, without_a_keyframe_a_viewer_waits)
{
	join(0, 1);
	settle();
	push_audio(0);
	settle();
	cr_assert(eq(sz, f.viewers[0].started, 0));
	push_video(true, FRAME);
	settle();
	cr_assert(eq(sz, f.viewers[0].started, 1));
	push_video(false, 2 * FRAME);
	settle();
	cr_assert(eq(uint, f.viewers[0].video, 2));
}

Test(fanout, a_show_without_video_starts_with_sound)
{
	join(0, 1);
	for (int i = 0; i < 60; i++) {
		push_audio((int64_t)i * 21333);
		settle();
	}
	cr_assert(eq(sz, f.viewers[0].started, 1));
	cr_assert(gt(uint, f.viewers[0].audio, 5));
}

Test(fanout, a_sink_may_want_sound_alone)
{
	f.viewers[0].sink.skip_video = true;
	push_video(true, 0);
	push_audio(0);
	join(0, 1);
	settle();
	push_video(false, FRAME);
	push_audio(FRAME);
	settle();
	cr_assert(eq(uint, f.viewers[0].video, 0));
	cr_assert(eq(uint, f.viewers[0].audio, 2));
}

Test(fanout, each_gets_the_audio_it_wants)
{
	f.viewers[1].sink.audio = CODEC_OPUS;
	push_video(true, 0);
	join(0, 2);
	settle();
	push_audio(10);
	push_opus_as(true, 1000000);
	push_opus_as(true, 1000001);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1)); /* AAC does not wait for Opus */
	fake_clock_advance(&f.fake, f.loop, FANOUT_SOUND_WAIT_US);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
	cr_assert(eq(uint, f.viewers[1].audio, 2));
	cr_assert(eq(uint, broadcast_readers(f.broadcast, TRACK_OPUS), 1));
	fanout_remove(f.fanout, &f.viewers[1].sink);
	cr_assert(eq(uint, broadcast_readers(f.broadcast, TRACK_OPUS), 0));
}

Test(fanout, long_work_is_cut_into_slices)
{
	struct fanout_stats before, after;
	push_video(true, 0);
	join(0, VIEWERS);
	settle();
	for (int i = 0; i < VIEWERS; i++)
		f.viewers[i].cost_us = 500;
	fanout_stats(f.fanout, &before);
	push_video(false, FRAME);
	settle();
	fanout_stats(f.fanout, &after);
	for (int i = 0; i < VIEWERS; i++)
		cr_assert(eq(uint, f.viewers[i].video, 2));
	/* 20 ms of work; the clock is read after every eighth: 4 ms a slice */
	cr_assert(ge(u64, after.slices - before.slices, 5));
	cr_assert(ge(i64, after.longest_us, 20000));
}

Test(fanout, nobody_is_always_last)
{
	unsigned last[VIEWERS] = { 0 };
	push_video(true, 0);
	join(0, VIEWERS);
	settle();
	for (int i = 1; i < 200; i++) {
		push_video(false, (int64_t)i * FRAME);
		settle();
		int slowest = 0;
		for (int v = 1; v < VIEWERS; v++) {
			if (f.viewers[v].turn > f.viewers[slowest].turn)
				slowest = v;
		}
		last[slowest]++;
	}
	for (int v = 0; v < VIEWERS; v++)
		cr_assert(lt(uint, last[v], 40));
}

Test(fanout, a_viewer_may_leave_inside_its_own_frame)
{
	push_video(true, 0);
	join(0, 10);
	settle();
	for (int i = 0; i < 10; i += 3)
		f.viewers[i].leaves = true;
	push_video(false, FRAME);
	push_video(false, 2 * FRAME);
	settle();
	for (int i = 0; i < 10; i++)
		cr_assert(eq(uint, f.viewers[i].video, i % 3 ? 3 : 2));
}

static void second_half_joins(void)
{
	join(VIEWERS / 2, VIEWERS);
	push_video(false, 2 * FRAME);
}

Test(fanout, joins_in_the_middle_of_a_walk_miss_nothing)
{
	push_video(true, 0);
	join(0, VIEWERS / 2);
	settle();
	f.viewers[VIEWERS / 4].meanwhile = second_half_joins;
	push_video(false, FRAME);
	settle();
	for (int i = 0; i < VIEWERS; i++) {
		cr_assert(eq(uint, f.viewers[i].video, 3), "viewer %d", i);
		cr_assert(eq(uint, f.viewers[i].disordered, 0));
	}
}

Test(fanout, the_end_of_the_show_is_told_once_to_all)
{
	push_video(true, 0);
	join(0, 5);
	settle();
	f.viewers[5].sink.audio = CODEC_OPUS;
	push_video(false, FRAME);
	broadcast_end(f.broadcast);
	settle();
	for (int i = 0; i < 5; i++)
		cr_assert(eq(uint, f.viewers[i].ended, 1));
	/* live again: who joins now hears nothing of the former end */
	join(5, 6);
	push_video(true, 2 * FRAME);
	settle();
	cr_assert(eq(uint, f.viewers[5].ended, 0));
	cr_assert(eq(uint, f.viewers[5].video, 1));
}

static void push_rendition(struct media_config *config, unsigned slot, bool key, int64_t at_us)
{
	struct frame *frame = test_video_frame(config, key, at_us, 10);
	frame->rendition = (uint8_t)slot;
	cr_assert(eq(int, broadcast_push(f.publisher, frame), 0));
}

Test(fanout, a_viewer_begins_low_and_goes_up_at_the_next_keyframe)
{
	f.viewers[0].sink.picture.begins_low = true;
	for (int i = 0; i < 10; i++) {
		push_rendition(f.video, 0, i == 0, (int64_t)i * FRAME);
		push_rendition(f.small, 1, i == 0, (int64_t)i * FRAME);
	}
	join(0, 2);
	settle();
	cr_assert(eq(uint, f.viewers[0].sink.picture.shown, 1));
	cr_assert(eq(uint, f.viewers[1].sink.picture.shown, 0));
	cr_assert(
		eq(uint, broadcast_readers(f.broadcast, (enum track)0), 2)); /* one of them soon */
	for (int i = 10; i < 20; i++) {
		push_rendition(f.video, 0, i == 15, (int64_t)i * FRAME);
		push_rendition(f.small, 1, i == 15, (int64_t)i * FRAME);
		settle();
		cr_assert(eq(uint, f.viewers[0].sink.picture.shown, i < 15));
	}
	for (int i = 0; i < 2; i++) {
		cr_assert(eq(uint, f.viewers[i].video, 20));
		cr_assert(eq(uint, f.viewers[i].disordered, 0));
	}
	cr_assert(eq(uint, broadcast_readers(f.broadcast, (enum track)1), 0));
}

/* Browsers cannot show B-frames; what is made without them comes a little later. */
Test(fanout, a_viewer_is_shown_nothing_rather_than_what_it_cannot_decode)
{
	const struct rendition_offer offer = { 320, 180, 300000 };
	struct media_config *made = test_video_config();
	f.video->reorders = true;
	f.viewers[0].sink.picture.profile_max = 99;
	f.viewers[0].sink.skip_audio = true;
	join(0, 1);
	push_video(true, FRAME);
	loop_poll(f.loop);
	push_video(false, 2 * FRAME);
	loop_poll(f.loop);
	cr_assert(eq(uint, f.viewers[0].video, 0));
	broadcast_offer(f.broadcast, 1, &offer);
	for (int64_t at_us = FRAME; at_us <= 3 * FRAME; at_us += FRAME) {
		struct frame *frame = test_video_frame(made, at_us == FRAME, at_us, 10);
		frame->rendition = 1;
		frame->epoch = 1;
		cr_assert(eq(int, broadcast_push_made(f.broadcast, frame), 0));
		loop_poll(f.loop);
	}
	cr_assert(eq(uint, f.viewers[0].video, 3));
	cr_assert(f.viewers[0].key_first);
	media_config_unref(made);
}

enum { LEAVER, WITNESS, LATE };

static void late_takes_over(void)
{
	fanout_remove(f.fanout, &f.viewers[LEAVER].sink);
	push_rendition(f.small, 1, false, 2 * FRAME);
	fanout_want(&f.viewers[LATE].sink, 1);
}

/* The last who was shown a rendition leaves, and one who still lacks the batch comes to it: what
 * the batch began must go on. */
Test(fanout, a_change_in_the_middle_of_a_walk_misses_nothing)
{
	const struct viewer *late = &f.viewers[LATE];
	push_rendition(f.video, 0, true, 0);
	push_rendition(f.small, 1, true, 0);
	join(LEAVER, LATE + 1);
	settle();
	fanout_want(&f.viewers[LEAVER].sink, 1);
	f.viewers[WITNESS].meanwhile = late_takes_over;
	push_rendition(f.video, 0, false, FRAME);
	push_rendition(f.small, 1, true, FRAME);
	settle();
	push_rendition(f.small, 1, false, 3 * FRAME);
	settle();
	cr_assert(eq(uint, f.viewers[LEAVER].video, 2));
	cr_assert(eq(uint, late->sink.picture.shown, 1));
	cr_assert(eq(uint, late->video, 4));
	cr_assert(eq(uint, late->disordered, 0));
}

Test(fanout, a_viewer_goes_where_it_wants_and_stays_when_that_stops)
{
	join(0, 1);
	int i = 0;
	for (; i < 10; i++) {
		push_rendition(f.video, 0, i == 0, (int64_t)i * FRAME);
		push_rendition(f.small, 1, i == 0 || i == 5, (int64_t)i * FRAME);
		settle();
		if (i == 2)
			fanout_want(&f.viewers[0].sink, 1);
	}
	cr_assert(eq(uint, f.viewers[0].sink.picture.shown, 1));
	for (; i < 80; i++) { /* the small one stops */
		push_rendition(f.video, 0, i % 10 == 0, (int64_t)i * FRAME);
		settle();
	}
	cr_assert(eq(uint, f.viewers[0].sink.picture.shown, 0));
	cr_assert(eq(uint, f.viewers[0].disordered, 0));
}
