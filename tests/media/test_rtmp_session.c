#include "media/ingest/rtmp_session.h"

#include "media/frame.h"
#include "media/ingest/amf0.h"
#include "media/ingest/rtmp_chunk.h"
#include "server/core/bytes.h"
#include "server/core/loop.h"
#include "tests/support/fake_clock.h"
#include "tests/support/flv_file.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHAKE = 1 + 2 * 1536 };

/* What to do when asked. */
enum answer { ACCEPT, DENY, BAD_NAME, LATER };

struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct rtmp_session *session;
	struct rtmp_session_ops ops;
	enum answer answer;
	struct bytes out;
	char room[80], token[80], connect_token[80];
	int ended;
	enum rtmp_end why;
	unsigned video, audio, keys;
	bool reorders, late;
	/* from the server's messages */
	char last_code[64];
	char description[128];
	double caps; /* capsEx of the answer to connect; -1: none */
	bool takes_avc1, takes_mp4a, takes_more;
	unsigned acknowledgements, pongs;
};

static struct fixture f;

static void on_output(void *arg, const void *data, size_t len)
{
	(void)arg;
	bytes_put(&f.out, data, len);
}

static void answer_now(enum answer answer)
{
	if (answer == ACCEPT)
		rtmp_session_accept(f.session);
	else if (answer != LATER)
		rtmp_session_refuse(f.session,
				    answer == DENY ? RTMP_REFUSE_DENIED : RTMP_REFUSE_BAD_NAME);
}

static void on_connect(void *arg, const char *token)
{
	(void)arg;
	strcpy(f.connect_token, token);
	answer_now(f.answer);
}

static void on_publish(void *arg, const char *room, const char *token)
{
	(void)arg;
	strcpy(f.room, room);
	strcpy(f.token, token);
	answer_now(f.answer);
}

static void on_frame(void *arg, struct frame *frame)
{
	(void)arg;
	if (codec_is_video(frame->codec)) {
		f.video++;
		f.keys += frame->key;
		f.reorders = f.reorders || frame->config->reorders;
	} else {
		f.audio++;
	}
	frame_unref(frame);
}

static void on_end(void *arg, enum rtmp_end why)
{
	(void)arg;
	f.ended++;
	f.why = why;
}

static void setup(void)
{
	memset(&f, 0, sizeof(f));
	f.ops = (struct rtmp_session_ops){
		.output = on_output, .publish = on_publish, .frame = on_frame, .end = on_end
	};
	f.caps = -1;
	fake_clock_init(&f.fake);
	bytes_init(&f.out, 1 << 20);
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	cr_assert(eq(int, rtmp_session_create(&f.session, f.loop, &f.ops, NULL), 0));
}

static void teardown(void)
{
	rtmp_session_destroy(f.session);
	bytes_finish(&f.out);
	loop_destroy(f.loop);
}

TestSuite(rtmp_session, .init = setup, .fini = teardown);

/* Reads a map of codecs: whether it has `name`, and whether anything else. */
static bool read_codecs(struct bits *bits, const char *name)
{
	struct amf0_text key;
	bool has = false;
	cr_assert(eq(int, amf0_enter(bits), 0));
	while (amf0_key(bits, &key) == 1) {
		double flags = 0;
		cr_assert(eq(int, amf0_number(bits, &flags), 0));
		cr_assert(eq(dbl, flags, 5)); /* decode and forward */
		has = has || amf0_text_is(&key, name);
		f.takes_more =
			f.takes_more || (!amf0_text_is(&key, name) && !amf0_text_is(&key, "Opus"));
	}
	return has;
}

/* The properties of the answer to connect. */
static void read_properties(struct bits bits)
{
	struct amf0_text key;
	if (amf0_enter(&bits))
		return;
	while (amf0_key(&bits, &key) == 1) {
		if (amf0_text_is(&key, "capsEx"))
			cr_assert(eq(int, amf0_number(&bits, &f.caps), 0));
		else if (amf0_text_is(&key, "videoFourCcInfoMap"))
			f.takes_avc1 = read_codecs(&bits, "avc1");
		else if (amf0_text_is(&key, "audioFourCcInfoMap"))
			f.takes_mp4a = read_codecs(&bits, "mp4a");
		else
			cr_assert(eq(int, amf0_skip(&bits), 0));
	}
}

static int read_reply(void *arg, const struct rtmp_message *message)
{
	(void)arg;
	struct bits bits;
	struct amf0_text text;
	bits_init(&bits, message->data, message->len);
	f.acknowledgements += message->type == RTMP_ACKNOWLEDGEMENT;
	f.pongs += message->type == RTMP_USER_CONTROL && bits_be16(&bits) == 7;
	if (message->type != RTMP_COMMAND_AMF0)
		return 0;
	cr_assert(eq(int, amf0_skip(&bits), 0));
	cr_assert(eq(int, amf0_skip(&bits), 0));
	read_properties(bits);
	cr_assert(eq(int, amf0_skip(&bits), 0));
	if (amf0_enter(&bits))
		return 0;
	while (amf0_key(&bits, &text) == 1) {
		struct amf0_text code;
		if (amf0_text_is(&text, "code")) {
			cr_assert(eq(int, amf0_string(&bits, &code), 0));
			snprintf(f.last_code, sizeof(f.last_code), "%.*s", (int)code.len,
				 code.data);
		} else if (amf0_text_is(&text, "description")) {
			cr_assert(eq(int, amf0_string(&bits, &code), 0));
			snprintf(f.description, sizeof(f.description), "%.*s", (int)code.len,
				 code.data);
		} else {
			cr_assert(eq(int, amf0_skip(&bits), 0));
		}
	}
	return 0;
}

/* Reads what the server has said, after its handshake. */
static void read_replies(void)
{
	struct rtmp_chunk_reader reader;
	rtmp_chunk_reader_init(&reader, read_reply, NULL);
	cr_assert(f.out.len >= SHAKE);
	cr_assert(eq(int, rtmp_chunk_feed(&reader, f.out.data + SHAKE, f.out.len - SHAKE), 0));
	rtmp_chunk_reader_finish(&reader);
}

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
	cr_assert(eq(int, f.ended, 1));
	cr_assert(eq(int, f.why, RTMP_END_UNPUBLISHED));
	rtmp_session_stats(f.session, &stats);
	cr_assert(eq(str, (char *)stats.encoder, "Lavf59.27.100"));
	cr_assert(eq(u64, stats.skipped, 0));
}

Test(rtmp_session, takes_a_show_without_b_frames_from_ffmpeg)
{
	replay("ffmpeg-5.1-zerolatency.rtmp", 4096);
	cr_assert(eq(uint, f.video, 50));
	cr_assert(not(f.reorders));
	cr_assert(eq(int, f.why, RTMP_END_UNPUBLISHED));
}

Test(rtmp_session, takes_a_show_from_gstreamer)
{
	replay("gstreamer-1.22.rtmp", 1448);
	cr_assert(eq(str, f.room, "demo"));
	cr_assert(eq(str, f.token, "gst"));
	cr_assert(eq(uint, f.video, 50));
	cr_assert(eq(uint, f.audio, 91));
	cr_assert(eq(int, f.ended, 1));
	cr_assert(eq(int, f.why, RTMP_END_UNPUBLISHED));
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

/* Handshake and commands written by hand, for what the recorded encoders do not do. */
static void say(uint8_t type, uint32_t stream_id, const struct bytes *body)
{
	struct bytes out;
	bytes_init(&out, 1 << 20);
	const struct rtmp_message message = {
		.type = type, .stream_id = stream_id, .data = body->data, .len = body->len
	};
	rtmp_chunk_write(&out, 3, &message, 128);
	rtmp_session_feed(f.session, out.data, out.len);
	bytes_finish(&out);
}

static void say_connect(const char *app, const char *tc_url)
{
	uint8_t shake[SHAKE] = { 3 };
	struct bytes body;
	rtmp_session_feed(f.session, shake, sizeof(shake));
	bytes_init(&body, 8192);
	amf0_put_text(&body, "connect");
	amf0_put_number(&body, 1);
	amf0_put_object(&body);
	amf0_put_key(&body, "app");
	amf0_put_text(&body, app);
	amf0_put_key(&body, "tcUrl");
	amf0_put_text(&body, tc_url);
	amf0_put_key(&body, "capsEx");
	amf0_put_number(&body, 1);
	amf0_put_end(&body);
	say(RTMP_COMMAND_AMF0, 0, &body);
	bytes_finish(&body);
}

static void say_command(const char *name, const char *value)
{
	struct bytes body;
	bytes_init(&body, 8192);
	amf0_put_text(&body, name);
	amf0_put_number(&body, 2);
	amf0_put_null(&body);
	amf0_put_text(&body, value);
	say(RTMP_COMMAND_AMF0, 1, &body);
	bytes_finish(&body);
}

/* As OBS 30 and ffmpeg 6.1 do (fourCcList), and as Enhanced RTMP v2 asks for. */
static void say_enhanced_connect(void)
{
	static const char *const codecs[] = { "av01", "vp09", "hvc1", "Opus" };
	uint8_t shake[SHAKE] = { 3 };
	struct bytes body;
	rtmp_session_feed(f.session, shake, sizeof(shake));
	bytes_init(&body, 8192);
	amf0_put_text(&body, "connect");
	amf0_put_number(&body, 1);
	amf0_put_object(&body);
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
	cr_assert(eq(int, f.why, RTMP_END_UNPUBLISHED));
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
	cr_assert(eq(int, f.why, RTMP_END_UNPUBLISHED));
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
