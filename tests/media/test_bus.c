#include "media/bus.h"

#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

struct fixture {
	struct bus *bus;
	struct media_config *config;
	int64_t at_us;
	struct frame *out[BUS_FRAMES_MAX];
};

static struct fixture f;

static void setup(void)
{
	f = (struct fixture){ 0 };
	f.config = test_video_config();
	cr_assert(eq(int, bus_create(&f.bus, BUS_TAIL), 0));
}

static void teardown(void)
{
	bus_destroy(f.bus);
	media_config_unref(f.config);
}

TestSuite(bus, .init = setup, .fini = teardown);

static void push(bool key, size_t len)
{
	bus_push(f.bus, test_video_frame(f.config, key, f.at_us += 40000, len));
}

static void push_group(int count)
{
	for (int i = 0; i < count; i++)
		push(i == 0, 10);
}

static size_t drop(size_t count)
{
	for (size_t i = 0; i < count; i++)
		frame_unref(f.out[i]);
	return count;
}

Test(bus, a_reader_gets_every_frame_in_order)
{
	uint64_t cursor = bus_head(f.bus);
	bool skipped = true;
	push_group(5);
	cr_assert(eq(sz, bus_read(f.bus, &cursor, f.out, 3, &skipped), 3));
	cr_assert(eq(i64, f.out[0]->media_us, 40000));
	drop(3);
	cr_assert(eq(sz, bus_read(f.bus, &cursor, f.out, 3, &skipped), 2));
	cr_assert(eq(i64, f.out[1]->media_us, 200000));
	drop(2);
	cr_assert(not(skipped));
	cr_assert(eq(sz, bus_read(f.bus, &cursor, f.out, 3, &skipped), 0));
}

Test(bus, the_group_starts_at_the_newest_keyframe)
{
	push_group(30);
	push_group(7);
	cr_assert(bus_has_gop(f.bus, bus_head(f.bus)));
	cr_assert(eq(sz, bus_read_gop(f.bus, bus_head(f.bus), f.out, BUS_FRAMES_MAX), 7));
	cr_assert(f.out[0]->key);
	drop(7);
}

Test(bus, a_group_up_to_an_earlier_point_is_the_one_before)
{
	push_group(30);
	const uint64_t then = bus_head(f.bus);
	push_group(7);
	cr_assert(eq(sz, bus_read_gop(f.bus, then, f.out, BUS_FRAMES_MAX), 30));
	drop(30);
}

Test(bus, nothing_to_start_from_before_the_first_keyframe)
{
	cr_assert(not(bus_has_gop(f.bus, 0)));
	push(false, 10);
	cr_assert(not(bus_has_gop(f.bus, bus_head(f.bus))));
	cr_assert(eq(sz, bus_read_gop(f.bus, bus_head(f.bus), f.out, BUS_FRAMES_MAX), 0));
}

Test(bus, a_slow_reader_skips_to_a_keyframe)
{
	uint64_t cursor = bus_head(f.bus);
	bool skipped = false;
	for (int i = 0; i < 10; i++)
		push_group(50);
	const size_t count = bus_read(f.bus, &cursor, f.out, BUS_FRAMES_MAX, &skipped);
	cr_assert(skipped);
	cr_assert(f.out[0]->key);
	cr_assert(gt(sz, count, 49));
	cr_assert(lt(sz, count, 50 + BUS_TAIL + 1));
	cr_assert(eq(u64, cursor, bus_head(f.bus)));
	drop(count);
}

Test(bus, a_group_of_too_many_frames_is_given_up)
{
	push_group(BUS_FRAMES_MAX + 10);
	cr_assert(not(bus_has_gop(f.bus, bus_head(f.bus))));
	push_group(3);
	cr_assert(bus_has_gop(f.bus, bus_head(f.bus)));
}

Test(bus, a_group_of_too_many_bytes_is_given_up)
{
	const size_t len = 1024 * 1024;
	push(true, len);
	for (int i = 0; i < 6; i++)
		push(false, len);
	cr_assert(bus_has_gop(f.bus, bus_head(f.bus)));
	push(false, len);
	push(false, len);
	cr_assert(not(bus_has_gop(f.bus, bus_head(f.bus))));
}

Test(bus, a_reader_that_finds_no_keyframe_waits_at_the_end)
{
	uint64_t cursor = bus_head(f.bus);
	bool skipped = false;
	push_group(BUS_FRAMES_MAX + 100);
	cr_assert(eq(sz, bus_read(f.bus, &cursor, f.out, BUS_FRAMES_MAX, &skipped), 0));
	cr_assert(skipped);
	push(false, 10);
	cr_assert(eq(sz, bus_read(f.bus, &cursor, f.out, BUS_FRAMES_MAX, &skipped), 1));
	drop(1);
}

Test(bus, reads_since_a_time)
{
	push_group(20);
	cr_assert(eq(sz, bus_read_since(f.bus, bus_head(f.bus), 17 * 40000, f.out, 100), 4));
	cr_assert(eq(i64, f.out[0]->dts_us, 17 * 40000));
	drop(4);
	cr_assert(eq(sz, bus_read_since(f.bus, bus_head(f.bus), INT64_MIN, f.out, 1), 1));
	cr_assert(eq(i64, f.out[0]->dts_us, 20 * 40000));
	drop(1);
}

Test(bus, a_cleared_bus_has_no_start_and_goes_on)
{
	uint64_t cursor = bus_head(f.bus);
	push_group(5);
	bus_clear(f.bus);
	cr_assert(not(bus_has_gop(f.bus, bus_head(f.bus))));
	cr_assert(eq(sz, bus_read(f.bus, &cursor, f.out, 10, NULL), 0));
	push_group(2);
	cr_assert(eq(sz, bus_read(f.bus, &cursor, f.out, 10, NULL), 2));
	drop(2);
}
