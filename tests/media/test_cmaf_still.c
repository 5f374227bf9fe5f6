#include "media/output/cmaf_cutter.h"

#include "media/codec/h264.h"
#include "media/output/cmaf_still.h"
#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

enum {
	KEPT_MAX = 512,
	FRAME_US = 40000,
	SOUND_US = 20000,
	GROUP_US = 2000000,
	PICTURE_LEN = 100,
	LAG_US = 1520000
};

struct shown {
	int64_t dts_us, capture_us;
	bool key;
	size_t len;
};

static struct {
	struct cmaf_cutter *cutter;
	struct media_config *video, *audio;
	struct cmaf_part parts[KEPT_MAX];
	size_t part_count, maps, sounds, shown_count;
	struct shown shown[4096];
} f;

static struct cmaf_expected expected(void *arg)
{
	(void)arg;
	return (struct cmaf_expected){ .video = true, .audio = true };
}

static void on_map(void *arg, const struct cmaf_tracks *tracks, struct buf *header)
{
	(void)arg;
	(void)tracks;
	(void)header;
	f.maps++;
}

static void on_part(void *arg, const struct cmaf_part *part)
{
	(void)arg;
	cr_assert(f.part_count < KEPT_MAX);
	cr_expect(part->content->video.count > 0 && part->content->audio.count > 0);
	for (size_t i = 0; i < part->content->video.count; i++) {
		const struct frame *frame = part->content->video.frames[i];
		f.shown[f.shown_count++] = (struct shown){ frame->dts_us, frame->capture_us,
							   frame->key, frame->data->len };
	}
	f.sounds += part->content->audio.count;
	f.parts[f.part_count++] = *part;
}

static void on_segment(void *arg)
{
	(void)arg;
}

static const struct cmaf_cutter_ops ops = { expected, on_map, on_part, on_segment };

static void setup(void)
{
	/* From x264: baseline, 320x180 */
	static const uint8_t sps[] = { 0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x9f,
				       0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00,
				       0x03, 0x03, 0x28, 0xf1, 0x42, 0xa4, 0x80 };
	static const uint8_t pps[] = { 0x68, 0xcb, 0x8c, 0xb2 };
	f.video = h264_config_create(&(struct h264_nal){ sps, sizeof(sps) }, 1,
				     &(struct h264_nal){ pps, sizeof(pps) }, 1);
	f.audio = test_audio_config();
	cr_assert(cmaf_cutter_create(&f.cutter, &ops, NULL) == 0);
}

static void teardown(void)
{
	cmaf_cutter_destroy(f.cutter);
	media_config_unref(f.video);
	media_config_unref(f.audio);
}

TestSuite(cmaf_still, .init = setup, .fini = teardown);

static void push(struct frame *frame)
{
	frame->epoch = 1;
	frame->capture_us = frame->media_us;
	cmaf_cutter_push(f.cutter, frame, frame->dts_us);
	frame_unref(frame);
}

/* As long as no repetition is. */
static void picture(int64_t at_us, bool key)
{
	struct frame *frame = test_video_frame(f.video, key, at_us, PICTURE_LEN);
	memcpy(frame->data->data + 5, key ? "\x88\x84" : "\x9b\x20",
	       2); /* what slices begin with */
	push(frame);
}

/* A host with or without its picture, keyframes each two seconds. */
static void host(int64_t from_us, int64_t until_us, bool with_pictures)
{
	for (int64_t at_us = from_us; at_us < until_us; at_us += SOUND_US) {
		if (with_pictures && at_us % FRAME_US == 0)
			picture(at_us, at_us % GROUP_US == 0);
		push(test_audio_frame(f.audio, at_us));
	}
}

/* Each part is as long as was promised and follows the one before, and so are segments. Returns
 * where they end. */
static int64_t check_parts(void)
{
	int64_t segment_us = 0, end_us = f.parts[0].media_us;
	for (size_t i = 0; i < f.part_count; i++) {
		const struct cmaf_part *part = &f.parts[i];
		cr_assert(part->media_us == end_us);
		cr_assert(part->duration_us <= CMAF_PART_US);
		end_us = part->media_us + part->duration_us;
		segment_us = part->duration_us + (part->starts_segment ? 0 : segment_us);
		cr_assert(segment_us <= CMAF_SEGMENT_LONGEST_US);
	}
	return end_us;
}

static void check(int64_t until_us)
{
	const int64_t end_us = check_parts();
	cr_assert(f.maps == 1);
	for (size_t i = 1; i < f.shown_count; i++)
		cr_assert(f.shown[i].dts_us > f.shown[i - 1].dts_us);
	cr_assert(epsilon_eq(dbl, (double)end_us, (double)until_us, 1100000));
	/* Frames of 21.3 ms came each 20 ms: what there was is left out. */
	const double sound_us = (double)f.sounds * 1024 / 48000 * 1e6;
	cr_assert(epsilon_eq(dbl, sound_us, (double)(end_us - f.parts[0].media_us), 50000));
}

static size_t count_keys(int64_t from_us, int64_t until_us)
{
	size_t count = 0;
	for (size_t i = 0; i < f.shown_count; i++)
		count += f.shown[i].key && f.shown[i].dts_us >= from_us &&
			 f.shown[i].dts_us < until_us;
	return count;
}

static size_t count_whole(int64_t from_us, int64_t until_us)
{
	size_t count = 0;
	for (size_t i = 0; i < f.shown_count; i++)
		count += f.shown[i].len == 4 + PICTURE_LEN && f.shown[i].dts_us >= from_us &&
			 f.shown[i].dts_us < until_us;
	return count;
}

Test(cmaf_still, the_last_picture_once_more_is_in_each_part_and_what_follows_is_shown)
{
	host(0, 4600000, true);
	host(4600000, 9000000, false);
	host(9000000, 14000000, true);
	check(14000000);
	cr_assert(eq(sz, count_whole(0, 4600000), 115));
	cr_assert(eq(sz, count_whole(4600000, 9000000), 0));
	cr_assert(eq(sz, count_whole(9000000, 13000000), 100));
	cr_assert(eq(sz, count_keys(4600000, 9000000), 0));
}

Test(cmaf_still, of_a_long_standstill_segments_begin_with_the_last_keyframe)
{
	host(0, 4600000, true);
	host(4600000, 60000000, false);
	cr_assert(gt(i64, f.parts[f.part_count - 1].media_us, 59000000 - CMAF_PART_US));
	host(60040000, 65000000, true);
	check(65000000);
	cr_assert(ge(sz, count_keys(15000000, 60000000), 20));
	/* The next one is at 62 s: what refers to others than those is left out. */
	cr_assert(eq(sz, count_whole(60000000, 62000000), count_keys(60000000, 62000000)));
	cr_assert(eq(sz, count_whole(62000000, 64000000), 50));
}

Test(cmaf_still, meanwhile_a_keyframe_is_wanted)
{
	host(0, 4600000, true);
	host(4600000, 12000000, false);
	cr_assert(not(cmaf_cutter_wants_key(f.cutter)));
	host(12000000, 18000000, false);
	cr_assert(cmaf_cutter_wants_key(f.cutter));
	host(18000000, 18100000, true);
	cr_assert(not(cmaf_cutter_wants_key(f.cutter)));
}

Test(cmaf_still, without_repetitions_the_last_keyframe_is_in_each_part)
{
	f.video->reorders = true;
	host(0, 4600000, true);
	host(4600000, 20000000, false);
	host(20040000, 24000000, true);
	check(24000000);
	cr_assert(ge(sz, count_keys(4600000, 20000000), 44));
	cr_assert(eq(sz, count_whole(20040000, 22000000), count_keys(20040000, 22000000)));
}

Test(cmaf_still, slow_pictures_are_all_shown_in_parts_of_the_usual_length)
{
	int64_t next_us = 0;
	for (int64_t at_us = 0; at_us < 20000000; at_us += SOUND_US) {
		if (at_us >= next_us) {
			picture(next_us, !next_us);
			next_us += 1250000;
		}
		push(test_audio_frame(f.audio, at_us));
	}
	check(20000000);
	cr_assert(eq(sz, count_whole(0, 20000000), 16));
}

Test(cmaf_still, pictures_that_are_late_are_shown_at_once)
{
	host(0, 2000000, true);
	host(2000000, 8000000, false);
	for (int64_t at_us = 7000000; at_us < 8000000; at_us += FRAME_US)
		picture(at_us, false);
	host(8000000, 12000000, true);
	check(12000000);
	cr_assert(eq(sz, count_whole(6000000, 8000000), 25));
}

Test(cmaf_still, pictures_that_all_follow_their_sound_by_more_than_a_second_are_shown_in_time)
{
	for (int64_t at_us = 0; at_us < 20000000; at_us += FRAME_US) {
		if (at_us >= LAG_US)
			picture(at_us - LAG_US, (at_us - LAG_US) % GROUP_US == 0);
		push(test_audio_frame(f.audio, at_us));
		push(test_audio_frame(f.audio, at_us + SOUND_US));
	}
	for (size_t i = 1; i < f.shown_count; i++)
		cr_assert(eq(i64, f.shown[i].dts_us - f.shown[i - 1].dts_us, FRAME_US));
	cr_assert(gt(sz, f.shown_count, 400));
}

Test(cmaf_still, dates_go_on)
{
	host(0, 4600000, true);
	host(4600000, 30000000, false);
	for (size_t i = 0; i < f.shown_count; i++)
		cr_assert(eq(i64, f.shown[i].capture_us, f.shown[i].dts_us));
}

Test(cmaf_still, who_comes_during_it_has_the_last_keyframe_where_the_sound_begins)
{
	for (int64_t at_us = 0; at_us < 1000000; at_us += FRAME_US)
		picture(at_us, !at_us);
	host(60000000, 65000000, false);
	check(65000000);
	cr_assert(eq(i64, f.shown[0].dts_us, 60000000));
	cr_assert(f.shown[0].key);
	cr_assert(cmaf_cutter_wants_key(f.cutter));
}

Test(cmaf_still, a_pause_of_the_sound_too_is_a_hole)
{
	host(0, 1000000, true);
	host(1000000, 10000000, false);
	host(14000000, 16000000, true);
	cr_assert(eq(sz, f.maps, 2));
}

Test(cmaf_still, a_long_pause_that_ends_with_sound_is_a_hole_too)
{
	host(0, 1000000, true);
	host(3600000000, 3601000000, false);
	cr_assert(lt(sz, f.part_count, 10));
	host(3602000000, 3604000000, true);
	cr_assert(eq(sz, f.maps, 2));
}
