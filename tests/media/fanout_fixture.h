/* A show and its viewers at one fan-out, on a clock turned by hand, for the tests of fanout*. */
#ifndef SOUK_TESTS_FANOUT_FIXTURE_H
#define SOUK_TESTS_FANOUT_FIXTURE_H

#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/publish.h"
#include "media/sink.h"
#include "server/core/loop.h"
#include "tests/support/fake_clock.h"
#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { FRAME = 40000, VIEWERS = 40 };

struct viewer {
	struct sink sink;
	size_t started; /* frames in the start */
	unsigned video, audio, disordered, flushes, ended, turn; /* turn: of the newest */
	int64_t last_dts_us;
	int64_t cost_us;
	bool key_first;
	bool leaves; /* at the next frame */
	void (*meanwhile)(void); /* once, at the next frame */
};

static struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct fanout *fanout;
	struct broadcast *broadcast;
	struct publisher *publisher;
	struct media_config *video, *small, *audio, *opus;
	struct viewer viewers[VIEWERS];
	unsigned turn;
} f;

static inline void count(struct viewer *viewer, const struct frame *frame)
{
	viewer->disordered += frame->dts_us < viewer->last_dts_us;
	viewer->last_dts_us = frame->dts_us;
	*(codec_is_video(frame->codec) ? &viewer->video : &viewer->audio) += 1;
}

static inline void on_start(struct sink *sink, struct frame *const *gop, size_t gop_count)
{
	struct viewer *viewer = (struct viewer *)sink;
	viewer->started += gop_count;
	viewer->key_first = gop[0]->key && codec_is_video(gop[0]->codec);
	for (size_t i = 0; i < gop_count; i++)
		count(viewer, gop[i]);
}

static inline void on_frame(struct sink *sink, struct frame *frame)
{
	struct viewer *viewer = (struct viewer *)sink;
	count(viewer, frame);
	viewer->turn = f.turn++;
	f.fake.now_us += viewer->cost_us;
	if (viewer->meanwhile)
		viewer->meanwhile();
	viewer->meanwhile = NULL;
	if (viewer->leaves)
		fanout_remove(f.fanout, sink);
}

static inline void on_flush(struct sink *sink)
{
	((struct viewer *)sink)->flushes++;
}

static inline void on_ended(struct sink *sink)
{
	((struct viewer *)sink)->ended++;
	fanout_remove(f.fanout, sink);
}

static inline void setup(void)
{
	static const struct sink_ops ops = {
		.start = on_start, .frame = on_frame, .flush = on_flush, .ended = on_ended
	};
	static const struct publisher_params none;
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
	cr_assert(eq(int, broadcast_publish_begin(f.broadcast, &none, &f.publisher), 0));
	for (int i = 0; i < VIEWERS; i++)
		f.viewers[i].sink = (struct sink){ .ops = &ops, .audio = CODEC_AAC };
}

static inline void teardown(void)
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

static inline void join(int from, int to)
{
	for (int i = from; i < to; i++)
		cr_assert(eq(int, fanout_add(f.fanout, f.broadcast, &f.viewers[i].sink), 0));
}

static inline void push_video(bool key, int64_t at_us)
{
	const int err = broadcast_push(f.publisher, test_video_frame(f.video, key, at_us, 10));
	cr_assert(eq(int, err, 0));
}

static inline void push_audio(int64_t at_us)
{
	cr_assert(eq(int, broadcast_push(f.publisher, test_audio_frame(f.audio, at_us)), 0));
}

static inline void push_opus_as(bool made, int64_t at_us)
{
	struct frame *frame = frame_create(media_config_ref(f.opus), buf_copy("x", 1));
	frame->epoch = 1;
	frame->media_us = frame->dts_us = at_us;
	frame->duration_us = 20000;
	const int err =
		made ? broadcast_push_made(f.broadcast, frame) : broadcast_push(f.publisher, frame);
	cr_assert(eq(int, err, 0));
}

static inline void settle(void)
{
	for (int i = 0; i < 200; i++)
		loop_poll(f.loop);
}

#endif
