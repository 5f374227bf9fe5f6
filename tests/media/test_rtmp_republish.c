/* Several shows on one connection, one after the other, as relays do. */
#include "tests/media/rtmp_session_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

TestSuite(rtmp_republish, .init = rtmp_fixture_setup, .fini = rtmp_fixture_teardown);

static void say_sound(uint32_t stream_id, uint8_t kind)
{
	uint8_t head[] = { 0xaf, 0, 0x11, 0x90 };
	uint8_t frame[] = { 0xaf, 1, 0x21, 0x10 };
	say(RTMP_AUDIO, stream_id, &(struct bytes){ .data = kind ? frame : head, .len = 4 });
}

static void say_delete_stream(double stream)
{
	struct bytes body;
	bytes_init(&body, 64);
	amf0_put_text(&body, "deleteStream");
	amf0_put_number(&body, 0);
	amf0_put_null(&body);
	amf0_put_number(&body, stream);
	say(RTMP_COMMAND_AMF0, 0, &body);
	bytes_finish(&body);
}

static void begin_show(const char *key)
{
	say_command("createStream", "");
	read_replies();
	say_on((uint32_t)f.created, "publish", key);
	say_sound((uint32_t)f.created, 0);
	say_sound((uint32_t)f.created, 1);
}

Test(rtmp_republish, a_connection_may_publish_again_after_delete_stream)
{
	say_connect("live", "rtmp://localhost/live");
	begin_show("demo");
	cr_assert(eq(uint, f.audio, 1));
	say_delete_stream(1);
	read_replies();
	cr_assert(eq(str, f.last_code, "NetStream.Unpublish.Success"));
	cr_assert(not(rtmp_session_publishing(f.session)));
	begin_show("other?token=two");
	read_replies();
	cr_assert(eq(str, f.last_code, "NetStream.Publish.Start"));
	cr_assert(eq(u32, f.code_stream, 2));
	cr_assert(eq(str, f.room, "other"));
	cr_assert(eq(str, f.token, "two"));
	cr_assert(eq(uint, f.audio, 2));
	cr_assert(eq(uint, f.unpublished, 1));
	cr_assert(eq(int, f.ended, 0));
}

Test(rtmp_republish, goodbye_alone_is_enough)
{
	say_connect("live", "rtmp://localhost/live");
	say_command("publish", "demo");
	say_command("FCUnpublish", "demo");
	say_command("publish", "demo");
	read_replies();
	cr_assert(eq(uint, f.unpublished, 1));
	cr_assert(eq(str, f.last_code, "NetStream.Publish.Start"));
	cr_assert(rtmp_session_publishing(f.session));
}

Test(rtmp_republish, the_next_show_brings_its_own_headers)
{
	say_connect("live", "rtmp://localhost/live");
	begin_show("demo");
	say_command("closeStream", "");
	say_command("publish", "demo");
	say_sound(1, 1);
	cr_assert(eq(uint, f.audio, 1)); /* the codec of the show before is not known any more */
	say_sound(1, 0);
	say_sound(1, 1);
	cr_assert(eq(uint, f.audio, 2));
}

Test(rtmp_republish, a_second_show_beside_the_first_is_a_bad_name)
{
	say_connect("live", "rtmp://localhost/live");
	begin_show("demo");
	begin_show("other");
	read_replies();
	cr_assert(eq(str, f.last_code, "NetStream.Publish.BadName"));
	cr_assert(eq(u32, f.code_stream, 2));
	cr_assert(eq(str, f.room, "demo"));
	cr_assert(eq(uint, f.audio, 1)); /* what comes on the other stream is nobody's */
	say_delete_stream(2);
	cr_assert(rtmp_session_publishing(f.session));
	say_sound(1, 1);
	cr_assert(eq(uint, f.audio, 2));
	say_delete_stream(1);
	cr_assert(eq(uint, f.unpublished, 1));
	cr_assert(eq(int, f.ended, 0));
}

Test(rtmp_republish, play_beside_a_show_does_not_end_it)
{
	say_connect("live", "rtmp://localhost/live");
	begin_show("demo");
	say_on(7, "play", "demo");
	read_replies();
	cr_assert(eq(str, f.last_code, "NetStream.Play.StreamNotFound"));
	cr_assert(eq(u32, f.code_stream, 7));
	cr_assert(rtmp_session_publishing(f.session));
}

Test(rtmp_republish, ten_seconds_without_the_next_show_end_it)
{
	say_connect("live", "rtmp://localhost/live");
	begin_show("demo");
	fake_clock_advance(&f.fake, f.loop, 15000000);
	say_delete_stream(1);
	fake_clock_advance(&f.fake, f.loop, RTMP_UNKNOWN_US - 10000);
	cr_assert(eq(int, f.ended, 0));
	fake_clock_advance(&f.fake, f.loop, 20000);
	cr_assert(eq(int, f.why, RTMP_END_TIMEOUT));
}

Test(rtmp_republish, a_bad_token_for_the_next_show_ends_it)
{
	say_connect("live", "rtmp://localhost/live");
	begin_show("demo");
	say_delete_stream(1);
	f.answer = DENY;
	begin_show("other");
	read_replies();
	cr_assert(eq(str, f.last_code, "NetStream.Publish.Denied"));
	cr_assert(eq(int, f.why, RTMP_END_REFUSED));
}
