#include "media/publish.h"
#include "server/rungs.h"

#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/transcode_child.h"
#include "media/transcode_pool.h"
#include "server/core/bytes.h"
#include "server/core/log.h"
#include "server/core/map.h"
#include "server/core/metrics.h"
#include "server/room_cost.h"
#include "tests/support/fake_clock.h"
#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

enum { FRAME = 33333, BROWSERS = 99 };

/* A transcoder that cannot be started: what is offered and asked for is all that counts here. */
struct fixture {
	struct fake_clock fake;
	struct log log;
	struct loop *loop;
	struct broadcast *broadcast;
	struct fanout *fanout;
	struct publisher *publisher;
	struct transcode_pool *pool;
	struct ladder ladder;
	struct media_config *source;
	struct rungs rungs;
	int64_t at_us;
};

static struct fixture f;

static struct media_config *config_of(uint16_t width, uint16_t height)
{
	struct media_config *config = test_video_config();
	config->width = width;
	config->height = height;
	return config;
}

static void setup(void)
{
	const struct publisher_params publisher = { 0 };
	const struct transcode_program program = { .path = "/nonexistent/souk-transcoder" };
	f = (struct fixture){ .at_us = 1000000 };
	fake_clock_init(&f.fake);
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	cr_assert(eq(int, broadcast_create(&f.broadcast, &f.fake.clock, NULL, NULL), 0));
	cr_assert(eq(int, fanout_create(&f.fanout, f.loop), 0));
	cr_assert(eq(int, broadcast_publish_begin(f.broadcast, &publisher, &f.publisher), 0));
	cr_assert(eq(int, transcode_pool_create(&f.pool, f.loop, &program, &f.log), 0));
	cr_assert(eq(int, ladder_parse(&f.ladder, "720p:2000,540p:1200,360p:600"), 0));
	const struct rungs_params params = { .loop = f.loop,
					     .broadcast = f.broadcast,
					     .fanout = f.fanout,
					     .pool = f.pool,
					     .ladder = &f.ladder };
	rungs_init(&f.rungs, &params);
	f.source = config_of(1280, 720);
}

static void teardown(void)
{
	rungs_finish(&f.rungs);
	broadcast_publish_end(f.publisher);
	loop_poll(f.loop);
	transcode_pool_destroy(f.pool);
	fanout_destroy(f.fanout);
	broadcast_unref(f.broadcast);
	loop_destroy(f.loop);
	media_config_unref(f.source);
}

TestSuite(rungs, .init = setup, .fini = teardown);

static void push(struct media_config *config, unsigned slot, bool key)
{
	struct frame *frame = test_video_frame(config, key, f.at_us, 100);
	frame->rendition = (uint8_t)slot;
	f.at_us += FRAME;
	cr_assert(eq(int, broadcast_push(f.publisher, frame), 0));
	loop_poll(f.loop);
}

static void update(bool keep_warm)
{
	rungs_update(&f.rungs, BROWSERS, keep_warm);
	loop_poll(f.loop);
}

/* "640x360 960x540 ": what is made, from the smallest to the largest. */
static const char *offered(void)
{
	static char text[128];
	struct rendition_table table;
	size_t len = 0;
	text[0] = '\0';
	broadcast_renditions(f.broadcast, &table);
	for (unsigned i = 0; i < table.count; i++) {
		if (table.at[i].made)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%ux%u ",
						table.at[i].width, table.at[i].height);
	}
	return text;
}

static void expect_offered(const char *expected)
{
	cr_expect_str_eq(offered(), expected);
}

static void read_slot(unsigned slot)
{
	broadcast_reader_add(f.broadcast, (enum track)slot);
	update(false);
}

static void leave_slot(unsigned slot)
{
	broadcast_reader_remove(f.broadcast, (enum track)slot);
	update(false);
}

Test(rungs, are_offered_as_soon_as_the_source_is_known)
{
	update(false);
	expect_offered("");
	push(f.source, 0, true);
	update(false);
	expect_offered("640x360 960x540 ");
	cr_assert(eq(uint, f.rungs.running, 0));
	cr_assert(not(f.rungs.attached), "and cost nothing");
}

Test(rungs, of_the_source_s_own_size_are_for_what_browsers_cannot_show)
{
	f.source->reorders = true;
	push(f.source, 0, true);
	update(false);
	expect_offered("640x360 960x540 1280x720 ");
}

Test(rungs, of_the_source_s_own_size_go_when_the_room_allows_its_profile)
{
	f.source->profile = 100;
	push(f.source, 0, true);
	update(false);
	expect_offered("640x360 960x540 1280x720 ");
	rungs_update(&f.rungs, 100, false);
	expect_offered("640x360 960x540 ");
}

Test(rungs, are_not_made_of_what_is_not_decoded)
{
	f.source->profile = 122;
	push(f.source, 0, true);
	update(false);
	expect_offered("");
}

Test(rungs, are_not_made_of_a_source_with_layers)
{
	struct media_config *half = config_of(640, 360);
	push(f.source, 0, true);
	update(false);
	push(half, 1, true);
	update(false);
	expect_offered("");
	media_config_unref(half);
}

Test(rungs, run_while_they_are_read_and_a_little_longer)
{
	push(f.source, 0, true);
	update(false);
	read_slot(1);
	cr_assert(eq(uint, f.rungs.running, 1u << 1));
	cr_assert(f.rungs.attached);
	read_slot(2);
	cr_assert(eq(uint, f.rungs.running, 1u << 1 | 1u << 2));
	leave_slot(1);
	cr_assert(eq(uint, f.rungs.running, 1u << 1 | 1u << 2));
	fake_clock_advance(&f.fake, f.loop, RUNGS_LINGER_US + 1000);
	cr_assert(eq(uint, f.rungs.running, 1u << 2));
	leave_slot(2);
	fake_clock_advance(&f.fake, f.loop, RUNGS_LINGER_US + 1000);
	cr_assert(eq(uint, f.rungs.running, 0));
	cr_assert(not(f.rungs.attached));
}

Test(rungs, that_are_read_again_in_time_never_stopped)
{
	push(f.source, 0, true);
	update(false);
	read_slot(1);
	leave_slot(1);
	fake_clock_advance(&f.fake, f.loop, RUNGS_LINGER_US / 2);
	read_slot(1);
	fake_clock_advance(&f.fake, f.loop, RUNGS_LINGER_US);
	cr_assert(eq(uint, f.rungs.running, 1u << 1));
}

Test(rungs, the_lowest_is_kept_warm)
{
	push(f.source, 0, true);
	update(true);
	cr_assert(eq(uint, f.rungs.running, 1u << 2), "360p, behind 540p");
}

/* In the picture's own time, not when somebody comes to look. */
Test(rungs, change_with_the_source_s_size)
{
	struct media_config *turned = config_of(720, 1280);
	push(f.source, 0, true);
	update(false);
	read_slot(1);
	push(turned, 0, true);
	expect_offered("360x640 540x960 ");
	cr_assert(eq(uint, f.rungs.running, 1u << 1));
	media_config_unref(turned);
}

Test(rungs, go_when_the_source_becomes_too_small_for_them)
{
	struct media_config *small = config_of(320, 180);
	push(f.source, 0, true);
	update(false);
	read_slot(1);
	push(small, 0, true);
	expect_offered("");
	cr_assert(eq(uint, f.rungs.running, 0));
	media_config_unref(small);
	update(false);
}

Test(rungs, count_what_they_cost_under_the_room_s_name)
{
	struct metrics *metrics;
	struct map costs;
	map_init(&costs);
	cr_assert(eq(int, metrics_create(&metrics), 0));
	struct room_cost *cost = room_cost_find(&costs, metrics, 1, "demo");
	f.rungs.params.cost = cost;
	push(f.source, 0, true);
	update(true);
	rungs_second(&f.rungs);
	struct bytes text;
	bytes_init(&text, 65536);
	metrics_render(metrics, &text);
	cr_expect(strstr(bytes_string(&text), "souk_rungs{worker=\"1\",room=\"demo\"} 1\n") !=
		  NULL);
	bytes_finish(&text);
	cr_assert(eq(ptr, room_cost_find(&costs, metrics, 1, "demo"), cost));
	f.rungs.params.cost = NULL;
	room_costs_finish(&costs);
	metrics_destroy(metrics);
}

Test(room_cost, rooms_over_the_cap_share_one)
{
	struct metrics *metrics;
	struct map costs;
	map_init(&costs);
	cr_assert(eq(int, metrics_create(&metrics), 0));
	char name[16];
	for (int i = 0; i < ROOM_COSTS_MAX; i++) {
		snprintf(name, sizeof(name), "room%d", i);
		cr_assert(room_cost_find(&costs, metrics, 0, name) != NULL);
	}
	struct room_cost *other = room_cost_find(&costs, metrics, 0, "late");
	cr_assert(eq(ptr, room_cost_find(&costs, metrics, 0, "later"), other));
	cr_assert(ne(ptr, room_cost_find(&costs, metrics, 0, "room7"), other));
	room_costs_finish(&costs);
	metrics_destroy(metrics);
}
