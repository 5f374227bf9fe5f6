#include "media/output/cmaf_cutter.h"

#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

enum { KEPT_MAX = 256, FRAME_US = 40000 };

struct fixture {
	struct cmaf_cutter *cutter;
	struct media_config *video, *audio;
	struct cmaf_expected expected;
	struct cmaf_part parts[KEPT_MAX];
	size_t part_count, maps, segments, pictures;
	bool has_video, has_audio; /* in the newest map */
	size_t at_map[KEPT_MAX]; /* parts before it */
	uint64_t audio_begin[KEPT_MAX];
};

static struct fixture f;

static struct cmaf_expected expected(void *arg)
{
	(void)arg;
	if (f.expected.aac)
		media_config_ref(f.expected.aac);
	return f.expected;
}

static void on_map(void *arg, const struct cmaf_tracks *tracks, struct buf *header)
{
	(void)arg;
	(void)header;
	f.has_video = tracks->video;
	f.has_audio = tracks->audio;
	f.at_map[f.maps++] = f.part_count;
}

static void on_part(void *arg, const struct cmaf_part *part)
{
	(void)arg;
	cr_assert(f.part_count < KEPT_MAX);
	f.pictures += part->content->video.count;
	f.parts[f.part_count] = *part;
	f.parts[f.part_count++].data = buf_ref(part->data);
}

static void on_segment(void *arg)
{
	(void)arg;
	f.segments++;
}

static const struct cmaf_cutter_ops ops = { expected, on_map, on_part, on_segment };

static void setup(void)
{
	f = (struct fixture){ .expected = { .video = true } };
	f.video = test_video_config();
	f.audio = test_audio_config();
	cr_assert(eq(int, cmaf_cutter_create(&f.cutter, &ops, NULL), 0));
}

static void teardown(void)
{
	cmaf_cutter_destroy(f.cutter);
	for (size_t i = 0; i < f.part_count; i++)
		buf_unref(f.parts[i].data);
	media_config_unref(f.video);
	media_config_unref(f.audio);
}

TestSuite(cmaf_cutter, .init = setup, .fini = teardown);

static void push(struct frame *frame, uint32_t epoch)
{
	frame->epoch = epoch;
	cmaf_cutter_push(f.cutter, frame, frame->dts_us);
	frame_unref(frame);
}

static void picture(int64_t at_us, bool key, uint32_t epoch)
{
	push(test_video_frame(f.video, key, at_us, 100), epoch);
}

/* Pictures of 25 a second for that long, a keyframe every `group`. Returns where they end. */
static int64_t pictures(int64_t from_us, int64_t for_us, int64_t group_us, uint32_t epoch)
{
	int64_t at_us = from_us;
	for (; at_us < from_us + for_us; at_us += FRAME_US)
		picture(at_us, (at_us - from_us) % group_us == 0, epoch);
	return at_us;
}

static void sound(int64_t at_us, uint32_t epoch)
{
	push(test_audio_frame(f.audio, at_us), epoch);
}

Test(cmaf_cutter, in_a_hurry_the_first_three_segments_are_a_part_each)
{
	f.expected.audio = true;
	cmaf_cutter_hurry(f.cutter);
	int64_t end_us = pictures(0, 1000000, 4000000, 1);
	sound(980000, 1); /* what was held, in parts of 320 ms */
	cr_assert(eq(sz, f.part_count, 3));
	cr_assert(eq(sz, f.segments, 3));
	for (; end_us < 2000000; end_us += FRAME_US) {
		picture(end_us, false, 1);
		sound(end_us, 1);
	}
	cr_assert(eq(sz, f.segments, 3));
	cr_assert(f.parts[3].starts_segment);
	cr_assert(not(f.parts[3].independent));
	cr_assert(not(f.parts[4].starts_segment));
	picture(end_us, true, 1);
	sound(end_us, 1);
	cr_assert(eq(sz, f.segments, 4));
}

Test(cmaf_cutter, a_part_waits_for_its_sound_but_not_for_ever)
{
	f.expected.audio = true;
	sound(0, 1);
	pictures(0, 400000, 4000000, 1);
	cr_assert(eq(sz, f.part_count, 0));
	sound(330000, 1);
	cr_assert(eq(sz, f.part_count, 1));
	pictures(400000, 600000, 4000000, 1);
	cr_assert(eq(sz, f.part_count, 2)); /* up to 640 ms: the newest picture is 300 ms on */
}

Test(cmaf_cutter, parts_are_85_percent_of_the_target_or_begin_with_a_keyframe_or_end_a_segment)
{
	pictures(0, 6000000, 2000000, 1);
	cr_assert(eq(sz, f.segments, 2));
	for (size_t i = 0; i < f.part_count; i++) {
		const bool last = i + 1 < f.part_count && f.parts[i + 1].starts_segment;
		cr_assert(le(i64, f.parts[i].duration_us, CMAF_PART_US));
		cr_assert(ge(i64, f.parts[i].duration_us, last ? 1 : CMAF_PART_US * 85 / 100));
		cr_assert(eq(int, f.parts[i].independent, f.parts[i].starts_segment));
	}
	cr_assert(eq(i64, f.parts[7].media_us, 2000000));
	cr_assert(f.parts[7].starts_segment);
}

Test(cmaf_cutter, short_groups_share_a_segment)
{
	pictures(0, 6100000, 480000, 1);
	cr_assert(eq(sz, f.segments, 3)); /* at 1.92, 3.84 and 5.76 s */
}

Test(cmaf_cutter, a_long_group_is_cut_and_the_next_keyframe_begins_a_segment)
{
	const int64_t end_us = pictures(0, 8000000, 8000000, 1);
	pictures(end_us, 400000, 400000, 1);
	cr_assert(eq(sz, f.segments, 3));
	size_t starts = 0, independent = 0;
	for (size_t i = 0; i < f.part_count; i++) {
		starts += f.parts[i].starts_segment;
		independent += f.parts[i].starts_segment && f.parts[i].independent;
	}
	cr_assert(eq(sz, starts, 4));
	cr_assert(eq(sz, independent, 2));
}

Test(cmaf_cutter, announced_sound_is_waited_for)
{
	f.expected.audio = true;
	pictures(0, 1000000, 1000000, 1);
	cr_assert(eq(sz, f.maps, 0));
	sound(500000, 1);
	cr_assert(eq(sz, f.maps, 1));
	cr_assert(f.has_video);
	cr_assert(f.has_audio);
	cr_assert(eq(sz, f.part_count, 2)); /* what had been held comes at once */
}

Test(cmaf_cutter, sound_that_does_not_come_is_done_without_and_joins_at_a_keyframe)
{
	f.expected.audio = true;
	const int64_t end_us = pictures(0, 2000000, 2000000, 1);
	cr_assert(eq(sz, f.maps, 1));
	cr_assert(not(f.has_audio));
	sound(end_us, 1);
	cr_assert(eq(sz, f.maps, 1));
	picture(end_us, true, 1);
	sound(end_us + 21333, 1);
	cr_assert(eq(sz, f.maps, 2));
	cr_assert(f.has_audio);
	cr_assert(eq(sz, f.segments, 1));
}

Test(cmaf_cutter, a_new_epoch_begins_anew_and_stragglers_are_left_out)
{
	const int64_t end_us = pictures(0, 1000000, 1000000, 1);
	pictures(end_us + 5000000, 1000000, 1000000, 2);
	picture(end_us, false, 1);
	cr_assert(eq(sz, f.maps, 2));
	cr_assert(eq(sz, f.segments, 1));
	cr_assert(f.parts[f.at_map[1]].starts_segment);
	cr_assert(eq(u32, f.parts[f.at_map[1]].epoch, 2));
	int64_t first_us = 0;
	for (size_t i = 0; i < f.at_map[1]; i++)
		first_us += f.parts[i].duration_us;
	cr_assert(eq(i64, first_us, 1000000));
}

Test(cmaf_cutter, another_configuration_begins_anew_and_the_same_in_other_memory_does_not)
{
	const int64_t end_us = pictures(0, 1000000, 1000000, 1);
	media_config_unref(f.video);
	f.video = test_video_config();
	const int64_t more_us = pictures(end_us, 1000000, 1000000, 1);
	cr_assert(eq(sz, f.maps, 1));
	struct buf *header = buf_copy(f.video->header->data, f.video->header->len);
	header->data[3]++; /* level */
	media_config_unref(f.video);
	f.video = media_config_create(CODEC_H264, header);
	pictures(more_us, 1000000, 1000000, 1);
	cr_assert(eq(sz, f.maps, 2));
}

Test(cmaf_cutter, a_break_waits_for_a_keyframe)
{
	const int64_t end_us = pictures(0, 1000000, 4000000, 1);
	cmaf_cutter_break(f.cutter);
	picture(end_us, false, 1);
	cr_assert(eq(sz, f.maps, 1));
	pictures(end_us + FRAME_US, 1000000, 1000000, 1);
	cr_assert(eq(sz, f.maps, 2));
	cr_assert(eq(i64, f.parts[f.at_map[1]].media_us, end_us + FRAME_US));
}

Test(cmaf_cutter, a_hole_is_a_discontinuity_that_waits_for_a_keyframe)
{
	const int64_t end_us = pictures(0, 1000000, 1000000, 1);
	picture(end_us + 4000000, false, 1);
	cr_assert(eq(sz, f.maps, 1));
	pictures(end_us + 4040000, 1000000, 1000000, 1);
	cr_assert(eq(sz, f.maps, 2));
	cr_assert(eq(i64, f.parts[f.at_map[1]].media_us, end_us + 4040000));
}

/* Pictures each `step_us` for 20 s, the first a keyframe, with their sound or without. */
static void slow_pictures(int64_t step_us, bool with_sound)
{
	f.expected.audio = with_sound;
	int64_t next_us = 0;
	for (int64_t at_us = 0; at_us < 20000000; at_us += 20000) {
		if (at_us >= next_us) {
			picture(next_us, !next_us, 1);
			next_us += step_us;
		}
		if (with_sound)
			sound(at_us, 1);
	}
	cmaf_cutter_flush(f.cutter);
	cr_assert(eq(sz, f.maps, 1));
	int64_t segment_us = 0;
	for (size_t i = 0; i < f.part_count; i++) {
		segment_us = f.parts[i].starts_segment ? 0 : segment_us;
		segment_us += f.parts[i].duration_us;
		cr_assert(le(i64, segment_us, CMAF_SEGMENT_LONGEST_US));
	}
}

Test(cmaf_cutter, slow_pictures_are_no_holes)
{
	slow_pictures(1250000, true);
}

Test(cmaf_cutter, very_slow_pictures_are_no_holes_beside_sound)
{
	slow_pictures(2500000, true);
	const struct cmaf_part *last = &f.parts[f.part_count - 1];
	cr_assert(epsilon_eq(dbl, (double)(last->media_us + last->duration_us), 20000000, 30000));
}

Test(cmaf_cutter, slow_pictures_alone_are_no_holes)
{
	slow_pictures(2500000, false);
}

Test(cmaf_cutter, a_pause_of_both_tracks_is_a_hole)
{
	f.expected.audio = true;
	for (int64_t at_us = 0; at_us < 1000000; at_us += 20000) {
		if (at_us % FRAME_US == 0)
			picture(at_us, !at_us, 1);
		sound(at_us, 1);
	}
	picture(3000000, true, 1);
	sound(3000000, 1);
	cr_assert(eq(sz, f.maps, 2));
}

static uint64_t sound_begin(const struct buf *data)
{
	const uint8_t *at = memmem(data->data, data->len, "tfhd\0\2\0\x28\0\0\0\2", 12);
	uint64_t begin = 0;
	for (int i = 0; at && i < 8; i++)
		begin = begin << 8 | at[12 + 8 + 12 + i];
	return begin;
}

Test(cmaf_cutter, sound_alone_is_cut_by_its_own_time_in_exact_steps)
{
	f.expected = (struct cmaf_expected){ .audio = true };
	/* Stamps in whole milliseconds, as RTMP has them. */
	for (int64_t n = 0; n < 300; n++)
		sound(n * 1024 * 1000 / 48000 * 1000, 1);
	cr_assert(gt(sz, f.part_count, 15));
	cr_assert(ge(sz, f.segments, 3));
	for (size_t i = 1; i < f.part_count; i++) {
		const uint64_t step =
			sound_begin(f.parts[i].data) - sound_begin(f.parts[i - 1].data);
		cr_assert(eq(u64, step % 1024, 0));
		cr_assert(eq(u64, step, 15 * 1024));
	}
}

static uint32_t sound_count(const struct buf *data)
{
	const uint8_t *at = memmem(data->data, data->len, "tfhd\0\2\0\x28\0\0\0\2", 12);
	const size_t trun = 12 + 8 + 20 + 12; /* behind tfhd's values and tfdt */
	return at ? (uint32_t)at[trun + 2] << 8 | at[trun + 3] : 0;
}

/* From part to part without a hole; returns how many frames there are. */
static uint32_t check_sound(void)
{
	uint64_t next = 0;
	uint32_t count = 0;
	for (size_t i = 0; i < f.part_count; i++) {
		const uint64_t begin = sound_begin(f.parts[i].data);
		if (!begin)
			continue;
		if (next)
			cr_assert(eq(u64, begin, next));
		count += sound_count(f.parts[i].data);
		next = begin + (uint64_t)sound_count(f.parts[i].data) * 1024;
	}
	return count;
}

Test(cmaf_cutter, a_hole_in_the_sound_is_silence_and_repeated_sound_is_left_out)
{
	f.expected = (struct cmaf_expected){ .audio = true };
	int64_t at_us = 0;
	for (; at_us < 1000000; at_us += 21333)
		sound(at_us, 1);
	sound(at_us - 100000, 1); /* again */
	for (at_us += 500000; at_us < 2600000; at_us += 21333)
		sound(at_us, 1);
	cmaf_cutter_flush(f.cutter);
	cr_assert(epsilon_eq(dbl, check_sound(), 2600000 / 21333, 1.0));
}

Test(cmaf_cutter, sound_that_comes_late_or_ends_is_silence_there)
{
	f.expected.audio = true;
	int64_t at_us = pictures(0, 1000000, 2000000, 1);
	for (; at_us < 2000000; at_us += FRAME_US) {
		picture(at_us, false, 1);
		for (int64_t sound_us = at_us; sound_us < at_us + 40000; sound_us += 20000)
			sound(sound_us, 1);
	}
	pictures(at_us, 4000000, 2000000, 1);
	cmaf_cutter_flush(f.cutter);
	const uint32_t count = check_sound();
	/* From the first picture on, to a second before the last one. */
	cr_assert(epsilon_eq(dbl, count, 5000000 / 21333, 12.0));
	cr_assert(le(u64, sound_begin(f.parts[0].data) - 48000 * 10, 1024));
}

Test(cmaf_cutter, sound_that_was_promised_is_silence_until_it_comes)
{
	f.expected.audio = true;
	f.expected.aac = f.audio;
	int64_t at_us = pictures(0, 4000000, 1000000, 1);
	cr_assert(eq(sz, f.maps, 1));
	cr_assert(f.has_audio);
	for (; at_us < 6000000; at_us += FRAME_US) {
		picture(at_us, at_us % 1000000 == 0, 1);
		sound(at_us, 1);
		sound(at_us + 20000, 1);
	}
	cmaf_cutter_flush(f.cutter);
	cr_assert(eq(sz, f.maps, 1));
	cr_assert(epsilon_eq(dbl, check_sound(), 6000000 / 21333, 3.0));
}

Test(cmaf_cutter, events_ride_with_the_next_part)
{
	const struct cmaf_event event = { .type = "stock", .text = "{}", .len = 2 };
	struct buf *box = cmaf_event(&event);
	pictures(0, 400000, 2000000, 1);
	cmaf_cutter_event(f.cutter, box);
	pictures(400000, 600000, 2000000, 1);
	cr_assert(eq(ptr, memmem(f.parts[0].data->data, f.parts[0].data->len, "emsg", 4), NULL));
	cr_assert(memmem(f.parts[1].data->data, f.parts[1].data->len, "emsg", 4) != NULL);
	cr_assert(eq(ptr, memmem(f.parts[2].data->data, f.parts[2].data->len, "emsg", 4), NULL));
	buf_unref(box);
}

Test(cmaf_cutter, sound_alone_is_cut_where_the_pictures_are)
{
	f.expected.audio = true;
	cmaf_cutter_sound_alone(f.cutter);
	sound(0, 1);
	for (int64_t at_us = 0; at_us < 4100000; at_us += FRAME_US) {
		picture(at_us, at_us % 2000000 == 0, 1);
		sound(at_us + FRAME_US / 2, 1);
	}
	cr_assert(f.has_audio);
	cr_assert(not(f.has_video));
	cr_assert(eq(sz, f.segments, 2));
	for (size_t i = 0; i < f.part_count; i++) {
		cr_assert(f.parts[i].independent);
		cr_assert(eq(int, f.parts[i].starts_segment, f.parts[i].media_us % 2000000 == 0));
	}
	cr_assert(eq(sz, f.pictures, 0));
}

Test(cmaf_cutter, sound_alone_has_the_discontinuities_of_the_pictures)
{
	f.expected.audio = true;
	cmaf_cutter_sound_alone(f.cutter);
	sound(0, 1);
	for (int64_t at_us = 0; at_us < 6000000; at_us += FRAME_US) {
		if (at_us >= 2000000 && at_us < 4000000)
			continue;
		picture(at_us, at_us % 2000000 == 0, 1);
		sound(at_us + FRAME_US / 2, 1);
	}
	cr_assert(eq(sz, f.maps, 2));
}
