#include "media/publish.h"
#include "server/room_view.h"

#include "commerce/engine.h"
#include "server/control.h"
#include "server/core/alloc.h"
#include "server/core/loop.h"
#include "tests/server/app_fixture.h"
#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct app_fixture f;
static struct room_view *view;
static uint64_t seq;

static void setup(void)
{
	app_fixture_start(&f, "1");
	view = room_view_find(f.worker, "demo");
	cr_assert(ne(ptr, view, NULL));
	seq = view->snapshot->seq;
}

static void teardown(void)
{
	app_fixture_stop(&f);
}

TestSuite(room_view, .init = setup, .fini = teardown);

/* A message `{"n":…}` with some weight. */
static void say(uint64_t number, size_t weight)
{
	char *text = xasprintf("{\"n\":%llu,\"x\":\"%*s\"}", (unsigned long long)number,
			       (int)weight, "");
	struct buf *message = buf_copy(text, strlen(text));
	room_view_message(view, number, message);
	buf_unref(message);
	free(text);
}

static size_t saw(const struct fake_carrier *carrier, uint64_t number)
{
	char text[32];
	snprintf(text, sizeof(text), "{\"n\":%llu,", (unsigned long long)number);
	return fake_carrier_saw(carrier, text);
}

/* As soon as that happens in any case. */
static void flush(void)
{
	app_fixture_advance(&f, FEED_FLUSH_US);
	app_fixture_advance(&f, FEED_FLUSH_BUSY_US - FEED_FLUSH_US);
}

Test(room_view, messages_leave_together_as_one_array)
{
	struct fake_carrier carrier;
	fake_carrier_open(&carrier, view, NULL);
	fake_carrier_forget(&carrier);
	say(seq + 1, 1);
	say(0, 1);
	say(seq + 2, 1);
	app_fixture_turn(&f);
	cr_expect(eq(sz, carrier.count, 0), "not before 50 ms are over");
	flush();
	cr_assert(eq(sz, carrier.count, 1));
	cr_expect(eq(sz, saw(&carrier, 0), 1));
	cr_expect(carrier.texts[0][0] == '[');
	fake_carrier_close(&carrier);
}

Test(room_view, messages_that_keep_coming_leave_ten_times_a_second)
{
	struct fake_carrier carrier;
	fake_carrier_open(&carrier, view, NULL);
	fake_carrier_forget(&carrier);
	for (int i = 0; i < 100; i++) { /* of 20 ms */
		say(0, 1);
		app_fixture_advance(&f, 20000);
	}
	cr_expect(ge(sz, carrier.count, 17));
	cr_expect(le(sz, carrier.count, 21));
	cr_expect(eq(sz, saw(&carrier, 0), 100));
	app_fixture_advance(&f, 1000000);
	fake_carrier_forget(&carrier);
	say(0, 1);
	flush();
	cr_expect(eq(sz, carrier.count, 1), "alone again, it leaves soon");
	fake_carrier_close(&carrier);
}

Test(room_view, a_flush_is_cut_between_messages_below_16_kib)
{
	struct fake_carrier carrier;
	fake_carrier_open(&carrier, view, NULL);
	fake_carrier_forget(&carrier);
	for (uint64_t i = 1; i <= 40; i++)
		say(seq + i, 1000);
	flush();
	cr_expect(gt(sz, carrier.count, 2));
	for (size_t i = 0; i < carrier.count; i++)
		cr_expect(lt(sz, strlen(carrier.texts[i]), 16384));
	for (uint64_t i = 1; i <= 40; i++)
		cr_expect(eq(sz, saw(&carrier, seq + i), 1));
	fake_carrier_close(&carrier);
}

Test(room_view, who_joins_before_a_flush_gets_each_event_once)
{
	struct fake_carrier early, late;
	fake_carrier_open(&early, view, NULL);
	say(seq + 1, 1);
	fake_carrier_open(&late, view, NULL); /* its state is older than the event */
	cr_expect(eq(sz, saw(&late, seq + 1), 1), "by the replay");
	say(seq + 2, 1);
	say(0, 1);
	flush();
	for (uint64_t i = 1; i <= 2; i++) {
		cr_expect(eq(sz, saw(&early, seq + i), 1));
		cr_expect(eq(sz, saw(&late, seq + i), 1));
	}
	cr_expect(eq(sz, saw(&late, 0), 1), "what is no event is not left out");
	fake_carrier_close(&early);
	fake_carrier_close(&late);
}

Test(room_view, events_that_the_state_contains_do_not_come_again)
{
	struct fake_carrier carrier;
	say(seq, 1); /* on its way while the snapshot was already here */
	fake_carrier_open(&carrier, view, NULL);
	flush();
	cr_expect(eq(sz, saw(&carrier, seq), 0));
	fake_carrier_close(&carrier);
}

Test(room_view, replay_gives_what_is_kept_and_else_a_state)
{
	struct fake_carrier carrier;
	for (uint64_t i = 1; i <= FEED_RECENT; i++)
		say(seq + i, 1);
	flush();
	fake_carrier_open(&carrier, view, NULL);
	fake_carrier_forget(&carrier);
	char join[80];
	snprintf(join, sizeof(join), "{\"v\":1,\"type\":\"join\",\"data\":{\"after\":%llu}}",
		 (unsigned long long)(seq + FEED_RECENT - 3));
	fake_carrier_receive(&carrier, join);
	cr_expect(eq(sz, fake_carrier_saw(&carrier, "{\"n\""), 3));
	fake_carrier_forget(&carrier);
	fake_carrier_receive(&carrier, "{\"v\":1,\"type\":\"join\",\"data\":{\"after\":0}}");
	cr_expect(eq(sz, fake_carrier_saw(&carrier, "\"type\":\"state\""), 1));
	fake_carrier_forget(&carrier);
	fake_carrier_receive(
		&carrier, "{\"v\":1,\"type\":\"join\",\"data\":{\"after\":9000000000000000000}}");
	say(seq + FEED_RECENT + 1, 1);
	flush();
	cr_expect(eq(sz, saw(&carrier, seq + FEED_RECENT + 1), 1),
		  "a client that claims the future still hears the present");
	fake_carrier_close(&carrier);
}

Test(room_view, pending_messages_have_a_cap_and_readers_a_state_for_it)
{
	struct fake_carrier carrier;
	fake_carrier_open(&carrier, view, NULL);
	for (int i = 0; i < FEED_PENDING_MAX + 10; i++)
		say(0, 0);
	cr_expect(eq(sz, view->feed.pending_count, FEED_PENDING_MAX));
	cr_expect(carrier.live.behind);
	fake_carrier_close(&carrier);
}

Test(room_view, a_room_that_is_gone_ends_its_sessions_and_waits_for_them)
{
	struct fake_carrier carrier;
	fake_carrier_open(&carrier, view, NULL);
	say(seq + 1, 1);
	room_view_update(f.worker, "demo", NULL, NULL);
	cr_expect(eq(int, carrier.code, LIVE_NO_ROOM));
	cr_expect(eq(ptr, room_view_find(f.worker, "demo"), NULL));
	app_fixture_advance(&f, 2000000); /* timers of a view that is gone do no harm */
	fake_carrier_close(&carrier);
}

Test(room_view, only_media_sessions_are_viewers_and_are_told_when_they_change)
{
	room_view_join(view, false);
	room_view_join(view, true);
	cr_expect(eq(u32, view->viewers, 1));
	cr_expect(eq(u32, atomic_load(&f.worker->viewers), 1));
	app_fixture_advance(&f, 1000000);
	app_fixture_settle(&f);
	app_fixture_advance(&f, 500000);
	app_fixture_settle(&f);
	app_fixture_advance(&f, 50000);
	app_fixture_request(&f, "GET", "/api/rooms/demo", NULL, NULL);
	cr_expect(body_has(&f, "\"viewers\":1"), "%s", f.body);
	room_view_leave(view, true);
	room_view_leave(view, false);
	cr_expect(eq(u32, view->viewers, 0));
}

/* A host whose picture browsers do not decode, as OBS sends it. */
static void publish_unfit(struct publisher **publisher, uint8_t profile)
{
	const struct publisher_params params = { 0 };
	struct media_config *config = test_video_config();
	config->reorders = true;
	config->profile = profile;
	cr_assert(eq(int, broadcast_publish_begin(view->broadcast, &params, publisher), 0));
	cr_assert(eq(int, broadcast_push(*publisher, test_video_frame(config, true, 0, 100)), 0));
	media_config_unref(config);
}

Test(room_view, rungs_that_may_come_are_waited_for_two_seconds)
{
	struct publisher *publisher;
	struct ladder *ladder = &f.app.config.ladder;
	publish_unfit(&publisher, 77);
	cr_assert(eq(int, ladder_parse(ladder, "none"), 0));
	cr_expect(not(room_view_by_rtc(view)));
	cr_assert(eq(int, ladder_parse(ladder, "360p:600"), 0));
	cr_expect(room_view_by_rtc(view));
	room_view_count(view);
	cr_expect(room_view_by_rtc(view));
	room_view_count(view);
	cr_expect(not(room_view_by_rtc(view)));
	broadcast_publish_end(publisher);
}

Test(room_view, rungs_that_cannot_come_are_not_waited_for)
{
	struct publisher *publisher;
	publish_unfit(&publisher, 110);
	cr_assert(eq(int, ladder_parse(&f.app.config.ladder, "360p:600"), 0));
	cr_expect(not(room_view_by_rtc(view)));
	broadcast_publish_end(publisher);
}

static bool is_warned_of(enum room_state state)
{
	engine_room_state(control_engine(f.app.control), "demo", state, 1);
	app_fixture_settle(&f);
	room_view_count(view);
	app_fixture_settle(&f);
	app_fixture_advance(&f, 50000);
	app_fixture_request(&f, "GET", "/api/rooms/demo/state", NULL, NULL);
	const bool warned = body_has(&f, "\"warnings\":[\"unsupported_source\"]");
	app_fixture_request(&f, "GET", "/api/rooms/demo", NULL, NULL);
	cr_expect(eq(int, body_has(&f, "\"warnings\":[\"unsupported_source\"]"), warned));
	return warned;
}

Test(room_view, its_home_warns_of_a_picture_that_webrtc_cannot_show)
{
	struct publisher *publisher;
	cr_expect(not(is_warned_of(ROOM_LIVE)));
	publish_unfit(&publisher, 122);
	cr_expect(is_warned_of(ROOM_LIVE));
	cr_expect(not(is_warned_of(ROOM_LOST)));
	broadcast_publish_end(publisher);
}
