#include "server/notes.h"

#include "server/core/buf.h"
#include "tests/server/app_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static struct app_fixture f;
static struct room_view *views[2];

static void setup(void)
{
	app_fixture_start(&f, "2");
	for (unsigned i = 0; i < 2; i++) {
		views[i] = room_view_find(f.app.workers[i], "demo");
		cr_assert(ne(ptr, views[i], NULL), "every worker knows the room");
	}
}

static void teardown(void)
{
	app_fixture_stop(&f);
}

TestSuite(notes, .init = setup, .fini = teardown);

static void say(enum live_name_kind kind, const char *name)
{
	struct buf *message = buf_copy("{\"x\":1}", 7);
	notes_private(&f.app, "demo", kind, name, message);
	buf_unref(message);
	app_fixture_turn(&f);
}

Test(notes, a_private_message_finds_its_sessions_on_every_worker)
{
	struct fake_carrier here, there, eve;
	fake_carrier_open(&here, views[0], "bob");
	fake_carrier_open(&there, views[1], "bob");
	fake_carrier_open(&eve, views[1], "eve");
	say(LIVE_SUBJECT, "bob");
	cr_expect(eq(sz, fake_carrier_saw(&here, "{\"x\":1}"), 1));
	cr_expect(eq(sz, fake_carrier_saw(&there, "{\"x\":1}"), 1));
	cr_expect(eq(sz, fake_carrier_saw(&eve, "{\"x\":1}"), 0));
	say(LIVE_SESSION, eve.live.id);
	cr_expect(eq(sz, fake_carrier_saw(&eve, "{\"x\":1}"), 1));
	cr_expect(eq(sz, fake_carrier_saw(&here, "{\"x\":1}"), 1));
	fake_carrier_close(&here);
	fake_carrier_close(&there);
	fake_carrier_close(&eve);
	say(LIVE_SUBJECT, "bob");
}

Test(notes, a_media_session_is_reached_by_the_name_its_socket_gave)
{
	struct fake_carrier bob;
	fake_carrier_open(&bob, views[1], "bob");
	fake_carrier_receive(&bob, "{\"v\":1,\"type\":\"join\",\"data\":{\"sid\":\"abcdefgh\"}}");
	say(LIVE_SID, "abcdefgh");
	cr_expect(eq(sz, fake_carrier_saw(&bob, "{\"x\":1}"), 1));
	fake_carrier_receive(&bob, "{\"v\":1,\"type\":\"join\",\"data\":{\"sid\":\"ijklmnop\"}}");
	say(LIVE_SID, "abcdefgh");
	cr_expect(eq(sz, fake_carrier_saw(&bob, "{\"x\":1}"), 1), "the former name is forgotten");
	say(LIVE_SID, "ijklmnop");
	cr_expect(eq(sz, fake_carrier_saw(&bob, "{\"x\":1}"), 2));
	fake_carrier_close(&bob);
}

Test(notes, a_session_may_end_while_its_subject_is_told)
{
	struct fake_carrier bob;
	fake_carrier_open(&bob, views[0], "bob");
	live_end(&bob.live, LIVE_DRAIN, "");
	fake_carrier_forget(&bob);
	say(LIVE_SUBJECT, "bob");
	cr_expect(eq(sz, bob.count, 0));
	fake_carrier_close(&bob);
}

Test(notes, for_a_room_that_is_gone_they_are_dropped)
{
	struct buf *message = buf_copy("{}", 2);
	notes_message(&f.app, "none", 1, message);
	notes_private(&f.app, "none", LIVE_SUBJECT, "bob", message);
	notes_clock_wanted(&f.app, "none", "abcdefgh");
	notes_room(&f.app, "none", NULL, NULL);
	app_fixture_turn(&f);
	cr_expect(eq(u32, atomic_load(&message->refs), 1));
	buf_unref(message);
}

Test(notes, deleting_a_room_ends_its_sessions_on_every_worker)
{
	struct fake_carrier here, there;
	char fields[1200] = "Authorization: Bearer ";
	fake_carrier_open(&here, views[0], "bob");
	fake_carrier_open(&there, views[1], "bob");
	strcat(fields, app_fixture_token(&f, "*", JWT_ADMIN, "root"));
	strcat(fields, "\r\n");
	cr_expect(eq(int, app_fixture_request(&f, "DELETE", "/api/rooms/demo", fields, NULL), 204));
	app_fixture_settle(&f);
	cr_expect(eq(int, here.code, LIVE_NO_ROOM));
	cr_expect(eq(int, there.code, LIVE_NO_ROOM));
	fake_carrier_close(&here);
	fake_carrier_close(&there);
}
