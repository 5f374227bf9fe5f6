#include "tests/media/rtmp_session_fixture.h"

#include "media/frame.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

struct fixture f;

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

void on_connect(void *arg, const char *token)
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

static void on_unpublish(void *arg)
{
	(void)arg;
	f.unpublished++;
}

static void on_config(void *arg, struct media_config *config)
{
	(void)arg;
	(void)config;
	if (!f.video && !f.audio)
		f.promised++;
}

static void on_unheard(void *arg)
{
	(void)arg;
	f.unheard++;
}

static void on_end(void *arg, enum rtmp_end why)
{
	(void)arg;
	f.ended++;
	f.why = why;
}

void rtmp_fixture_setup(void)
{
	memset(&f, 0, sizeof(f));
	f.ops = (struct rtmp_session_ops){ .output = on_output,
					   .publish = on_publish,
					   .frame = on_frame,
					   .config = on_config,
					   .unheard = on_unheard,
					   .unpublish = on_unpublish,
					   .end = on_end };
	f.caps = -1;
	fake_clock_init(&f.fake);
	bytes_init(&f.out, 1 << 20);
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	cr_assert(eq(int, rtmp_session_create(&f.session, f.loop, &f.ops, NULL), 0));
}

void rtmp_fixture_teardown(void)
{
	rtmp_session_destroy(f.session);
	bytes_finish(&f.out);
	loop_destroy(f.loop);
}

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
	if (!amf0_number(&bits, &f.created) || amf0_enter(&bits))
		return 0;
	f.code_stream = message->stream_id;
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

void read_replies(void)
{
	struct rtmp_chunk_reader reader;
	rtmp_chunk_reader_init(&reader, read_reply, NULL);
	cr_assert(f.out.len >= SHAKE);
	cr_assert(eq(int, rtmp_chunk_feed(&reader, f.out.data + SHAKE, f.out.len - SHAKE), 0));
	rtmp_chunk_reader_finish(&reader);
}

void say(uint8_t type, uint32_t stream_id, const struct bytes *body)
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

void begin_connect(struct bytes *body)
{
	uint8_t shake[SHAKE] = { 3 };
	rtmp_session_feed(f.session, shake, sizeof(shake));
	bytes_init(body, 8192);
	amf0_put_text(body, "connect");
	amf0_put_number(body, 1);
	amf0_put_object(body);
}

void say_connect(const char *app, const char *tc_url)
{
	struct bytes body;
	begin_connect(&body);
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

void say_on(uint32_t stream_id, const char *name, const char *value)
{
	struct bytes body;
	bytes_init(&body, 8192);
	amf0_put_text(&body, name);
	amf0_put_number(&body, 2);
	amf0_put_null(&body);
	amf0_put_text(&body, value);
	say(RTMP_COMMAND_AMF0, stream_id, &body);
	bytes_finish(&body);
}

void say_command(const char *name, const char *value)
{
	say_on(1, name, value);
}
