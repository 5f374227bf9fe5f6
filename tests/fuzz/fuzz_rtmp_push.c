/* A server that we push to, and everything that it may say after the handshake. */
#include "media/ingest/rtmp_handshake.h"
#include "media/output/flv_muxer.h"
#include "media/output/rtmp_push.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct peer {
	bool ready, refused;
};

static void on_output(void *arg, const void *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
}

static void on_ready(void *arg)
{
	struct peer *peer = arg;
	if (peer->ready || peer->refused)
		abort();
	peer->ready = true;
}

static void on_refused(void *arg, const char *code)
{
	struct peer *peer = arg;
	if (peer->refused || strlen(code) > RTMP_PUSH_CODE_MAX)
		abort();
	peer->refused = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct rtmp_push_ops ops = { on_output, on_ready, on_refused };
	static const struct rtmp_push_target target = { "rtmp://there/live", "live", "key" };
	static const uint8_t shake[1 + 2 * RTMP_HANDSHAKE_SIZE] = { RTMP_VERSION };
	struct peer peer = { 0 };
	struct rtmp_push *push;
	if (rtmp_push_create(&push, &target, &ops, &peer))
		abort();
	rtmp_push_begin(push);
	rtmp_push_feed(push, shake, sizeof(shake));
	/* The first byte chooses the pieces. */
	const size_t piece = len ? 1 + (size_t)data[0] * 7 : 1;
	for (size_t at = 1; at < len; at += piece)
		rtmp_push_feed(push, data + at, len - at < piece ? len - at : piece);
	if (peer.ready && !peer.refused) {
		struct bytes out;
		struct buf *tag = flv_file_header();
		bytes_init(&out, 1024);
		rtmp_push_tags(push, &tag, 1, &out);
		buf_unref(tag);
		bytes_finish(&out);
	}
	rtmp_push_goodbye(push);
	rtmp_push_destroy(push);
	return 0;
}
