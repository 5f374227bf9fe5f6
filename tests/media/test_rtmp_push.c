#include "media/output/rtmp_push.h"

#include "media/frame.h"
#include "media/ingest/amf0.h"
#include "media/ingest/rtmp_session.h"
#include "media/output/flv_muxer.h"
#include "server/core/bytes.h"
#include "server/core/loop.h"
#include "tests/support/fake_clock.h"
#include "tests/support/flv_file.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_MAX = 16 };

/* A push and the server that takes it, with the bytes between them on shelves. */
struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct rtmp_push *push;
	struct rtmp_session *session;
	struct bytes there, back;
	bool deny;
	char room[80], token[80], code[80];
	unsigned ready, refused;
	struct frame *kept[KEPT_MAX];
	size_t count;
	bool unpublished;
	enum rtmp_end why;
};

static struct fixture f;

static void on_push_output(void *arg, const void *data, size_t len)
{
	(void)arg;
	bytes_put(&f.there, data, len);
}

static void on_ready(void *arg)
{
	(void)arg;
	f.ready++;
}

static void on_refused(void *arg, const char *code)
{
	(void)arg;
	f.refused++;
	strcpy(f.code, code);
}

static const struct rtmp_push_ops push_ops = { on_push_output, on_ready, on_refused };

static void on_session_output(void *arg, const void *data, size_t len)
{
	(void)arg;
	bytes_put(&f.back, data, len);
}

static void on_publish(void *arg, const char *room, const char *token)
{
	(void)arg;
	strcpy(f.room, room);
	strcpy(f.token, token);
	if (f.deny)
		rtmp_session_refuse(f.session, RTMP_REFUSE_BAD_NAME);
	else
		rtmp_session_accept(f.session);
}

static void on_frame(void *arg, struct frame *frame)
{
	(void)arg;
	cr_assert(f.count < KEPT_MAX || frame->codec == CODEC_AAC);
	if (codec_is_video(frame->codec))
		f.kept[f.count++] = frame; /* pictures alone */
	else
		frame_unref(frame);
}

static void on_unpublish(void *arg)
{
	(void)arg;
	f.unpublished = true;
}

static void on_end(void *arg, enum rtmp_end why)
{
	(void)arg;
	f.why = why;
}

static const struct rtmp_session_ops session_ops = { .output = on_session_output,
						     .publish = on_publish,
						     .frame = on_frame,
						     .unpublish = on_unpublish,
						     .end = on_end };

static void setup(void)
{
	static const struct rtmp_push_target target = { .tc_url = "rtmp://there/live",
							.app = "live",
							.key = "copy?token=abc" };
	memset(&f, 0, sizeof(f));
	fake_clock_init(&f.fake);
	bytes_init(&f.there, 1 << 20);
	bytes_init(&f.back, 1 << 20);
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	cr_assert(eq(int, rtmp_session_create(&f.session, f.loop, &session_ops, NULL), 0));
	cr_assert(eq(int, rtmp_push_create(&f.push, &target, &push_ops, NULL), 0));
}

static void teardown(void)
{
	for (size_t i = 0; i < f.count; i++)
		frame_unref(f.kept[i]);
	rtmp_push_destroy(f.push);
	rtmp_session_destroy(f.session);
	bytes_finish(&f.there);
	bytes_finish(&f.back);
	loop_destroy(f.loop);
}

TestSuite(rtmp_push, .init = setup, .fini = teardown);

/* The next bytes of one direction, in pieces as networks make them. */
static size_t take(struct bytes *from, uint8_t piece[700])
{
	const size_t len = from->len < 700 ? from->len : 700;
	if (len)
		memcpy(piece, from->data, len);
	bytes_consume(from, len);
	return len;
}

/* Until nobody has anything to say. */
static void carry(void)
{
	uint8_t piece[700];
	while (f.there.len || f.back.len) {
		const size_t there = take(&f.there, piece);
		if (there)
			rtmp_session_feed(f.session, piece, there);
		const size_t back = take(&f.back, piece);
		if (back)
			rtmp_push_feed(f.push, piece, back);
	}
}

/* A tag of a file as the muxer makes it, in a show that is two hours old. */
static void send_tag(const struct flv_tag *tag)
{
	const uint32_t at_ms = tag->at_ms + 7200000;
	struct bytes out;
	bytes_init(&out, tag->len + 15);
	bytes_u8(&out, tag->type);
	bytes_be24(&out, (uint32_t)tag->len);
	bytes_be24(&out, at_ms & 0xffffff);
	bytes_u8(&out, (uint8_t)(at_ms >> 24));
	bytes_be24(&out, 0);
	bytes_put(&out, tag->body, tag->len);
	bytes_be32(&out, (uint32_t)tag->len + 11);
	struct buf *made = buf_from_bytes(&out);
	rtmp_push_tags(f.push, &made, 1, &f.there);
	buf_unref(made);
	bytes_finish(&out);
}

Test(rtmp_push, a_show_arrives_as_it_was_with_times_from_zero)
{
	struct flv_file file;
	struct flv_tag tag;
	struct buf *header = flv_file_header();
	size_t pictures = 0;
	const uint8_t *last = NULL;
	size_t last_len = 0;
	rtmp_push_begin(f.push);
	carry();
	cr_assert(eq(uint, f.ready, 1));
	cr_assert(eq(str, f.room, "copy"));
	cr_assert(eq(str, f.token, "abc"));
	rtmp_push_tags(f.push, &header, 1, &f.there);
	flv_file_open(&file, "zerolatency.flv");
	while (pictures < KEPT_MAX && flv_file_next(&file, &tag)) {
		send_tag(&tag);
		if (tag.type != FLV_TAG_VIDEO || tag.body[1] != 1)
			continue;
		pictures++;
		last = tag.body + 5;
		last_len = tag.len - 5;
	}
	carry();
	cr_assert(eq(sz, f.count, KEPT_MAX));
	cr_assert(f.kept[0]->key);
	cr_assert(eq(i64, f.kept[0]->media_us, 21000)); /* sound came first */
	cr_assert(eq(i64, f.kept[KEPT_MAX - 1]->media_us, 21000 + (KEPT_MAX - 1) * 40000));
	cr_assert(eq(sz, f.kept[KEPT_MAX - 1]->data->len, last_len));
	cr_assert(memcmp(f.kept[KEPT_MAX - 1]->data->data, last, last_len) == 0);
	rtmp_push_goodbye(f.push);
	carry();
	cr_assert(f.unpublished);
	cr_assert(eq(uint, f.refused, 0));
	flv_file_close(&file);
	buf_unref(header);
}

Test(rtmp_push, a_refusal_is_told_with_its_code)
{
	f.deny = true;
	rtmp_push_begin(f.push);
	carry();
	cr_assert(eq(uint, f.ready, 0));
	cr_assert(eq(uint, f.refused, 1));
	cr_assert(eq(str, f.code, "NetStream.Publish.BadName"));
	rtmp_push_feed(f.push, "more", 4);
	cr_assert(eq(uint, f.refused, 1));
}

Test(rtmp_push, what_is_no_rtmp_is_refused)
{
	rtmp_push_begin(f.push);
	rtmp_push_feed(f.push, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	cr_assert(eq(uint, f.refused, 1));
	cr_assert(eq(str, f.code, ""));
}

Test(rtmp_push, a_show_that_stops_being_welcome_ends)
{
	rtmp_push_begin(f.push);
	carry();
	rtmp_session_stop(f.session);
	carry();
	cr_assert(eq(uint, f.refused, 1));
	cr_assert(eq(str, f.code, "NetStream.Publish.Denied"));
}
