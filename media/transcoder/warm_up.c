#include "media/transcoder/warm_up.h"

#include "media/transcoder/encoder.h"
#include "media/transcoder/session.h"
#include "media/transcoder/stage.h"
#include "media/transcoder/still.h"
#include "server/core/bytes.h"

#include <errno.h>
#include <string.h>

/* AudioSpecificConfig (ISO 14496-3 §1.6.2.1): AAC LC, 48 kHz, stereo. */
static const uint8_t warm_asc[] = { 0x11, 0x90 };

static void count_frame(const struct protocol_frame *frame, void *arg)
{
	(void)frame;
	(*(unsigned *)arg)++;
}

static int run_session(const struct protocol_config *config, const uint8_t *packet, size_t len)
{
	unsigned frames = 0;
	struct protocol_progress progress = { 0 };
	const struct session_params params = {
		.config = config,
		.not_before_us = INT64_MIN,
		.progress = &progress,
		.fn = count_frame,
		.arg = &frames,
	};
	struct session *session = NULL;
	int err = session_create(&session, &params);
	for (int64_t i = 0; !err && i < 8; i++) {
		const struct protocol_frame frame = {
			.media_us = i * 20000,
			.duration_us = 20000,
			.data = packet,
			.len = len,
		};
		err = session_push(session, &frame);
	}
	session_destroy(session);
	return err ? err : frames ? 0 : -ENODATA;
}

int warm_up_sound(void)
{
	/* Silence: an empty Opus packet of 20 ms stereo (RFC 6716 §3.1), and an AAC frame of one
	 * channel pair element without spectral data. */
	static const uint8_t opus[] = { 0xfc, 0xff, 0xfe };
	static const uint8_t aac[] = { 0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c };
	const struct protocol_config from_opus = { .from = PROTOCOL_OPUS, .to = PROTOCOL_AAC };
	const struct protocol_config from_aac = {
		.from = PROTOCOL_AAC,
		.to = PROTOCOL_OPUS,
		.sample_rate = 44100,
		.channels = 2,
		.asc = warm_asc,
		.asc_len = sizeof(warm_asc),
	};
	const int err = run_session(&from_opus, opus, sizeof(opus));
	return err ? err : run_session(&from_aac, aac, sizeof(aac));
}

enum { SIDE = 256, GREY = 128, PICTURES = 4 };

struct warm_video {
	struct bytes avcc;
	struct bytes frames; /* each after a 32-bit length */
	unsigned decoded;
};

static void on_config(const uint8_t *data, size_t len, void *arg)
{
	struct warm_video *warm = arg;
	bytes_clear(&warm->avcc);
	bytes_put(&warm->avcc, data, len);
}

static void on_frame(const uint8_t *data, size_t len, GstClockTime pts, bool key, void *arg)
{
	struct warm_video *warm = arg;
	(void)pts;
	(void)key;
	bytes_put(&warm->frames, &len, sizeof(len));
	bytes_put(&warm->frames, data, len);
}

static void on_picture(GstBuffer *buffer, void *arg)
{
	(void)buffer;
	((struct warm_video *)arg)->decoded++;
}

static GstBuffer *with_time(GstBuffer *buffer, unsigned i)
{
	GST_BUFFER_PTS(buffer) = ENCODER_PTS_MIN + (GstClockTime)(i + 1) * 40 * GST_MSECOND;
	return buffer;
}

static int encode(struct warm_video *warm, const struct encoder_kind *kind, const char *preset)
{
	GstCaps *caps = stage_caps("video/x-raw,format=I420,width=256,height=256,framerate=25/1,"
				   "interlace-mode=progressive",
				   NULL, 0);
	const struct encoder_params params = {
		.kind = kind,
		.preset = preset,
		.pictures = caps,
		.bps = 100000,
		.config = on_config,
		.frame = on_frame,
		.arg = warm,
	};
	struct encoder *encoder = NULL;
	int err = encoder_create(&encoder, &params);
	for (unsigned i = 0; !err && i < PICTURES; i++) {
		const size_t len = SIDE * SIDE * 3 / 2;
		GstBuffer *picture = gst_buffer_new_allocate(NULL, len, NULL);
		gst_buffer_memset(picture, 0, GREY, len);
		err = encoder_push(encoder, with_time(picture, i), i == 2);
	}
	encoder_destroy(encoder);
	gst_caps_unref(caps);
	return err;
}

static int decode(struct warm_video *warm)
{
	static const struct stage_ops ops = { .buffer = on_picture };
	GstCaps *caps = stage_caps("video/x-h264,stream-format=avc,alignment=au", warm->avcc.data,
				   warm->avcc.len);
	const struct stage_params params = {
		.elements = "avdec_h264 max-threads=1",
		.in = caps,
		.out = "video/x-raw,format=I420",
		.ops = &ops,
		.arg = warm,
	};
	struct stage *stage = NULL;
	int err = stage_create(&stage, &params);
	for (unsigned i = 0; !err && warm->frames.len > 0; i++) {
		size_t len;
		memcpy(&len, warm->frames.data, sizeof(len));
		GstBuffer *buffer = gst_buffer_new_memdup(warm->frames.data + sizeof(len), len);
		err = stage_push(stage, with_time(buffer, i));
		bytes_consume(&warm->frames, sizeof(len) + len);
	}
	stage_destroy(stage);
	gst_caps_unref(caps);
	return err;
}

/* Of the first frame. */
static int make_still(const struct warm_video *warm)
{
	size_t len = 0;
	struct protocol_jpeg made;
	struct bytes jpeg;
	if (warm->frames.len < sizeof(len))
		return -ENODATA;
	memcpy(&len, warm->frames.data, sizeof(len));
	const struct protocol_still still = { .side = SIDE / 2,
					      .avcc = warm->avcc.data,
					      .avcc_len = warm->avcc.len,
					      .data = warm->frames.data + sizeof(len),
					      .len = len };
	bytes_init(&jpeg, PROTOCOL_JPEG_MAX);
	const int err = still_make(&still, &jpeg, &made);
	bytes_finish(&jpeg);
	return err;
}

int warm_up_video(const struct encoder_kind *kind, const char *preset)
{
	struct warm_video warm = { 0 };
	bytes_init(&warm.avcc, PROTOCOL_AVCC_MAX);
	bytes_init(&warm.frames, 1 << 20);
	int err = encode(&warm, kind, preset);
	if (!err)
		err = warm.avcc.len > 0 ? make_still(&warm) : -ENODATA;
	if (!err)
		err = decode(&warm);
	if (!err && warm.decoded == 0)
		err = -ENODATA;
	bytes_finish(&warm.avcc);
	bytes_finish(&warm.frames);
	return err;
}
