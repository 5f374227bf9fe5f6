#include "media/fanout.h"

#include "media/broadcast.h"
#include "media/sink.h"
#include "server/core/loop.h"
#include "tests/support/fake_clock.h"
#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

enum { FRAME = 40000, VIEWERS = 40 };

struct viewer {
	struct sink sink;
	int id;
	size_t started; /* frames in the start */
	bool key_first;
	unsigned video, audio;
	int64_t last_dts_us;
	unsigned disordered;
	unsigned flushes, ended;
	unsigned turn; /* of the newest frame */
	int64_t cost_us;
	bool leaves; /* at the next frame */
	void (*meanwhile)(void); /* once, at the next frame */
};

struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct broadcast *broadcast;
	struct fanout *fanout;
	struct publisher *publisher;
	struct media_config *video, *small, *audio, *opus;
	struct viewer viewers[VIEWERS];
	unsigned turn;
};

static struct fixture f;

static void count(struct viewer *viewer, const struct frame *frame)
{
	viewer->disordered += frame->dts_us < viewer->last_dts_us;
	viewer->last_dts_us = frame->dts_us;
	*(codec_is_video(frame->codec) ? &viewer->video : &viewer->audio) += 1;
}

static void on_start(struct sink *sink, struct frame *const *gop, size_t gop_count)
{
	struct viewer *viewer = (struct viewer *)sink;
	viewer->started += gop_count;
	viewer->key_first = gop[0]->key && codec_is_video(gop[0]->codec);
	for (size_t i = 0; i < gop_count; i++)
		count(viewer, gop[i]);
}

static void on_frame(struct sink *sink, struct frame *frame)
{
	struct viewer *viewer = (struct viewer *)sink;
	count(viewer, frame);
	viewer->turn = f.turn++;
	f.fake.now_us += viewer->cost_us;
	void (*meanwhile)(void) = viewer->meanwhile;
	viewer->meanwhile = NULL;
	if (meanwhile)
		meanwhile();
	if (viewer->leaves)
		fanout_remove(f.fanout, sink);
}

static void on_flush(struct sink *sink)
{
	((struct viewer *)sink)->flushes++;
}

static void on_ended(struct sink *sink)
{
	struct viewer *viewer = (struct viewer *)sink;
	viewer->ended++;
	fanout_remove(f.fanout, sink);
}

static void setup(void)
{
	static const struct sink_ops ops = {
		.start = on_start, .frame = on_frame, .flush = on_flush, .ended = on_ended
	};
	const struct publisher_params params = { 0 };
	f = (struct fixture){ 0 };
	fake_clock_init(&f.fake);
	f.video = test_video_config();
	f.small = test_video_config();
	f.small->width /= 2;
	f.audio = test_audio_config();
	f.opus = media_config_create(CODEC_OPUS, NULL);
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	cr_assert(eq(int, broadcast_create(&f.broadcast, &f.fake.clock, NULL, NULL), 0));
	cr_assert(eq(int, fanout_create(&f.fanout, f.loop), 0));
	cr_assert(eq(int, broadcast_publish_begin(f.broadcast, &params, &f.publisher), 0));
	for (int i = 0; i < VIEWERS; i++) {
		f.viewers[i].sink.ops = &ops;
		f.viewers[i].sink.audio = CODEC_AAC;
		f.viewers[i].id = i;
	}
}

static void teardown(void)
{
	for (int i = 0; i < VIEWERS; i++)
		fanout_remove(f.fanout, &f.viewers[i].sink);
	broadcast_publish_end(f.publisher);
	loop_poll(f.loop);
	fanout_destroy(f.fanout);
	broadcast_unref(f.broadcast);
	loop_destroy(f.loop);
	media_config_unref(f.video);
	media_config_unref(f.small);
	media_config_unref(f.audio);
	media_config_unref(f.opus);
}

TestSuite(fanout, .init = setup, .fini = teardown);

static void join(int from, int to)
{
	for (int i = from; i < to; i++)
		cr_assert(eq(int, fanout_add(f.fanout, f.broadcast, &f.viewers[i].sink), 0));
}

static void push_video(bool key, int64_t at_us)
{
	cr_assert(
		eq(int, broadcast_push(f.publisher, test_video_frame(f.video, key, at_us, 10)), 0));
}

static void push_audio(int64_t at_us)
{
	cr_assert(eq(int, broadcast_push(f.publisher, test_audio_frame(f.audio, at_us)), 0));
}

static void push_opus(int64_t at_us)
{
	struct frame *frame = frame_create(media_config_ref(f.opus), buf_copy("x", 1));
	frame->epoch = 1;
	frame->media_us = frame->dts_us = at_us;
	cr_assert(eq(int, broadcast_push_made(f.broadcast, frame), 0));
}

static void settle(void)
{
	for (int i = 0; i < 200; i++)
		loop_poll(f.loop);
}

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
	push_opus(1000000);
	push_opus(1000001);
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

Test(fanout, who_gathers_is_called_once_a_picture_and_nobody_else_waits_for_that)
{
	f.viewers[0].sink.gathers = true;
	push_video(true, 0);
	join(0, 2);
	settle();
	push_audio(10000);
	push_audio(31000);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 0));
	cr_assert(eq(uint, f.viewers[1].audio, 2));
	push_video(false, FRAME);
	settle();
	for (int i = 0; i < 2; i++) {
		cr_assert(eq(uint, f.viewers[i].audio, 2));
		cr_assert(eq(uint, f.viewers[i].video, 2));
		cr_assert(eq(uint, f.viewers[i].disordered, 0));
	}
	cr_assert(eq(uint, f.viewers[0].flushes, 1));
}

Test(fanout, sound_without_pictures_does_not_wait_for_them_long)
{
	f.viewers[0].sink.gathers = true;
	push_video(true, 0);
	join(0, 1);
	settle();
	push_audio(10000);
	settle();
	fake_clock_advance(&f.fake, f.loop, FANOUT_GATHER_US - 1);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 0));
	fake_clock_advance(&f.fake, f.loop, 1);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
}

Test(fanout, pictures_gather_until_a_batch_is_full)
{
	enum { COUNT = 13 }; /* the first is due at once */
	f.viewers[0].sink.gathers = f.viewers[1].sink.gathers = true;
	f.viewers[0].sink.batch_us = (int64_t)FRAME * 2 + FRAME / 2; /* every third */
	push_video(true, 0);
	join(0, 2);
	settle();
	for (int i = 1; i <= COUNT; i++) {
		fake_clock_advance(&f.fake, f.loop, FRAME);
		push_video(false, (int64_t)i * FRAME);
		push_audio((int64_t)i * FRAME + 10);
		settle();
	}
	cr_assert(eq(uint, f.viewers[0].flushes, 1 + COUNT / 3));
	cr_assert(eq(uint, f.viewers[0].video, 1 + COUNT));
	cr_assert(eq(uint, f.viewers[0].disordered, 0));
	cr_assert(eq(uint, f.viewers[1].flushes, COUNT));
}

Test(fanout, who_joins_while_others_gather_misses_nothing)
{
	f.viewers[0].sink.gathers = f.viewers[1].sink.gathers = true;
	f.viewers[0].sink.batch_us = f.viewers[1].sink.batch_us = (int64_t)FRAME * 3;
	push_video(true, 0);
	join(0, 1);
	settle();
	for (int i = 1; i < 11; i++) {
		fake_clock_advance(&f.fake, f.loop, FRAME);
		push_video(false, (int64_t)i * FRAME);
		if (i == 5)
			join(1, 2);
		settle();
	}
	cr_assert(eq(uint, f.viewers[0].video, 11));
	cr_assert(eq(uint, f.viewers[1].video, 11));
	cr_assert(eq(uint, f.viewers[1].disordered, 0));
}

Test(fanout, opus_waits_for_the_next_picture_but_not_long)
{
	f.viewers[0].sink.audio = CODEC_OPUS;
	push_video(true, 0);
	join(0, 1);
	settle();
	push_video(false, FRAME);
	settle();
	push_opus(60000);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 0));
	push_video(false, 2 * FRAME);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
	cr_assert(eq(uint, f.viewers[0].flushes, 2)); /* one turn took both */
	push_opus(100000);
	settle();
	fake_clock_advance(&f.fake, f.loop, FANOUT_SOUND_WAIT_US / 2);
	push_opus(120000); /* does not make the first wait longer */
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
	fake_clock_advance(&f.fake, f.loop, FANOUT_SOUND_WAIT_US / 2);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 3));
	cr_assert(eq(uint, f.viewers[0].flushes, 3));
}

Test(fanout, opus_of_a_busy_worker_waits_for_the_picture)
{
	for (int i = 0; i < VIEWERS; i++) {
		f.viewers[i].sink.audio = CODEC_OPUS;
		f.viewers[i].cost_us = FRAME / 2 / VIEWERS;
	}
	push_video(true, 0);
	join(0, VIEWERS);
	settle();
	for (int i = 1; i < 60; i++) {
		fake_clock_advance(&f.fake, f.loop, FRAME / 2);
		push_video(false, (int64_t)i * FRAME);
		settle();
	}
	push_opus(60 * FRAME);
	settle();
	fake_clock_advance(&f.fake, f.loop, FANOUT_SOUND_WAIT_US);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 0));
	push_video(false, 60 * FRAME);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
	struct fanout_stats stats;
	fanout_stats(f.fanout, &stats);
	cr_assert(stats.busy);
	for (int i = 61; i < 120; i++) { /* most have left */
		for (int k = 1; k < VIEWERS; k++)
			fanout_remove(f.fanout, &f.viewers[k].sink);
		fake_clock_advance(&f.fake, f.loop, FRAME);
		push_video(false, (int64_t)i * FRAME);
		settle();
	}
	fanout_stats(f.fanout, &stats);
	cr_assert(not(stats.busy));
}

Test(fanout, opus_without_pictures_goes_at_once)
{
	f.viewers[0].sink.audio = CODEC_OPUS;
	push_video(true, 0);
	join(0, 1);
	settle();
	f.fake.now_us += FANOUT_SOUND_ALONE_US + 1;
	push_opus(20000);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
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
