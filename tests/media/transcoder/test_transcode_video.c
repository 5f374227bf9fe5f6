#include "media/transcode_video.h"

#include "media/codec/h264.h"
#include "media/transcode_child.h"
#include "media/transcode_pool.h"
#include "server/core/clock.h"
#include "server/core/log.h"
#include "server/core/loop.h"
#include "tests/media/transcoder/pictures.h"
#include "tests/media/transcoder/spare.h"

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { EPOCH = 7, WAIT_US = 30 * 1000000 };

static const int64_t START_US = 90000000;
static const int64_t CAPTURE_US = 1795226035000000;

static const struct protocol_rung rungs[] = {
	{ .slot = 1, .width = 240, .height = 136, .bps = 300000 },
	{ .slot = 2, .width = 160, .height = 90, .bps = 150000 },
};

struct fixture {
	struct clock clock;
	struct log log;
	struct loop *loop;
	struct transcode_pool *pool;
	struct transcode_video *video;
	struct pictures source;
	size_t next; /* picture to push */
	struct pictures out[PROTOCOL_SLOTS];
	size_t wanted[PROTOCOL_SLOTS]; /* frames out that are waited for */
	struct timer feeder;
	struct timer guard;
	size_t end;
	bool timed_out;
};

static struct fixture f;

static void on_guard(void *arg)
{
	(void)arg;
	f.timed_out = true;
	loop_stop(f.loop);
}

static void on_frame(struct frame *frame, void *arg)
{
	(void)arg;
	pictures_add(&f.out[frame->rendition], frame);
}

static void push(struct pictures *source, size_t index)
{
	struct frame *frame = source->frames[index];
	transcode_video_push(f.video, frame);
}

static bool all_there(void)
{
	for (unsigned slot = 0; slot < PROTOCOL_SLOTS; slot++) {
		if (f.out[slot].count < f.wanted[slot])
			return false;
	}
	return f.next == f.end;
}

/* Never so many at once that the child falls behind. */
static void on_feed(void *arg)
{
	(void)arg;
	struct transcode_video_stats stats;
	transcode_video_stats(f.video, &stats);
	if (f.next < f.end && stats.in_flight < TRANSCODE_VIDEO_BEHIND &&
	    transcode_video_pid(f.video))
		push(&f.source, f.next++);
	if (all_there())
		loop_stop(f.loop);
	else
		timer_start(&f.feeder, 500);
}

static void run(void)
{
	timer_start(&f.guard, WAIT_US);
	timer_start(&f.feeder, 0);
	loop_run(f.loop);
	timer_stop(&f.guard);
	timer_stop(&f.feeder);
	cr_assert(not(f.timed_out), "pushed %zu, out %zu and %zu", f.next, f.out[1].count,
		  f.out[2].count);
}

/* Pushes up to `end` and waits until each of both rungs has given `wanted` frames in all. */
static void feed(size_t end, size_t wanted)
{
	f.end = end;
	f.wanted[1] = wanted;
	f.wanted[2] = wanted;
	run();
}

static void place(struct pictures *source, int64_t start_us)
{
	for (size_t i = 0; i < source->count; i++) {
		struct frame *frame = source->frames[i];
		frame->media_us += start_us;
		frame->dts_us += start_us;
		frame->epoch = EPOCH;
		frame->capture_us = CAPTURE_US + frame->media_us;
		frame->gap_us = 5;
		frame->stamp = frame->key;
	}
}

static void begin_with(const struct transcode_program *program)
{
	cr_assert(getenv("SOUK_TEST_DATA") != NULL, "run by ctest");
	f = (struct fixture){ 0 };
	clock_init(&f.clock);
	cr_assert(eq(int, loop_create(&f.loop, &f.clock), 0));
	cr_assert(eq(int, transcode_pool_create(&f.pool, f.loop, program, &f.log), 0));
	timer_init(&f.feeder, f.loop, on_feed, NULL);
	timer_init(&f.guard, f.loop, on_guard, NULL);
	cr_assert(eq(int, transcode_video_create(&f.video, f.pool, on_frame, NULL), 0));
	transcode_video_rungs(f.video, rungs, 2);
}

static void begin(const char *size, unsigned rate, unsigned count, const char *encoder)
{
	const struct transcode_program program = { .path = SOUK_TRANSCODER };
	begin_with(&program);
	pictures_make(&f.source, size, rate, count, encoder);
	place(&f.source, START_US);
}

static void finish(void)
{
	transcode_video_destroy(f.video);
	transcode_pool_destroy(f.pool);
	pictures_finish(&f.source);
	for (unsigned slot = 0; slot < PROTOCOL_SLOTS; slot++)
		pictures_finish(&f.out[slot]);
	loop_destroy(f.loop);
}

TestSuite(transcode_video, .fini = finish, .timeout = 90);

static const struct frame *source_of(const struct frame *frame)
{
	for (size_t i = 0; i < f.source.count; i++) {
		if (f.source.frames[i]->media_us == frame->media_us &&
		    f.source.frames[i]->epoch == frame->epoch)
			return f.source.frames[i];
	}
	return NULL;
}

/* Each frame has the times of a picture of the source, in order, and is a keyframe where that was
 * one. */
static void assert_times(const struct pictures *out)
{
	for (size_t i = 0; i < out->count; i++) {
		const struct frame *frame = out->frames[i];
		const struct frame *source = source_of(frame);
		cr_assert(source != NULL, "frame %zu at %ld is of no picture", i,
			  (long)frame->media_us);
		cr_assert(eq(i64, frame->capture_us, source->capture_us));
		cr_assert(eq(i64, frame->dts_us, frame->media_us));
		cr_assert(eq(i64, frame->gap_us, 5));
		cr_assert(eq(int, frame->stamp, source->stamp));
		cr_assert(frame->key || !source->key, "keyframe %zu became none", i);
		cr_assert(i == 0 || frame->media_us > out->frames[i - 1]->media_us);
	}
}

static size_t keys(const struct pictures *pictures)
{
	size_t count = 0;
	for (size_t i = 0; i < pictures->count; i++)
		count += pictures->frames[i]->key;
	return count;
}

/* ffmpeg sees the pictures that the times say, in that size. */
static void assert_seen(const struct pictures *out, unsigned width, unsigned height,
			unsigned picture_us)
{
	struct seen seen;
	pictures_see(out, &seen);
	cr_expect(eq(u32, seen.width, width));
	cr_expect(eq(u32, seen.height, height));
	cr_assert(eq(sz, seen.count, out->count));
	for (size_t i = 0; i < seen.count; i++) {
		const int64_t at_us = out->frames[i]->media_us - f.source.frames[0]->media_us;
		const unsigned index = (unsigned)((at_us + picture_us / 2) / picture_us);
		cr_expect(lt(int, abs((int)seen.brightness[i] - (int)picture_brightness(index)), 4),
			  "frame %zu is not picture %u", i, index);
	}
}

static const char plain[] = "-profile:v baseline -g 15 -keyint_min 15 -sc_threshold 0";
static const char one_key[] = "-profile:v baseline -g 300 -sc_threshold 0";
static const char with_b[] = "-profile:v high -bf 2 -b_strategy 0 -g 15 -keyint_min 15 "
			     "-sc_threshold 0";

Test(transcode_video, each_rung_shows_each_picture_at_its_time)
{
	begin("320:180", 30, 40, plain);
	feed(40, 40);
	for (unsigned slot = 1; slot <= 2; slot++) {
		assert_times(&f.out[slot]);
		cr_assert(eq(sz, keys(&f.out[slot]), keys(&f.source)), "no other keyframes");
	}
	assert_seen(&f.out[1], 240, 136, 33333);
	assert_seen(&f.out[2], 160, 90, 33333);
}

Test(transcode_video, what_comes_out_is_safe_for_browsers)
{
	begin("320:180", 30, 20, with_b);
	feed(20, 16);
	const struct media_config *config = f.out[1].frames[0]->config;
	cr_assert(eq(int, config->profile, 66));
	cr_assert(eq(int, config->constraints & 0x40, 0x40), "constrained baseline");
	cr_assert(not(config->reorders));
	for (size_t i = 0; i < f.out[1].count; i++) {
		struct h264_reader reader;
		struct h264_nal nal;
		const struct buf *data = f.out[1].frames[i]->data;
		unsigned units = 0;
		h264_read_avcc(&reader, data->data, data->len, 4);
		while (h264_next(&reader, &nal)) {
			units++;
			cr_assert(h264_slice_type(&nal) == 0 || h264_slice_type(&nal) == 2);
		}
		cr_assert(eq(u32, units, 1), "one slice a picture");
	}
}

Test(transcode_video, b_frames_are_put_in_the_order_of_display)
{
	begin("320:180", 25, 45, with_b);
	cr_assert(f.source.frames[2]->media_us < f.source.frames[1]->media_us, "it has some");
	feed(45, 40);
	assert_times(&f.out[1]);
	assert_seen(&f.out[1], 240, 136, 40000);
}

/* Whatever is wanted, the other rung's frames go on without a keyframe. */
Test(transcode_video, rungs_come_and_go_without_disturbing_the_others)
{
	begin("320:180", 30, 60, one_key);
	feed(15, 15);
	transcode_video_rungs(f.video, &rungs[1], 1);
	f.end = 30;
	f.wanted[2] = 30;
	run();
	cr_assert(eq(sz, f.out[1].count, 15));
	transcode_video_rungs(f.video, rungs, 2);
	f.end = 45;
	f.wanted[1] = 30;
	f.wanted[2] = 45;
	run();
	cr_assert(eq(sz, keys(&f.out[2]), 1));
	cr_assert(eq(sz, keys(&f.out[1]), 2));
	cr_assert(f.out[1].frames[15]->key, "begins with a keyframe of its own");
	assert_seen(&f.out[1], 240, 136, 33333);
	assert_seen(&f.out[2], 160, 90, 33333);
}

Test(transcode_video, a_keyframe_comes_with_the_next_picture_and_only_where_it_is_wanted)
{
	begin("320:180", 30, 30, one_key);
	feed(10, 10);
	transcode_video_key(f.video, 2);
	feed(30, 30);
	cr_assert(f.out[2].frames[10]->key);
	cr_assert(eq(sz, keys(&f.out[2]), 2));
	cr_assert(eq(sz, keys(&f.out[1]), 1));
}

Test(transcode_video, a_cached_gop_is_caught_up_with_and_only_its_end_is_shown)
{
	begin("320:180", 30, 60, one_key);
	transcode_video_start(f.video, f.source.frames, 50);
	f.next = 50;
	feed(60, 1 + 10);
	cr_assert(eq(i64, f.out[1].frames[0]->media_us, f.source.frames[49]->media_us));
	cr_assert(f.out[1].frames[0]->key);
	assert_seen(&f.out[1], 240, 136, 33333);
	struct transcode_video_stats stats;
	transcode_video_stats(f.video, &stats);
	cr_assert(ge(u64, stats.skipped, 49));
	cr_assert(eq(u64, stats.dropped, 0));
}

/* A phone that is turned: other parameter sets in mid-stream, other rungs with them. */
Test(transcode_video, another_size_in_mid_stream_is_followed_without_a_gap)
{
	static const struct protocol_rung upright = {
		.slot = 1, .width = 90, .height = 160, .bps = 150000
	};
	begin("320:180", 30, 20, with_b);
	struct pictures turned;
	pictures_make(&turned, "180:320", 30, 30, plain);
	place(&turned, f.source.frames[0]->media_us + 20 * 33333);
	feed(20, 15);
	transcode_video_rungs(f.video, &upright, 1);
	for (size_t i = 0; i < turned.count; i++)
		pictures_add(&f.source, turned.frames[i]);
	pictures_finish(&turned);
	f.end = 50;
	f.wanted[1] = 50;
	f.wanted[2] = 0;
	run();
	cr_assert(eq(sz, f.out[1].count, 50), "the held back ones came out, too");
	assert_times(&f.out[1]);
	cr_assert(eq(int, f.out[1].frames[49]->config->width, 90));
	cr_assert(eq(int, f.out[1].frames[49]->config->height, 160));
	cr_assert(f.out[1].frames[20]->key);
}

Test(transcode_video, a_child_that_is_killed_is_replaced_and_goes_on_at_the_next_keyframe)
{
	begin("320:180", 30, 60, plain);
	feed(20, 20);
	spare_wait(f.loop, f.pool);
	const size_t before = f.out[1].count;
	const pid_t pid = transcode_video_pid(f.video);
	cr_assert(eq(int, kill(pid, SIGKILL), 0));
	while (transcode_video_pid(f.video) == pid)
		loop_poll(f.loop);
	cr_assert(ne(int, transcode_video_pid(f.video), 0), "at once, by the spare");
	f.next = 30;
	feed(60, before + 30);
	cr_assert(eq(i64, f.out[1].frames[before]->media_us, f.source.frames[30]->media_us));
	cr_assert(f.out[1].frames[before]->key);
	assert_times(&f.out[1]);
	struct transcode_video_stats stats;
	transcode_video_stats(f.video, &stats);
	cr_assert(eq(u32, stats.restarts, 1));
}

Test(transcode_video, over_the_cap_pictures_are_left_out_up_to_the_next_keyframe)
{
	begin("320:180", 30, 120, "-profile:v baseline -g 60 -keyint_min 60 -sc_threshold 0");
	spare_wait(f.loop, f.pool);
	for (size_t i = 0; i < 100; i++)
		push(&f.source, i);
	struct transcode_video_stats stats;
	transcode_video_stats(f.video, &stats);
	cr_assert(eq(u64, stats.dropped, 60 - TRANSCODE_VIDEO_MAX + 99 - 60),
		  "but for the keyframe");
	cr_assert(gt(u64, stats.skipped, 0));
	f.next = 120;
	f.end = 120;
	f.wanted[1] = TRANSCODE_VIDEO_BEHIND + 1;
	f.wanted[2] = TRANSCODE_VIDEO_BEHIND + 1;
	run();
	const size_t count = f.out[1].count;
	cr_assert(eq(i64, f.out[1].frames[count - 1]->media_us, f.source.frames[60]->media_us));
	struct seen seen;
	pictures_see(&f.out[1], &seen);
	cr_assert(eq(sz, seen.count, count));
}

static struct frame *garbage(const struct frame *like, size_t len, unsigned seed)
{
	struct buf *data = buf_create(len);
	for (size_t at = 0; at < len; at++)
		data->data[at] = (uint8_t)(at * 151 + seed * 77);
	/* One slice of the right type and length, of whatever is in it. */
	const uint32_t unit = (uint32_t)len - 4;
	data->data[0] = (uint8_t)(unit >> 24);
	data->data[1] = (uint8_t)(unit >> 16);
	data->data[2] = (uint8_t)(unit >> 8);
	data->data[3] = (uint8_t)unit;
	data->data[4] = like->key ? 0x65 : 0x41;
	struct frame *frame = frame_create(media_config_ref(like->config), data);
	frame->key = like->key;
	frame->media_us = like->media_us;
	frame->dts_us = like->dts_us;
	frame->epoch = like->epoch;
	return frame;
}

Test(transcode_video, after_pictures_of_garbage_the_next_keyframe_is_seen_again)
{
	begin("320:180", 30, 60, plain);
	feed(15, 15);
	for (unsigned i = 0; i < 15; i++) {
		struct frame *frame = garbage(f.source.frames[f.next++], 50 + i * 200, i);
		transcode_video_push(f.video, frame);
		frame_unref(frame);
	}
	f.end = 60;
	f.wanted[1] = 45;
	f.wanted[2] = 45;
	run();
	const struct frame *last = f.out[1].frames[f.out[1].count - 1];
	cr_assert(eq(i64, last->media_us, f.source.frames[59]->media_us));
}

/* Parameter sets of nonsense: nothing comes, nobody dies of it but perhaps a child. */
Test(transcode_video, a_source_that_lies_about_itself_gives_nothing)
{
	begin("320:180", 30, 30, plain);
	static const uint8_t bytes[] = { 1,    0x42, 0xc0, 0x1e, 0xff, 0xe1, 0,    4,   0x67,
					 0xff, 0xff, 0xff, 1,    0,    2,    0x68, 0xff };
	struct media_config *lie = media_config_create(CODEC_H264, buf_copy(bytes, sizeof(bytes)));
	for (size_t i = 0; i < 15; i++) {
		struct frame *frame =
			frame_create(media_config_ref(lie), buf_ref(f.source.frames[i]->data));
		frame->key = f.source.frames[i]->key;
		frame->media_us = f.source.frames[i]->media_us;
		frame->epoch = EPOCH;
		transcode_video_push(f.video, frame);
		frame_unref(frame);
	}
	media_config_unref(lie);
	f.next = 15;
	feed(30, 15);
	cr_assert(eq(i64, f.out[1].frames[0]->media_us, f.source.frames[15]->media_us));
}

Test(transcode_video, openh264_does_it_as_well)
{
	const struct transcode_program program = { .path = SOUK_TRANSCODER,
						   .encoder = "openh264enc" };
	begin_with(&program);
	pictures_make(&f.source, "320:180", 30, 40, with_b);
	place(&f.source, START_US);
	feed(40, 36);
	assert_times(&f.out[1]);
	assert_seen(&f.out[1], 240, 136, 33333);
}

/* Of encoders in hardware only the sandbox can be tried here. */
Test(transcode_video, works_in_the_sandbox_of_devices_as_well)
{
	const struct transcode_program program = { .path = SOUK_DEVICE_TRANSCODER };
	begin_with(&program);
	pictures_make(&f.source, "320:180", 30, 20, plain);
	place(&f.source, START_US);
	spare_wait(f.loop, f.pool);
	if (!transcode_pool_video(f.pool))
		cr_skip_test("skipped: this kernel has no Landlock");
	feed(20, 20);
	assert_seen(&f.out[1], 240, 136, 33333);
}

Test(transcode_video, an_encoder_that_is_not_there_costs_the_rungs_alone)
{
	const struct transcode_program program = { .path = SOUK_TRANSCODER, .encoder = "fooenc" };
	begin_with(&program);
	pictures_make(&f.source, "320:180", 30, 10, plain);
	place(&f.source, START_US);
	feed(10, 0);
	spare_wait(f.loop, f.pool);
	cr_assert(not(transcode_pool_video(f.pool)));
	struct transcode_video_stats stats;
	transcode_video_stats(f.video, &stats);
	cr_assert(eq(u32, stats.restarts, 0));
}

static void destroy_at_first(struct frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	transcode_video_destroy(f.video);
	f.video = NULL;
	loop_stop(f.loop);
}

Test(transcode_video, may_be_destroyed_by_what_it_calls)
{
	begin("320:180", 30, 5, plain);
	transcode_video_destroy(f.video);
	cr_assert(eq(int, transcode_video_create(&f.video, f.pool, destroy_at_first, NULL), 0));
	transcode_video_rungs(f.video, rungs, 2);
	spare_wait(f.loop, f.pool);
	for (size_t i = 0; i < 5; i++)
		push(&f.source, i);
	timer_start(&f.guard, WAIT_US);
	loop_run(f.loop);
	timer_stop(&f.guard);
	cr_assert(not(f.timed_out));
	cr_assert(f.video == NULL);
}
