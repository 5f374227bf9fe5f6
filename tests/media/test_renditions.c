#include "media/broadcast.h"
#include "media/bus.h"
#include "media/publish.h"
#include "media/sink_picture.h"
#include "tests/support/fake_clock.h"
#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>

enum { FRAME = 40000, SLOTS = 3 };

struct fixture {
	struct fake_clock fake;
	struct broadcast *broadcast;
	struct publisher *publisher;
	struct media_config *config[SLOTS];
	int64_t at_us;
	unsigned keys[RENDITIONS_MAX], readers[RENDITIONS_MAX];
};

static struct fixture f;

static struct media_config *config_of(uint16_t width, uint16_t height)
{
	struct media_config *config = test_video_config();
	config->width = width;
	config->height = height;
	return config;
}

static void on_rung_key(void *arg, unsigned slot)
{
	(void)arg;
	f.keys[slot]++;
}

static void on_readers(void *arg, enum track track)
{
	(void)arg;
	if (track_is_video(track))
		f.readers[track]++;
}

static void begin(void)
{
	const struct publisher_params params = { 0 };
	cr_assert(eq(int, broadcast_publish_begin(f.broadcast, &params, &f.publisher), 0));
}

static void setup(void)
{
	static const struct broadcast_ops ops = { .rung_key = on_rung_key, .readers = on_readers };
	f = (struct fixture){ .at_us = 1000000 };
	fake_clock_init(&f.fake);
	f.config[0] = config_of(640, 360);
	f.config[1] = config_of(1280, 720);
	f.config[2] = config_of(320, 180);
	cr_assert(eq(int, broadcast_create(&f.broadcast, &f.fake.clock, &ops, NULL), 0));
	begin();
}

static void teardown(void)
{
	broadcast_publish_end(f.publisher);
	broadcast_unref(f.broadcast);
	for (int i = 0; i < SLOTS; i++)
		media_config_unref(f.config[i]);
}

TestSuite(renditions, .init = setup, .fini = teardown);

static int push(unsigned slot, bool key, size_t len)
{
	struct frame *frame = test_video_frame(f.config[slot], key, f.at_us, len);
	frame->rendition = (uint8_t)slot;
	return broadcast_push(f.publisher, frame);
}

/* One picture in each of the slots of `bits`. */
static void pictures(unsigned bits, int count)
{
	for (int i = 0; i < count; i++, f.at_us += FRAME, f.fake.now_us += FRAME)
		for (unsigned slot = 0; slot < SLOTS; slot++)
			if (bits >> slot & 1)
				cr_assert(eq(int, push(slot, i == 0, 1000 * (slot + 1)), 0));
}

static struct rendition_table table(void)
{
	struct rendition_table out;
	broadcast_renditions(f.broadcast, &out);
	return out;
}

Test(renditions, are_told_from_the_smallest_to_the_largest_with_their_rates)
{
	char name[RENDITION_NAME_MAX];
	pictures(7, 40);
	const struct rendition_table now = table();
	cr_assert(eq(uint, now.count, 3));
	static const unsigned slots[] = { 2, 0, 1 }, sizes[] = { 3000, 1000, 2000 };
	static const char *const names[] = { "180p", "360p", "source" };
	for (unsigned i = 0; i < 3; i++) {
		cr_assert(eq(uint, now.at[i].slot, slots[i]));
		cr_assert(now.at[i].running);
		const unsigned bps = sizes[i] * 8 * 25;
		cr_assert(ge(u32, now.at[i].bps, bps));
		cr_assert(le(u32, now.at[i].bps, bps * 11 / 10));
		rendition_name(&now, i, name);
		cr_assert(eq(str, name, (char *)names[i]));
	}
	cr_assert(eq(uint, broadcast_best(f.broadcast), 1));
}

Test(renditions, one_that_stays_away_has_stopped_and_comes_back_at_its_keyframe)
{
	pictures(7, 10);
	const unsigned changed = broadcast_renditions_changed(f.broadcast);
	pictures(5, RENDITION_BEHIND_MAX * 3);
	cr_assert(ne(uint, broadcast_renditions_changed(f.broadcast), changed));
	cr_assert(eq(uint, table().count, 2));
	cr_assert(eq(uint, broadcast_best(f.broadcast), 0));
	pictures(7, 1);
	cr_assert(eq(uint, table().count, 3));
	cr_assert(eq(uint, broadcast_best(f.broadcast), 1));
}

Test(renditions, a_slot_begins_with_a_keyframe_and_keeps_to_the_clock_of_the_best)
{
	cr_assert(eq(int, push(1, true, 10), 0));
	cr_assert(eq(int, push(0, false, 10), -EAGAIN));
	cr_assert(eq(int, push(0, true, 10), 0));
	f.at_us += INT64_C(100000000); /* far away, while the best stays */
	cr_assert(eq(int, push(0, true, 10), -EAGAIN));
}

Test(renditions, a_rung_is_offered_before_it_runs_and_forgotten_when_withdrawn)
{
	const struct rendition_offer offer = { .width = 640, .height = 360, .bps = 600000 };
	pictures(2, 10);
	broadcast_offer(f.broadcast, 3, &offer);
	struct rendition_table now = table();
	cr_assert(eq(uint, now.count, 2));
	cr_assert(not(now.at[0].running));
	cr_assert(eq(u32, now.at[0].bps, 600000));

	broadcast_reader_add(f.broadcast, (enum track)3);
	cr_assert(eq(uint, f.readers[3], 1));
	broadcast_request_key(f.broadcast, 3);
	broadcast_request_key(f.broadcast, 3); /* too early */
	cr_assert(eq(uint, f.keys[3], 1));

	struct frame *frame = test_video_frame(f.config[0], true, f.at_us, 100);
	frame->rendition = 3;
	frame->epoch = broadcast_epoch(f.broadcast);
	cr_assert(eq(int, broadcast_push_made(f.broadcast, frame_ref(frame)), 0));
	cr_assert(table().at[0].running);
	/* A rung is never the best: the clock follows the source. */
	cr_assert(eq(uint, broadcast_best(f.broadcast), 1));

	broadcast_offer(f.broadcast, 3, NULL);
	cr_assert(eq(uint, table().count, 1));
	cr_assert(not(bus_has_gop(broadcast_bus(f.broadcast, (enum track)3), 1)));
	cr_assert(eq(int, broadcast_push_made(f.broadcast, frame), -ESTALE));
	broadcast_reader_remove(f.broadcast, (enum track)3);
}

/* Viewers that take everything are shown the source, not what was made of it for browsers. */
Test(renditions, a_rung_as_large_as_the_source_comes_before_it_whatever_its_rate)
{
	const struct rendition_info source = { .width = 1280, .height = 720, .bps = 1000000 };
	const struct rendition_info rung = {
		.slot = 1, .width = 1280, .height = 720, .bps = 2000000, .made = true
	};
	for (int turn = 0; turn < 2; turn++) {
		struct rendition_table table = { 0 };
		rendition_table_add(&table, turn ? &source : &rung);
		rendition_table_add(&table, turn ? &rung : &source);
		cr_assert(eq(int, table.at[1].slot, 0));
	}
}

Test(renditions, a_source_that_fills_the_slot_itself_ends_the_offer)
{
	const struct rendition_offer offer = { .width = 640, .height = 360, .bps = 600000 };
	broadcast_offer(f.broadcast, 2, &offer);
	pictures(7, 2);
	const struct rendition_table now = table();
	cr_assert(eq(uint, now.at[0].slot, 2));
	cr_assert(eq(uint, now.at[0].width, 320));
}

/* sink_picture: what a reader gets while it goes from slot 1 to slot 0. */
static struct sink_picture picture;
static struct frame *out[PICTURE_HELD_MAX + 1];

static size_t take(unsigned slot, bool key, int64_t at_us)
{
	struct frame *frame = test_video_frame(f.config[slot], key, at_us, 10);
	frame->rendition = (uint8_t)slot;
	return picture_take(&picture, frame, out);
}

static void expect(size_t at, unsigned slot, int64_t at_us)
{
	cr_assert(eq(uint, out[at]->rendition, slot));
	cr_assert(eq(i64, out[at]->dts_us, at_us));
	frame_unref(out[at]);
}

static void go(unsigned from, unsigned to, int64_t shown_us)
{
	pictures(7, 2);
	const struct rendition_table now = table();
	picture = (struct sink_picture){ .shown = (uint8_t)from, .shown_us = shown_us };
	picture_go(&picture, to, &now);
}

Test(renditions, a_change_waits_for_the_keyframe_and_skips_nothing)
{
	go(1, 0, 0);
	cr_assert(eq(sz, take(1, false, FRAME), 0)); /* held until the other has come as far */
	cr_assert(eq(sz, take(0, false, FRAME + 300), 1));
	expect(0, 1, FRAME);
	cr_assert(eq(sz, take(1, true, 2 * FRAME), 0));
	cr_assert(eq(sz, take(0, true, 2 * FRAME + 300), 1)); /* instead of the one that is held */
	expect(0, 0, 2 * FRAME + 300);
	cr_assert(eq(uint, picture.shown, 0));
	cr_assert(eq(uint, picture.held_count, 0));
}

Test(renditions, the_other_may_also_come_first)
{
	go(0, 1, 0);
	cr_assert(eq(sz, take(1, false, FRAME), 0));
	cr_assert(eq(sz, take(0, false, FRAME), 1));
	expect(0, 0, FRAME);
	cr_assert(eq(sz, take(1, true, 2 * FRAME), 1));
	expect(0, 1, 2 * FRAME);
	cr_assert(eq(sz, take(0, false, 2 * FRAME), 0)); /* left behind */
}

Test(renditions, a_keyframe_that_comes_too_late_is_passed_over)
{
	go(1, 0, 5 * FRAME);
	cr_assert(eq(sz, take(0, true, 4 * FRAME), 0));
	cr_assert(eq(uint, picture.shown, 1));
}

Test(renditions, what_does_not_come_is_not_waited_for)
{
	go(1, 0, 0);
	int i = 1;
	for (; i <= PICTURE_HELD_MAX; i++)
		cr_assert(eq(sz, take(1, false, i * FRAME), 0));
	cr_assert(eq(sz, take(1, false, i * FRAME), PICTURE_HELD_MAX + 1));
	for (int k = 0; k <= PICTURE_HELD_MAX; k++)
		expect((size_t)k, 1, (k + 1) * FRAME);
	i++;
	cr_assert(eq(sz, take(1, false, i * FRAME), 1));
	expect(0, 1, i * FRAME);
}

Test(renditions, a_change_that_is_called_off_gives_out_what_was_held)
{
	go(1, 0, 0);
	cr_assert(eq(sz, take(1, false, FRAME), 0));
	const struct rendition_table now = table();
	picture_go(&picture, 1, &now);
	cr_assert(eq(sz, take(1, false, 2 * FRAME), 2));
	expect(0, 1, FRAME);
	expect(1, 1, 2 * FRAME);
}

Test(renditions, a_way_down_asks_for_a_keyframe_at_once_a_way_up_has_time)
{
	struct frame *frame = test_video_frame(f.config[0], false, FRAME, 10);
	go(1, 0, 0);
	cr_assert(picture_asks(&picture, frame));
	cr_assert(not(picture_asks(&picture, frame)));
	go(0, 1, 0);
	cr_assert(not(picture_asks(&picture, frame)));
	frame->dts_us = PICTURE_PATIENCE_US;
	cr_assert(picture_asks(&picture, frame));
	frame_unref(frame);
}

Test(renditions, a_reader_gets_what_it_wants_what_it_can_decode_and_the_largest_else)
{
	struct rendition_table now = { .count = 3 };
	now.at[0] = (struct rendition_info){ .slot = 2, .running = false, .width = 320 };
	now.at[1] = (struct rendition_info){ .slot = 0, .running = true, .profile = 66 };
	now.at[2] = (struct rendition_info){ .slot = 1, .running = true, .profile = 100 };
	struct sink_picture reader = { 0 };
	cr_assert(eq(uint, picture_choose(&reader, &now).then, 1));
	reader.profile_max = 77;
	cr_assert(eq(uint, picture_choose(&reader, &now).then, 0));
	reader.wanted = 1 + 2; /* wanting a rung is what starts it */
	cr_assert(eq(uint, picture_choose(&reader, &now).then, 2));
	reader.wanted = 1 + 1;
	cr_assert(eq(uint, picture_choose(&reader, &now).then, 0));
	reader.begins_low = true;
	reader.profile_max = 0;
	cr_assert(eq(uint, picture_choose(&reader, &now).first, 0));
	cr_assert(eq(uint, picture_choose(&reader, &now).then, 1));
	/* Of a source with B-frames only what a transcoder would make can be had. */
	now.at[1].reorders = now.at[2].reorders = true;
	reader.profile_max = 77;
	reader.wanted = 0;
	cr_assert(eq(uint, picture_choose(&reader, &now).then, 2));
}

/* A keyframe every two seconds that is as long as all that follows it. */
Test(renditions, the_mean_rate_is_that_of_several_keyframes)
{
	for (int i = 0; i < 500; i++, f.at_us += FRAME, f.fake.now_us += FRAME)
		cr_assert(eq(int, push(0, i % 50 == 0, i % 50 == 0 ? 24500 : 500), 0));
	const struct rendition_table now = table();
	cr_assert(gt(u32, now.at[0].mean_bps, 196000 * 8 / 10));
	cr_assert(lt(u32, now.at[0].mean_bps, 196000 * 12 / 10));
	cr_assert(gt(u32, now.at[0].bps, now.at[0].mean_bps));
}
