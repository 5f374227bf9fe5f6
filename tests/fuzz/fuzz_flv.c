/* FLV tag bodies: a byte that says audio or video, two of length, two of time, the body. */
#include "media/frame.h"
#include "media/ingest/flv_ingest.h"
#include "media/output/flv_muxer.h"
#include "server/core/bits.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_frame(void *arg, struct frame *frame)
{
	(void)arg;
	frame->stamp = frame->key;
	if (!frame->data->len || !flv_frame_tag(frame))
		abort();
	frame_unref(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct flv_ingest ingest;
	struct bits bits;
	flv_ingest_init(&ingest, on_frame, NULL);
	bits_init(&bits, data, len);
	while (bits_left(&bits)) {
		const uint8_t type = bits_u8(&bits);
		const uint16_t body_len = bits_be16(&bits);
		const uint32_t at_ms = bits_be16(&bits) * 65537U;
		const struct bits body = bits_sub(&bits, body_len);
		if (!bits_ok(&bits))
			break;
		if (type & 1)
			(void)flv_ingest_video(&ingest, at_ms, body.at, bits_left(&body));
		else
			(void)flv_ingest_audio(&ingest, at_ms, body.at, bits_left(&body));
	}
	flv_ingest_finish(&ingest);
	return 0;
}
