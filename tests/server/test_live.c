#include "server/live.h"

#include "server/core/buf.h"
#include "server/core/loop.h"
#include "server/notes.h"
#include "tests/server/app_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct app_fixture f;
static struct room_view *view;
static struct fake_carrier bob;

static void setup(void)
{
	app_fixture_start(&f, "1");
	view = room_view_find(f.worker, "demo");
	fake_carrier_open(&bob, view, "bob");
}

static void teardown(void)
{
	fake_carrier_close(&bob);
	app_fixture_stop(&f);
}

TestSuite(live, .init = setup, .fini = teardown);

static void settle(void)
{
	app_fixture_settle(&f);
	app_fixture_advance(&f, FEED_FLUSH_BUSY_US);
}

Test(live, greeting_is_hello_then_state)
{
	cr_assert(ge(sz, bob.count, 2));
	cr_expect(ne(ptr, strstr(bob.texts[0], "\"type\":\"hello\""), NULL));
	cr_expect(ne(ptr, strstr(bob.texts[0], "\"role\":\"viewer\""), NULL));
	cr_expect(ne(ptr, strstr(bob.texts[1], "\"type\":\"state\""), NULL));
	cr_expect(eq(sz, fake_carrier_saw(&bob, "\"type\":\"clock\""), 0), "there is no media");
}

Test(live, who_falls_behind_gets_a_state_and_not_what_was_missed)
{
	bob.answer = -ENOBUFS;
	app_fixture_host(&f, "POST", "/api/rooms/demo/pin", "{\"sku\":\"A1\"}");
	settle();
	cr_expect(bob.live.behind);
	bob.answer = 0;
	fake_carrier_forget(&bob);
	app_fixture_advance(&f, 1000000);
	cr_expect(not(bob.live.behind));
	cr_expect(eq(sz, fake_carrier_saw(&bob, "\"type\":\"state\""), 1));
	cr_expect(eq(sz, fake_carrier_saw(&bob, "\"pinned\":\"A1\""), 1));
	cr_expect(eq(sz, fake_carrier_saw(&bob, "product.pin"), 0));
}

Test(live, who_stays_behind_for_ten_seconds_is_too_slow)
{
	bob.answer = -ENOBUFS;
	live_fall_behind(&bob.live);
	for (int i = 0; i < LIVE_BEHIND_S; i++)
		app_fixture_advance(&f, 1000000);
	cr_expect(eq(int, bob.code, 0));
	app_fixture_advance(&f, 1000000);
	cr_expect(eq(int, bob.code, LIVE_TOO_SLOW));
	cr_expect(eq(i64, metric_get(f.app.counters.live_too_slow), 1));
}

Test(live, an_expired_token_ends_the_session_after_the_leeway)
{
	app_fixture_advance(&f, 60 * 1000000LL);
	cr_expect(eq(int, bob.code, 0));
	app_fixture_advance(&f, 31 * 1000000LL);
	cr_expect(eq(int, bob.code, LIVE_BAD_TOKEN));
}

Test(live, drain_is_told)
{
	live_send_drain(&bob.live);
	cr_expect(eq(sz,
		     fake_carrier_saw(&bob, "{\"v\":1,\"type\":\"drain\",\"data\":{\"url\":null}}"),
		     1));
}

static const struct {
	const char *text;
	int code; /* that ends it; 0: it goes on */
	const char *answer; /* NULL: none at once */
} messages[] = {
	{ "{\"v\":1,\"type\":\"ping\",\"data\":{\"t\":7}}", 0, "\"t\":7" },
	{ "{\"v\":1,\"type\":\"ping\",\"data\":{}}", LIVE_BAD_MESSAGE, NULL },
	{ "{\"v\":1,\"type\":\"chat\",\"data\":{\"text\":\"hi\"}}", 0, NULL },
	{ "{\"v\":1,\"type\":\"chat\",\"data\":{\"text\":\"\"}}", LIVE_BAD_MESSAGE, NULL },
	{ "{\"v\":1,\"type\":\"chat\",\"data\":{\"text\":7}}", LIVE_BAD_MESSAGE, NULL },
	{ "{\"v\":1,\"type\":\"like\",\"data\":{\"n\":100}}", 0, NULL },
	{ "{\"v\":1,\"type\":\"like\",\"data\":{\"n\":101}}", LIVE_BAD_MESSAGE, NULL },
	{ "{\"v\":1,\"type\":\"track\",\"data\":{\"kind\":\"open\",\"sku\":\"A1\",\"at_us\":1}}", 0,
	  NULL },
	{ "{\"v\":1,\"type\":\"track\",\"data\":{\"sku\":\"A1\"}}", LIVE_BAD_MESSAGE, NULL },
	{ "{\"v\":1,\"type\":\"track\",\"data\":{\"kind\":\"open\"}}", LIVE_BAD_MESSAGE, NULL },
	{ "{\"v\":1,\"type\":\"join\",\"data\":{\"sid\":\"abcdefgh\"}}", 0, NULL },
	{ "{\"v\":1,\"type\":\"join\",\"data\":{\"sid\":\"short\"}}", LIVE_BAD_MESSAGE, NULL },
	{ "{\"v\":1,\"type\":\"join\",\"data\":{\"sid\":\"with spaces\"}}", LIVE_BAD_MESSAGE,
	  NULL },
	{ "{\"v\":1,\"type\":\"join\",\"data\":{\"after\":-1}}", LIVE_BAD_MESSAGE, NULL },
	{ "{\"v\":1,\"type\":\"auth\",\"data\":{\"token\":\"x\"}}", LIVE_BAD_TOKEN, NULL },
	{ "{\"v\":1,\"type\":\"order.place\",\"data\":{\"sku\":\"A1\",\"qty\":1}}",
	  LIVE_BAD_MESSAGE, NULL },
	{ "{\"v\":1,\"type\":\"order.place\",\"data\":{\"key\":\"k\",\"sku\":\"A1\",\"qty\":0}}", 0,
	  "\"status\":400" },
	{ "{\"v\":1,\"type\":\"of the future\",\"data\":{}}", 0, NULL },
	{ "[{\"v\":1,\"type\":\"ping\",\"data\":{\"t\":1}},"
	  "{\"v\":1,\"type\":\"ping\",\"data\":{\"t\":2}}]",
	  0, "\"t\":2" },
	{ "[{\"v\":1,\"type\":\"ping\",\"data\":{\"t\":1}},7]", LIVE_BAD_MESSAGE, "\"t\":1" },
	{ "{\"v\":2,\"type\":\"ping\",\"data\":{\"t\":7}}", LIVE_BAD_MESSAGE, NULL },
	{ "{\"v\":1,\"type\":\"ping\"}", LIVE_BAD_MESSAGE, NULL },
	{ "nonsense", LIVE_BAD_MESSAGE, NULL },
};

Test(live, each_kind_of_message_is_judged)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		struct fake_carrier carrier;
		fake_carrier_open(&carrier, view, "carl");
		fake_carrier_forget(&carrier);
		fake_carrier_receive(&carrier, messages[i].text);
		cr_expect(carrier.code == messages[i].code, "%s: %d", messages[i].text,
			  carrier.code);
		if (messages[i].answer)
			cr_expect(fake_carrier_saw(&carrier, messages[i].answer) > 0, "%s",
				  messages[i].text);
		else
			cr_expect(eq(sz, carrier.count, 0), "%s", messages[i].text);
		fake_carrier_close(&carrier);
	}
	settle();
}

Test(live, who_is_ended_for_a_message_is_told_what_is_wrong_with_it)
{
	static const struct {
		const char *text, *reason;
	} told[] = {
		{ "{\"v\":1,\"type\":\"chat\",\"data\":{\"text\":7}}",
		  "bad message: data.text must be a string of 1 to 500 bytes" },
		{ "{\"v\":1,\"type\":\"ping\",\"data\":{}}",
		  "bad message: data.t must be a number" },
		{ "{\"v\":2,\"type\":\"ping\",\"data\":{}}",
		  "bad message: v must be an integer, 1 to 1" },
		{ "{\"v\":1,\"type\":\"ping\"}", "bad message: data is missing" },
		{ "[7]", "bad message: must be an object" },
		{ "{", "bad message: line 1, column 1: string or '}' expected near end of file" },
	};
	for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++) {
		struct fake_carrier carrier;
		fake_carrier_open(&carrier, view, "carl");
		fake_carrier_receive(&carrier, told[i].text);
		cr_expect(eq(str, carrier.reason, (char *)told[i].reason));
		fake_carrier_close(&carrier);
	}
	settle();
}

Test(live, an_order_is_answered_to_all_sessions_of_its_buyer_alone)
{
	struct fake_carrier second, eve;
	fake_carrier_open(&second, view, "bob");
	fake_carrier_open(&eve, view, "eve");
	fake_carrier_receive(&bob, "{\"v\":1,\"type\":\"order.place\",\"data\":"
				   "{\"key\":\"k1\",\"sku\":\"A1\",\"qty\":1}}");
	cr_expect(eq(u32, atomic_load(&f.app.calls), 1), "draining waits for it");
	settle();
	cr_expect(eq(sz, fake_carrier_saw(&bob, "\"status\":201"), 1));
	cr_expect(eq(sz, fake_carrier_saw(&second, "\"status\":201"), 1));
	cr_expect(eq(sz, fake_carrier_saw(&eve, "order.result"), 0));
	fake_carrier_close(&second);
	fake_carrier_close(&eve);
}

Test(live, strangers_and_guests_may_not_order_here)
{
	static const char place[] = "{\"v\":1,\"type\":\"order.place\",\"data\":"
				    "{\"key\":\"k1\",\"sku\":\"A1\",\"qty\":1}}";
	struct fake_carrier stranger, guest;
	fake_carrier_open(&stranger, view, NULL);
	fake_carrier_open(&guest, view, "guest-1");
	fake_carrier_receive(&stranger, place);
	fake_carrier_receive(&guest, place);
	cr_expect(eq(sz, fake_carrier_saw(&stranger, "\"status\":401,\"body\""), 1));
	cr_expect(eq(sz, fake_carrier_saw(&guest, "\"status\":403,\"body\""), 1));
	fake_carrier_close(&stranger);
	fake_carrier_close(&guest);
}

Test(live, auth_names_a_stranger_but_no_other_subject)
{
	struct fake_carrier stranger;
	char text[1200];
	fake_carrier_open(&stranger, view, NULL);
	fake_carrier_forget(&stranger);
	snprintf(text, sizeof(text), "{\"v\":1,\"type\":\"auth\",\"data\":{\"token\":\"%s\"}}",
		 app_fixture_token(&f, "demo", JWT_VIEWER, "dora"));
	fake_carrier_receive(&stranger, text);
	cr_expect(eq(sz, fake_carrier_saw(&stranger, "\"role\":\"viewer\""), 1));
	cr_expect(ne(ptr, live_names_find(&view->names, LIVE_SUBJECT, "dora"), NULL));
	fake_carrier_receive(&bob, text);
	cr_expect(eq(int, bob.code, LIVE_BAD_TOKEN));
	snprintf(text, sizeof(text), "{\"v\":1,\"type\":\"auth\",\"data\":{\"token\":\"%s\"}}",
		 app_fixture_token(&f, "other", JWT_VIEWER, "dora"));
	fake_carrier_receive(&stranger, text);
	cr_expect(eq(int, stranger.code, LIVE_BAD_TOKEN));
	fake_carrier_close(&stranger);
	cr_expect(eq(ptr, live_names_find(&view->names, LIVE_SUBJECT, "dora"), NULL));
}

Test(live, chat_reaches_everybody_and_has_a_rate_of_subject_and_room)
{
	struct fake_carrier eve;
	char name[32];
	const int64_t began_us = clock_mono_us(&f.app.clock);
	fake_carrier_open(&eve, view, "eve");
	for (int i = 0; i < 7; i++)
		fake_carrier_receive(&bob,
				     "{\"v\":1,\"type\":\"chat\",\"data\":{\"text\":\"hi\"}}");
	settle();
	cr_expect(eq(sz, fake_carrier_saw(&eve, "\"text\":\"hi\""), 5));
	cr_expect(eq(sz, fake_carrier_saw(&bob, "rate_limited"), 2));
	cr_expect(eq(sz, fake_carrier_saw(&eve, "rate_limited"), 0));
	for (int i = 0; i < 120; i++) {
		struct fake_carrier one;
		snprintf(name, sizeof(name), "crowd-%d", i);
		fake_carrier_open(&one, view, name);
		fake_carrier_receive(&one,
				     "{\"v\":1,\"type\":\"chat\",\"data\":{\"text\":\"yo\"}}");
		fake_carrier_close(&one);
	}
	settle();
	/* Bob's five count as well; 50 a second have become free meanwhile. */
	const int64_t took_us = clock_mono_us(&f.app.clock) - began_us;
	cr_expect(le(sz, fake_carrier_saw(&eve, "\"text\":\"yo\""),
		     95 + (size_t)(took_us / 20000) + 1));
	fake_carrier_close(&eve);
}

Test(live, strangers_may_not_chat)
{
	struct fake_carrier stranger;
	fake_carrier_open(&stranger, view, NULL);
	fake_carrier_receive(&stranger, "{\"v\":1,\"type\":\"chat\",\"data\":{\"text\":\"hi\"}}");
	cr_expect(eq(sz, fake_carrier_saw(&stranger, "bad_token"), 1));
	fake_carrier_close(&stranger);
}

Test(live, a_flood_of_messages_ends_it)
{
	for (int i = 0; i < LIVE_MESSAGES_BURST + 50 && !bob.code; i++)
		fake_carrier_receive(&bob, "{\"v\":1,\"type\":\"ping\",\"data\":{\"t\":1}}");
	cr_expect(eq(int, bob.code, LIVE_RATE));
	cr_expect(eq(i64, metric_get(f.app.counters.messages_limited), 1));
}

Test(live, likes_are_summed)
{
	fake_carrier_receive(&bob, "{\"v\":1,\"type\":\"like\",\"data\":{\"n\":3}}");
	fake_carrier_receive(&bob, "{\"v\":1,\"type\":\"like\",\"data\":{\"n\":4}}");
	settle();
	app_fixture_advance(&f, 500000);
	settle();
	cr_expect(eq(sz,
		     fake_carrier_saw(&bob, "{\"v\":1,\"type\":\"like.sum\",\"data\":{\"n\":7}}"),
		     1));
}

Test(live, a_media_name_reaches_the_newest_few_who_share_it)
{
	enum { SHARERS = LIVE_SID_SHARERS_MAX + 2 };
	static struct fake_carrier sharers[SHARERS];
	struct buf *clock = buf_copy("tick", 4);
	for (int i = 0; i < SHARERS; i++) {
		fake_carrier_open(&sharers[i], view, NULL);
		fake_carrier_receive(&sharers[i],
				     "{\"v\":1,\"type\":\"join\",\"data\":{\"sid\":\"12345678\"}}");
	}
	notes_private(&f.app, "demo", LIVE_SID, "12345678", clock);
	settle();
	for (int i = 0; i < SHARERS; i++) {
		cr_expect(eq(sz, fake_carrier_saw(&sharers[i], "tick"), i >= 2));
		fake_carrier_close(&sharers[i]);
	}
	cr_expect(eq(ptr, live_names_find(&view->names, LIVE_SID, "12345678"), NULL));
	buf_unref(clock);
}
