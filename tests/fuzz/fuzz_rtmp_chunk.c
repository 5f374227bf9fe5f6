/* A whole publisher's connection: handshake done, then chunks, commands and media as they come. */
#include "media/frame.h"
#include "media/ingest/rtmp_handshake.h"
#include "media/ingest/rtmp_session.h"
#include "server/core/loop.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct peer {
	struct rtmp_session *session;
	bool ended;
};

static void on_output(void *arg, const void *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
}

static void on_publish(void *arg, const char *room, const char *token)
{
	struct peer *peer = arg;
	(void)token;
	if (!room[0])
		abort();
	rtmp_session_accept(peer->session);
}

static void on_frame(void *arg, struct frame *frame)
{
	(void)arg;
	if (!frame->data->len)
		abort();
	frame_unref(frame);
}

static void on_unpublish(void *arg)
{
	const struct peer *peer = arg;
	if (peer->ended)
		abort();
}

static void on_end(void *arg, enum rtmp_end why)
{
	struct peer *peer = arg;
	(void)why;
	if (peer->ended)
		abort();
	peer->ended = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct rtmp_session_ops ops = { .output = on_output,
						     .publish = on_publish,
						     .frame = on_frame,
						     .unpublish = on_unpublish,
						     .end = on_end };
	static const uint8_t shake[1 + 2 * RTMP_HANDSHAKE_SIZE] = { RTMP_VERSION };
	struct peer peer = { 0 };
	struct clock clock;
	struct loop *loop;
	clock_init(&clock);
	if (loop_create(&loop, &clock) || rtmp_session_create(&peer.session, loop, &ops, &peer))
		abort();
	rtmp_session_feed(peer.session, shake, sizeof(shake));
	/* The first byte chooses the pieces. */
	const size_t piece = len ? 1 + (size_t)data[0] * 7 : 1;
	for (size_t at = 1; at < len; at += piece)
		rtmp_session_feed(peer.session, data + at, len - at < piece ? len - at : piece);
	rtmp_session_destroy(peer.session);
	loop_destroy(loop);
	return 0;
}
