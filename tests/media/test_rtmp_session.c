#include "tests/media/rtmp_session_fixture.h"

#include "tests/support/flv_file.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

TestSuite(rtmp_session, .init = rtmp_fixture_setup, .fini = rtmp_fixture_teardown);

/* A recorded encoder, in the pieces that a network makes of it. */
static void replay(const char *name, size_t piece)
{
	size_t len;
	uint8_t *recorded = test_data_read(name, &len);
	for (size_t at = 0; at < len; at += piece)
		rtmp_session_feed(f.session, recorded + at, len - at < piece ? len - at : piece);
	free(recorded);
}

Test(rtmp_session, takes_a_show_with_b_frames_from_ffmpeg)
{
	struct rtmp_stats stats;
	replay("ffmpeg-5.1-bframes.rtmp", 1000);
	read_replies();
	cr_assert(eq(str, f.room, "demo"));
	cr_assert(eq(str, f.token, "abc.def"));
	cr_assert(eq(uint, f.video, 50));
	cr_assert(eq(uint, f.audio, 88));
	cr_assert(eq(uint, f.keys, 2));
	cr_assert(f.reorders);
	cr_assert(eq(uint, f.unpublished, 1));
	cr_assert(eq(int, f.ended, 0));
	rtmp_session_stats(f.session, &stats);
	cr_assert(eq(str, (char *)stats.encoder, "Lavf59.27.100"));
	cr_assert(eq(u64, stats.skipped, 0));
	cr_assert(eq(u32, f.promised, 2));
}

Test(rtmp_session, takes_a_show_without_b_frames_from_ffmpeg)
{
	replay("ffmpeg-5.1-zerolatency.rtmp", 4096);
	cr_assert(eq(uint, f.video, 50));
	cr_assert(not(f.reorders));
	cr_assert(eq(uint, f.unpublished, 1));
}

Test(rtmp_session, takes_a_show_from_gstreamer)
{
	replay("gstreamer-1.22.rtmp", 1448);
	cr_assert(eq(str, f.room, "demo"));
	cr_assert(eq(str, f.token, "gst"));
	cr_assert(eq(uint, f.video, 50));
	cr_assert(eq(uint, f.audio, 91));
	cr_assert(eq(uint, f.unpublished, 1));
	cr_assert(eq(int, f.ended, 0));
}

Test(rtmp_session, one_byte_at_a_time_is_the_same)
{
	replay("ffmpeg-5.1-zerolatency.rtmp", 1);
	cr_assert(eq(uint, f.video, 50));
	cr_assert(eq(uint, f.audio, 95));
}

Test(rtmp_session, a_bad_token_is_denied_and_ends)
{
	f.answer = DENY;
	replay("ffmpeg-5.1-bframes.rtmp", 1000);
	read_replies();
	cr_assert(eq(str, f.last_code, "NetStream.Publish.Denied"));
	cr_assert(eq(int, f.why, RTMP_END_REFUSED));
	cr_assert(eq(int, f.ended, 1));
	cr_assert(eq(uint, f.video, 0));
}

Test(rtmp_session, a_room_that_is_taken_is_a_bad_name)
{
	f.answer = BAD_NAME;
	replay("ffmpeg-5.1-bframes.rtmp", 1000);
	read_replies();
	cr_assert(eq(str, f.last_code, "NetStream.Publish.BadName"));
	cr_assert(eq(int, f.why, RTMP_END_REFUSED));
}

/* As OBS 30 and ffmpeg 6.1 do (fourCcList), and as Enhanced RTMP v2 asks for. */
static void say_enhanced_connect(void)
{
	static const char *const codecs[] = { "av01", "vp09", "hvc1", "Opus" };
	struct bytes body;
	begin_connect(&body);
	amf0_put_pair(&body, "app", "live");
	amf0_put_key(&body, "objectEncoding");
	amf0_put_number(&body, 3);
	amf0_put_key(&body, "fourCcList");
	amf0_put_strict_array(&body, 4);
	for (size_t i = 0; i < 4; i++)
		amf0_put_text(&body, codecs[i]);
	amf0_put_key(&body, "videoFourCcInfoMap");
	amf0_put_object(&body);
	amf0_put_key(&body, "*");
	amf0_put_number(&body, 2);
	amf0_put_end(&body);
	amf0_put_end(&body);
	say(RTMP_COMMAND_AMF0, 0, &body);
	bytes_finish(&body);
}

Test(rtmp_session, tells_an_enhanced_encoder_what_is_taken)
{
	say_enhanced_connect();
	read_replies();
	cr_assert(eq(str, f.last_code, "NetConnection.Connect.Success"));
	cr_assert(eq(dbl, f.caps, 5)); /* reconnect, ModEx */
	cr_assert(f.takes_avc1);
	cr_assert(f.takes_mp4a);
	cr_assert(not(f.takes_more));
}

Test(rtmp_session, tells_others_nothing_that_they_do_not_know)
{
	replay("ffmpeg-5.1-zerolatency.rtmp", 4096);
	read_replies();
	cr_assert(eq(dbl, f.caps, -1));
	cr_assert(not(f.takes_avc1));
}

static void say_video(const char *tag, size_t len)
{
	uint8_t body[64];
	memcpy(body, tag, len);
	say(RTMP_VIDEO, 1, &(struct bytes){ .data = body, .len = len });
}

static const struct {
	const char *tag;
	size_t len;
	const char *description;
} strange_video[] = {
	{ "\x90"
	  "hvc1\1\2",
	  7, "video codec hvc1 is not taken here, send H.264 (avc1)" },
	{ "\x93"
	  "av01\1\2",
	  7, "video codec av01 is not taken here, send H.264 (avc1)" },
	{ "\x90"
	  "vp09\1\2",
	  7, "video codec vp09 is not taken here, send H.264 (avc1)" },
	{ "\x90\n\0\xff!\1", 6, "video codec ?\?\?! is not taken here, send H.264 (avc1)" },
	{ "\x1c\0\0\0\0\1", 6, "video codec number 12 is not taken here, send H.264 (avc1)" },
};

ParameterizedTestParameters(rtmp_session, other_codecs_are_refused_with_a_reason)
{
	static size_t i[] = { 0, 1, 2, 3, 4 };
	return cr_make_param_array(size_t, i, 5);
}

ParameterizedTest(size_t *i, rtmp_session, other_codecs_are_refused_with_a_reason)
{
	say_enhanced_connect();
	say_command("publish", "demo");
	say_video(strange_video[*i].tag, strange_video[*i].len);
	say_video(strange_video[*i].tag, strange_video[*i].len);
	read_replies();
	cr_assert(eq(str, f.last_code, "NetStream.Publish.Rejected"));
	cr_assert(eq(str, f.description, (char *)strange_video[*i].description));
	cr_assert(eq(int, f.ended, 1));
	cr_assert(eq(int, f.why, RTMP_END_CODEC));
}

Test(rtmp_session, of_sound_that_is_not_taken_the_owner_hears_once)
{
	uint8_t mp3[] = { 0x2f, 0xff, 0xfb, 0x90 };
	say_connect("live", "rtmp://there/live");
	say_command("publish", "demo");
	for (int i = 0; i < 3; i++)
		say(RTMP_AUDIO, 1, &(struct bytes){ .data = mp3, .len = sizeof(mp3) });
	cr_assert(eq(u32, f.unheard, 1));
	cr_assert(eq(int, f.ended, 0));
}

Test(rtmp_session, a_warning_ends_nothing)
{
	rtmp_session_warn(f.session, "too early");
	say_connect("live", "rtmp://there/live");
	say_command("publish", "demo");
	rtmp_session_warn(f.session, "nobody sees it");
	read_replies();
	cr_assert(eq(str, f.last_code, "NetStream.Publish.Warning"));
	cr_assert(eq(str, f.description, "nobody sees it"));
	cr_assert(rtmp_session_publishing(f.session));
	cr_assert(eq(int, f.ended, 0));
}

Test(rtmp_session, other_tracks_may_be_of_any_codec)
{
	say_enhanced_connect();
	say_command("publish", "demo");
	say_video("\x96\x03"
		  "hvc1\1xyz",
		  10);
	say_video("\x96\x23"
		  "hvc1\1\0\0\1x",
		  11);
	cr_assert(eq(int, f.ended, 0));
}

Test(rtmp_session, what_it_does_not_know_it_skips)
{
	uint8_t bare[] = { 2, 0, 3, 'n', 'e', 'w' }; /* a command of a name alone */
	uint8_t noise[] = { 0xff, 0x11, 0, 9 };
	static const uint8_t types[] = { 0, 7, 10, 15, 16, 19, 23, 99, 255 };
	say_enhanced_connect();
	say_command("publish", "demo");
	say_command("getStreamLength", "demo");
	say(RTMP_COMMAND_AMF0, 1, &(struct bytes){ .data = bare, .len = sizeof(bare) });
	for (size_t i = 0; i < sizeof(types); i++)
		say(types[i], 1, &(struct bytes){ .data = noise, .len = sizeof(noise) });
	cr_assert(eq(int, f.ended, 0));
	cr_assert(rtmp_session_publishing(f.session));
}

Test(rtmp_session, a_bad_token_in_connect_is_rejected_there)
{
	f.ops.connect = on_connect;
	f.answer = DENY;
	say_connect("live", "rtmp://localhost/live?token=wrong");
	read_replies();
	cr_assert(eq(str, f.connect_token, "wrong"));
	cr_assert(eq(str, f.last_code, "NetConnection.Connect.Rejected"));
	cr_assert(eq(int, f.why, RTMP_END_REFUSED));
}

Test(rtmp_session, token_and_room_may_stand_in_the_url)
{
	say_connect("live/demo?token=one", "rtmp://localhost/live/demo?token=one");
	say_command("createStream", "");
	say_command("publish", "");
	cr_assert(eq(str, f.room, "demo"));
	cr_assert(eq(str, f.token, "one"));
	cr_assert(rtmp_session_publishing(f.session));
}

Test(rtmp_session, the_stream_key_wins_over_the_url)
{
	say_connect("live?token=one", "rtmp://localhost/live?token=one");
	say_command("publish", "other?token=two");
	cr_assert(eq(str, f.room, "other"));
	cr_assert(eq(str, f.token, "two"));
}

Test(rtmp_session, the_owner_may_answer_later)
{
	f.answer = LATER;
	say_connect("live", "rtmp://localhost/live");
	say_command("publish", "demo?token=x");
	cr_assert(not(rtmp_session_publishing(f.session)));
	const size_t before = f.out.len;
	rtmp_session_accept(f.session);
	cr_assert(rtmp_session_publishing(f.session));
	cr_assert(f.out.len > before);
	read_replies();
	cr_assert(eq(str, f.last_code, "NetStream.Publish.Start"));
	rtmp_session_refuse(f.session, RTMP_REFUSE_DENIED); /* nothing is asked any more */
	cr_assert(rtmp_session_publishing(f.session));
}

Test(rtmp_session, what_comes_before_the_answer_waits_for_it)
{
	f.answer = LATER;
	replay("ffmpeg-5.1-bframes.rtmp", 1000); /* an encoder that does not wait */
	cr_assert(eq(uint, f.video + (unsigned)f.ended, 0));
	rtmp_session_accept(f.session);
	cr_assert(eq(uint, f.video, 50));
	cr_assert(eq(uint, f.audio, 88));
	cr_assert(eq(uint, f.unpublished, 1));
}

Test(rtmp_session, a_name_that_is_no_room_is_denied_without_asking)
{
	say_connect("live", "rtmp://localhost/live");
	say_command("publish", "de mo?token=x");
	read_replies();
	cr_assert(eq(str, f.room, ""));
	cr_assert(eq(str, f.last_code, "NetStream.Publish.Denied"));
	cr_assert(eq(int, f.why, RTMP_END_REFUSED));
}

Test(rtmp_session, ten_seconds_without_publish_end_it)
{
	say_connect("live", "rtmp://localhost/live");
	fake_clock_advance(&f.fake, f.loop, RTMP_UNKNOWN_US - 10000);
	cr_assert(eq(int, f.ended, 0));
	fake_clock_advance(&f.fake, f.loop, 20000);
	cr_assert(eq(int, f.ended, 1));
	cr_assert(eq(int, f.why, RTMP_END_TIMEOUT));
}

Test(rtmp_session, a_silent_publisher_ends_after_thirty_seconds)
{
	say_connect("live", "rtmp://localhost/live");
	say_command("publish", "demo");
	fake_clock_advance(&f.fake, f.loop, 20000000);
	say_command("_checkbw", "");
	fake_clock_advance(&f.fake, f.loop, 29000000);
	cr_assert(eq(int, f.ended, 0));
	fake_clock_advance(&f.fake, f.loop, 1100000);
	cr_assert(eq(int, f.why, RTMP_END_TIMEOUT));
}

Test(rtmp_session, sixty_four_kilobytes_without_publish_end_it)
{
	uint8_t audio[1000] = { 0 };
	const struct bytes body = { .data = audio, .len = sizeof(audio) };
	say_connect("live", "rtmp://localhost/live");
	for (int i = 0; i < 70 && !f.ended; i++)
		say(RTMP_AUDIO, 1, &body);
	cr_assert(eq(int, f.ended, 1));
	cr_assert(eq(int, f.why, RTMP_END_PROTOCOL));
}

Test(rtmp_session, commands_before_connect_end_it)
{
	uint8_t shake[SHAKE] = { 3 };
	rtmp_session_feed(f.session, shake, sizeof(shake));
	say_command("publish", "demo");
	cr_assert(eq(int, f.why, RTMP_END_PROTOCOL));
	say_command("publish", "demo");
	cr_assert(eq(int, f.ended, 1));
}

Test(rtmp_session, pings_are_answered_and_windows_acknowledged)
{
	uint8_t ping[] = { 0, 6, 1, 2, 3, 4 };
	uint8_t window[] = { 0, 0, 0, 1 }; /* one byte: taken as 64 KiB */
	uint8_t audio[4000] = { 0 };
	say_connect("live", "rtmp://localhost/live");
	say_command("publish", "demo");
	say(RTMP_USER_CONTROL, 0, &(struct bytes){ .data = ping, .len = sizeof(ping) });
	say(RTMP_WINDOW_ACK_SIZE, 0, &(struct bytes){ .data = window, .len = sizeof(window) });
	for (int i = 0; i < 40; i++)
		say(RTMP_AUDIO, 1, &(struct bytes){ .data = audio, .len = sizeof(audio) });
	read_replies();
	cr_assert(eq(uint, f.pongs, 1));
	cr_assert(eq(uint, f.acknowledgements, 2));
}

Test(rtmp_session, goodbye_without_delete_stream_still_counts)
{
	say_connect("live", "rtmp://localhost/live");
	say_command("publish", "demo");
	say_command("FCUnpublish", "demo");
	cr_assert(rtmp_session_leaving(f.session));
	fake_clock_advance(&f.fake, f.loop, RTMP_LEAVE_US + 2000);
	cr_assert(eq(uint, f.unpublished, 1));
}

Test(rtmp_session, stop_tells_the_host_and_ends)
{
	say_connect("live", "rtmp://localhost/live");
	say_command("publish", "demo");
	rtmp_session_stop(f.session);
	read_replies();
	cr_assert(eq(str, f.last_code, "NetStream.Publish.Denied"));
	cr_assert(eq(int, f.why, RTMP_END_REFUSED));
}

Test(rtmp_session, asks_those_to_reconnect_that_can)
{
	say_connect("live", "rtmp://localhost/live");
	cr_assert(not(rtmp_session_ask_reconnect(f.session, NULL)));
	say_command("publish", "demo");
	cr_assert(rtmp_session_ask_reconnect(f.session, "rtmp://other/live"));
	read_replies();
	cr_assert(eq(str, f.last_code, "NetConnection.Connect.ReconnectRequest"));
}

Test(rtmp_session, aggregates_are_taken_apart)
{
	/* Two AAC tags: a sequence header and a frame */
	uint8_t body[] = { 8, 0, 0, 4, 0, 0, 5, 0, 0, 0, 0, 0xaf, 0, 0x11, 0x90, 0, 0, 0, 15,
			   8, 0, 0, 4, 0, 0, 6, 0, 0, 0, 0, 0xaf, 1, 0x21, 0x10, 0, 0, 0, 15 };
	say_connect("live", "rtmp://localhost/live");
	say_command("publish", "demo");
	say(RTMP_AGGREGATE, 1, &(struct bytes){ .data = body, .len = sizeof(body) });
	cr_assert(eq(uint, f.audio, 1));
	say(RTMP_AGGREGATE, 1, &(struct bytes){ .data = body, .len = sizeof(body) - 1 });
	cr_assert(eq(int, f.why, RTMP_END_PROTOCOL));
}
