#include "media/transcode.h"

#include "media/transcode_child.h"
#include "media/transcode_pool.h"
#include "server/core/clock.h"
#include "server/core/log.h"
#include "server/core/loop.h"
#include "tests/media/transcoder/sound.h"
#include "tests/media/transcoder/spare.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUT_MAX = 2048, EPOCH = 7 };

static const int64_t START_US = 90000000;
static const int64_t CAPTURE_US = 1795226035000000;

struct fixture {
	struct clock clock;
	struct log log;
	struct loop *loop;
	struct transcode_pool *pool;
	struct transcode *transcode;
	struct sound source;
	struct sound result;
	struct media_config *config;
	size_t next; /* packet to push */
	size_t end;
	uint32_t epoch;
	int64_t shift_us; /* added to the stamps from now on */
	int64_t in_end_us;
	struct timer feeder;
	struct timer guard;
	bool timed_out;
	struct {
		int64_t media_us, duration_us, capture_us;
		uint32_t epoch;
	} out[OUT_MAX];
	size_t out_count;
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
	cr_assert(f.out_count < OUT_MAX);
	f.out[f.out_count].media_us = frame->media_us;
	f.out[f.out_count].duration_us = frame->duration_us;
	f.out[f.out_count].capture_us = frame->capture_us;
	f.out[f.out_count++].epoch = frame->epoch;
	sound_add(&f.result, frame->data);
}

static int64_t stamp(size_t packet)
{
	const int64_t samples = f.source.codec == CODEC_AAC ? 1024 : 960;
	return START_US + ((int64_t)packet * samples * 1000000 + f.source.rate / 2) / f.source.rate;
}

static struct frame *make_frame(size_t packet, struct buf *data)
{
	struct frame *frame = frame_create(media_config_ref(f.config), data);
	frame->media_us = stamp(packet) + f.shift_us;
	frame->dts_us = frame->media_us;
	frame->duration_us = stamp(packet + 1) - stamp(packet);
	frame->capture_us = CAPTURE_US + frame->media_us;
	frame->epoch = f.epoch;
	return frame;
}

static void push(size_t packet)
{
	struct frame *frame = make_frame(packet, buf_ref(f.source.packets[packet]));
	transcode_push(f.transcode, frame);
	f.in_end_us = frame->media_us + frame->duration_us;
	frame_unref(frame);
}

static int64_t out_end_us(void)
{
	if (f.out_count == 0)
		return 0;
	return f.out[f.out_count - 1].media_us + f.out[f.out_count - 1].duration_us;
}

/* As fast as the child takes them. */
static void on_feed(void *arg)
{
	(void)arg;
	struct transcode_stats stats;
	transcode_stats(f.transcode, &stats);
	if (f.next < f.end && stats.in_flight < 16 && transcode_pid(f.transcode))
		push(f.next++);
	/* The last of the sound stays in the encoder until more comes. */
	if (f.next == f.end && f.in_end_us - out_end_us() < 80000)
		loop_stop(f.loop);
	else
		timer_start(&f.feeder, 500);
}

/* Pushes packets up to `end` and runs until their sound has come out. */
static void feed_to(size_t end)
{
	f.end = end;
	timer_start(&f.guard, 20 * 1000000);
	timer_start(&f.feeder, 0);
	loop_run(f.loop);
	timer_stop(&f.guard);
	timer_stop(&f.feeder);
	cr_assert(not(f.timed_out), "in to %ld out to %ld", (long)f.in_end_us, (long)out_end_us());
}

static void begin_with(const char *program, const char *name)
{
	static const uint8_t asc[] = { 0x12, 0x10 }; /* LC, 44.1 kHz, stereo */
	const char *data = getenv("SOUK_TEST_DATA");
	cr_assert(data != NULL, "run by ctest");
	f = (struct fixture){ .epoch = EPOCH };
	clock_init(&f.clock);
	cr_assert(eq(int, loop_create(&f.loop, &f.clock), 0));
	const struct transcode_program transcoder = { .path = program };
	cr_assert(eq(int, transcode_pool_create(&f.pool, f.loop, &transcoder, &f.log), 0));
	sound_read(&f.source, name);
	const bool aac = f.source.codec == CODEC_AAC;
	f.result.codec = aac ? CODEC_OPUS : CODEC_AAC;
	f.result.rate = 48000;
	f.config = media_config_create(f.source.codec, aac ? buf_copy(asc, sizeof(asc)) : NULL);
	f.config->sample_rate = f.source.rate;
	f.config->channels = 2;
	timer_init(&f.feeder, f.loop, on_feed, NULL);
	timer_init(&f.guard, f.loop, on_guard, NULL);
	cr_assert(
		eq(int,
		   transcode_create(&f.transcode, f.pool, f.config, f.result.codec, on_frame, NULL),
		   0));
}

static void begin(const char *name)
{
	begin_with(SOUK_TRANSCODER, name);
}

static void finish(void)
{
	transcode_destroy(f.transcode);
	transcode_pool_destroy(f.pool);
	media_config_unref(f.config);
	sound_finish(&f.source);
	sound_finish(&f.result);
	loop_destroy(f.loop);
}

TestSuite(transcode, .fini = finish, .timeout = 60);

static const char aac[] = "tone-at-1s-44100.aac";
static const char opus[] = "tone-at-1s.opus";

/* Each frame starts where the one before ended. */
static void assert_no_hole(size_t from, size_t to)
{
	for (size_t i = from + 1; i < to; i++)
		cr_assert(eq(i64, f.out[i].media_us,
			     f.out[i - 1].media_us + f.out[i - 1].duration_us));
}

/* The tone starts at the same media time as in the source, and is still the same tone. */
static void assert_same_sound(void)
{
	struct heard before, after;
	sound_hear(&f.source, &before);
	sound_hear(&f.result, &after);
	const double shift = (double)(f.out[0].media_us - START_US) / 1e6;
	const double onset = heard_onset(&after) + shift;
	cr_expect(epsilon_eq(dbl, onset, heard_onset(&before), 0.002));
	cr_expect(epsilon_eq(dbl, heard_frequency(&after, 1.5, 2.5), 1000, 2));
	const double loudness =
		(double)heard_peak(&after, 1.5, 2.5) / heard_peak(&before, 1.5, 2.5);
	cr_expect(epsilon_eq(dbl, loudness, 1, 0.1));
	cr_expect(lt(int, heard_peak(&after, 0, 0.9), 200));
	heard_finish(&before);
	heard_finish(&after);
}

Test(transcode, aac_at_44100_becomes_opus_at_the_same_times)
{
	begin(aac);
	feed_to(f.source.count);
	cr_assert(ge(i64, f.out[0].media_us, START_US));
	cr_assert(lt(i64, f.out[0].media_us, START_US + 20000));
	for (size_t i = 0; i < f.out_count; i++) {
		cr_assert(eq(i64, f.out[i].media_us, f.out[0].media_us + (int64_t)i * 20000));
		cr_assert(eq(i64, f.out[i].capture_us, CAPTURE_US + f.out[i].media_us));
		cr_assert(eq(u32, f.out[i].epoch, EPOCH));
	}
	assert_same_sound();
}

Test(transcode, opus_becomes_aac_on_the_grid_of_1024_samples)
{
	begin(opus);
	feed_to(f.source.count);
	cr_assert(eq(i64, f.out[0].media_us, START_US));
	for (size_t i = 0; i < f.out_count; i++) {
		const int64_t exact_us = START_US + ((int64_t)i * 1024 * 1000000 + 24000) / 48000;
		cr_assert(eq(i64, f.out[i].media_us, exact_us));
	}
	assert_same_sound();
}

Test(transcode, aac_out_is_announced_before_the_first_frame)
{
	begin(opus);
	const struct media_config *config = transcode_config(f.transcode);
	cr_assert(eq(int, config->codec, CODEC_AAC));
	cr_assert(eq(u32, config->sample_rate, 48000));
	cr_assert(eq(sz, config->header->len, 2));
	cr_assert(memcmp(config->header->data, "\x11\x90", 2) == 0);
}

Test(transcode, missing_frames_become_silence_of_that_length)
{
	begin(opus);
	feed_to(75);
	f.next = 100; /* half a second of the tone is lost */
	feed_to(f.source.count);
	assert_no_hole(0, f.out_count);
	struct transcode_stats stats;
	transcode_stats(f.transcode, &stats);
	cr_assert(eq(u64, stats.silence_us, 500000));
	struct heard heard;
	sound_hear(&f.result, &heard);
	cr_expect(lt(int, heard_peak(&heard, 1.55, 1.95), 50));
	cr_expect(gt(int, heard_peak(&heard, 2.1, 2.5), 5000));
	heard_finish(&heard);
}

Test(transcode, a_long_gap_is_not_filled)
{
	begin(aac);
	feed_to(60);
	f.shift_us = 5000000;
	feed_to(f.source.count);
	size_t before = 0;
	while (f.out[before].media_us < stamp(60))
		before++;
	cr_assert(ge(i64, f.out[before].media_us, stamp(60) + 5000000));
	cr_assert(lt(i64, f.out[before].media_us, stamp(60) + 5020000));
	assert_no_hole(before, f.out_count);
	struct transcode_stats stats;
	transcode_stats(f.transcode, &stats);
	cr_assert(eq(u64, stats.silence_us, 0));
}

Test(transcode, a_new_epoch_starts_afresh_after_its_true_gap)
{
	begin(aac);
	feed_to(60);
	f.shift_us = 700000;
	f.epoch = EPOCH + 1;
	feed_to(f.source.count);
	size_t first = 0;
	while (f.out[first].epoch == EPOCH)
		first++;
	cr_assert(ge(i64, f.out[first].media_us, stamp(60) + 700000));
	cr_assert(lt(i64, f.out[first].media_us, stamp(60) + 720000));
	cr_assert(eq(u32, f.out[f.out_count - 1].epoch, EPOCH + 1));
}

Test(transcode, another_config_on_the_way_keeps_the_time_going_forward)
{
	begin(opus);
	feed_to(60);
	media_config_unref(f.config);
	f.config = media_config_create(CODEC_OPUS, NULL);
	feed_to(f.source.count);
	for (size_t i = 1; i < f.out_count; i++) {
		const int64_t hole_us = f.out[i].media_us - f.out[i - 1].media_us - 21333;
		cr_assert(hole_us >= 0 && hole_us < 50000);
	}
}

/* What a loss of the child in the middle of the tone has to look like afterwards. */
static void assert_replaced(void)
{
	assert_no_hole(0, f.out_count);
	struct transcode_stats stats;
	transcode_stats(f.transcode, &stats);
	cr_assert(eq(uint, stats.restarts, 1));
	struct heard heard;
	sound_hear(&f.result, &heard);
	cr_expect(epsilon_eq(dbl, heard_frequency(&heard, 2.4, 2.8), 1000, 3));
	heard_finish(&heard);
}

Test(transcode, a_child_that_is_killed_is_replaced_and_the_times_go_on)
{
	begin(aac);
	spare_wait(f.loop, f.pool);
	feed_to(80);
	const pid_t pid = transcode_pid(f.transcode);
	cr_assert(eq(int, kill(pid, SIGKILL), 0));
	while (transcode_pid(f.transcode) == pid)
		loop_poll(f.loop);
	cr_assert(ne(int, transcode_pid(f.transcode), 0), "at once, by the spare");
	feed_to(f.source.count);
	assert_replaced();
}

Test(transcode, a_child_that_hangs_is_replaced)
{
	begin(opus);
	spare_wait(f.loop, f.pool);
	feed_to(80);
	const pid_t pid = transcode_pid(f.transcode);
	cr_assert(eq(int, kill(pid, SIGSTOP), 0));
	feed_to(f.source.count);
	cr_assert(ne(int, transcode_pid(f.transcode), pid));
	assert_replaced();
}

Test(transcode, a_child_that_talks_nonsense_is_replaced_and_nothing_of_it_comes_out)
{
	begin_with(SOUK_NONSENSE_TRANSCODER, aac);
	struct transcode_pool_stats stats;
	do {
		push(f.next++);
		timer_start(&f.guard, 20000);
		loop_run(f.loop);
		transcode_pool_stats(f.pool, &stats);
	} while (stats.lost < 1 && f.next < 100);
	cr_assert(ge(u64, stats.lost, 1));
	cr_assert(eq(sz, f.out_count, 0));
}

Test(transcode, a_program_that_is_not_there_only_costs_the_sound)
{
	begin_with("/nonexistent/souk-transcoder", aac);
	for (size_t i = 0; i < 3; i++)
		push(i);
	loop_poll(f.loop);
	struct transcode_stats stats;
	transcode_stats(f.transcode, &stats);
	cr_assert(eq(u64, stats.dropped, 3));
	cr_assert(eq(int, transcode_pid(f.transcode), 0));
}

Test(transcode, frames_over_the_cap_are_dropped_and_counted)
{
	begin(aac);
	for (size_t i = 0; i < 100; i++)
		push(i);
	struct transcode_stats stats;
	transcode_stats(f.transcode, &stats);
	cr_assert(eq(u64, stats.frames_in, 100));
	cr_assert(eq(u64, stats.dropped, 36));
}

Test(transcode, frames_of_garbage_are_counted_and_good_ones_heard_again)
{
	begin(aac);
	feed_to(60);
	for (size_t i = 0; i < 10; i++) {
		struct buf *garbage = buf_create(300);
		for (size_t at = 0; at < garbage->len; at++)
			garbage->data[at] = (uint8_t)(at * 151 + i * 77);
		struct frame *frame = make_frame(f.next++, garbage);
		transcode_push(f.transcode, frame);
		frame_unref(frame);
	}
	feed_to(f.source.count);
	assert_no_hole(0, f.out_count);
	struct transcode_stats stats;
	transcode_stats(f.transcode, &stats);
	cr_assert(gt(u64, stats.decode_errors, 0));
	cr_assert(eq(uint, stats.restarts, 0));
	struct heard heard;
	sound_hear(&f.result, &heard);
	cr_expect(epsilon_eq(dbl, heard_frequency(&heard, 2, 2.7), 1000, 3));
	heard_finish(&heard);
}

/* Of each thread: the lanes of pictures have one each, idle here. */
Test(transcode, the_child_has_given_its_privileges_away)
{
	begin(aac);
	feed_to(10);
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task/*/status", transcode_pid(f.transcode));
	glob_t found;
	cr_assert(eq(int, glob(path, 0, NULL, &found), 0));
	cr_assert(eq(sz, found.gl_pathc, 5));
	for (size_t i = 0; i < found.gl_pathc; i++) {
		FILE *status = fopen(found.gl_pathv[i], "r");
		cr_assert(status != NULL);
		char text[4096];
		text[fread(text, 1, sizeof(text) - 1, status)] = '\0';
		fclose(status);
		cr_assert(strstr(text, "Seccomp:\t2\n") != NULL);
		cr_assert(strstr(text, "NoNewPrivs:\t1\n") != NULL);
	}
	globfree(&found);
}

static void destroy_at_first(struct frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	transcode_destroy(f.transcode);
	f.transcode = NULL;
	loop_stop(f.loop);
}

Test(transcode, may_be_destroyed_by_what_it_calls)
{
	begin(aac);
	transcode_destroy(f.transcode);
	cr_assert(eq(int,
		     transcode_create(&f.transcode, f.pool, f.config, CODEC_OPUS, destroy_at_first,
				      NULL),
		     0));
	spare_wait(f.loop, f.pool);
	for (size_t i = 0; i < 20; i++)
		push(i);
	timer_start(&f.guard, 20 * 1000000);
	loop_run(f.loop);
	timer_stop(&f.guard);
	cr_assert(not(f.timed_out));
	cr_assert(f.transcode == NULL);
}

Test(transcode, only_sound_of_the_other_kind_is_made)
{
	begin(aac);
	struct transcode *other;
	struct media_config *bare = media_config_create(CODEC_AAC, NULL);
	cr_assert(
		lt(int, transcode_create(&other, f.pool, f.config, CODEC_AAC, on_frame, NULL), 0));
	cr_assert(
		lt(int, transcode_create(&other, f.pool, f.config, CODEC_H264, on_frame, NULL), 0));
	cr_assert(lt(int, transcode_create(&other, f.pool, bare, CODEC_OPUS, on_frame, NULL), 0));
	media_config_unref(bare);
}
