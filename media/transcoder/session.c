#include "media/transcoder/session.h"

#include "media/transcoder/line.h"
#include "media/transcoder/stage.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OUT_RATE = 48000,
	SAMPLE_LEN = 4, /* two channels of 16 bits */
	SILENCE_CHUNK = 4800, /* samples */
};

/* A direction is a decoder and an encoder of this table. */
static const struct {
	const char *decoder;
	const char *encoder;
	const char *encoded; /* caps */
	uint32_t frame; /* samples of a frame out */
	uint32_t priming; /* samples that a decoder gives before the first one that was put in */
} codecs[] = {
	[PROTOCOL_AAC] = {
		.decoder = "avdec_aac ! audioconvert",
		.encoder = "audioresample ! audioconvert ! audio/x-raw,rate=48000,channels=2 ! "
			   "avenc_aac bitrate=128000",
		.encoded = "audio/mpeg,mpegversion=4",
		.frame = 1024,
		.priming = 1024, /* one block of the MDCT's overlap */
	},
	[PROTOCOL_OPUS] = {
		.decoder = "opusdec ! audioconvert",
		.encoder = "audioresample ! audioconvert ! audio/x-raw,rate=48000,channels=2 ! "
			   "opusenc bitrate=96000 bitrate-type=constrained-vbr frame-size=20",
		.encoded = "audio/x-opus",
		.frame = 960,
		.priming = 312, /* RFC 7845 §4.2: the encoder's look-ahead, 6.5 ms in libopus */
	},
};

static const char pcm_caps[] = "audio/x-raw,format=S16LE,channels=2,layout=interleaved";

struct session {
	session_fn fn;
	void *arg;
	struct protocol_config config;
	uint8_t asc[PROTOCOL_ASC_MAX];
	struct protocol_progress *progress;
	int err; /* of a callback inside a push */

	struct stage *decode;
	uint32_t decoded_rate; /* of the samples that it gives; 0: not known */
	int64_t decoded_us; /* the decoder's own time, of no meaning outside of it */
	uint32_t epoch;
	bool begun; /* a frame has come, so epoch is known */
	int64_t next_us; /* media time of the next sample that the decoder gives */

	struct stage *encode; /* NULL until samples have come: their rate is the decoder's to say */
	struct line line;
	int64_t encoder_in; /* samples */
	int64_t encoder_out; /* frames */
	int64_t first_us; /* nothing is given out that starts before */
};

static void give_out(struct session *session, const uint8_t *data, size_t len)
{
	const uint32_t frame_len = codecs[session->config.to].frame;
	const int64_t first =
		session->encoder_out++ * frame_len - codecs[session->config.to].priming;
	const int64_t at_us = line_time_us(session->line.anchor_us, first, OUT_RATE);
	const int64_t end_us = line_time_us(session->line.anchor_us, first + frame_len, OUT_RATE);
	if (at_us < session->first_us || len == 0 || len > PROTOCOL_DATA_MAX)
		return;
	const struct protocol_frame frame = {
		.media_us = at_us,
		.duration_us = (uint32_t)(end_us - at_us),
		.epoch = session->epoch,
		.data = data,
		.len = len,
	};
	session->first_us = end_us;
	session->fn(&frame, session->arg);
}

static void on_encoded(GstBuffer *buffer, void *arg)
{
	GstMapInfo map;
	if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
		return;
	give_out(arg, map.data, map.size);
	gst_buffer_unmap(buffer, &map);
}

static const struct stage_ops encoder_ops = { .buffer = on_encoded };

/* `data` NULL: zeros. */
static int push(struct stage *stage, const uint8_t *data, size_t len, int64_t at_us,
		int64_t duration_us)
{
	GstBuffer *buffer = gst_buffer_new_allocate(NULL, len, NULL);
	if (!buffer)
		return -ENOMEM;
	if (data)
		gst_buffer_fill(buffer, 0, data, len);
	else
		gst_buffer_memset(buffer, 0, 0, len);
	GST_BUFFER_PTS(buffer) = (GstClockTime)at_us * 1000;
	GST_BUFFER_DURATION(buffer) = (GstClockTime)duration_us * 1000;
	return stage_push(stage, buffer);
}

/* Starts the line and a fresh encoder, so that frames can be counted from the line's start. */
static int start_encoder(struct session *session, uint32_t rate, int64_t anchor_us)
{
	char in[128];
	snprintf(in, sizeof(in), "%s,rate=%u", pcm_caps, rate);
	GstCaps *caps = stage_caps(in, NULL, 0);
	const struct stage_params params = {
		.elements = codecs[session->config.to].encoder,
		.in = caps,
		.out = codecs[session->config.to].encoded,
		.ops = &encoder_ops,
		.arg = session,
	};
	stage_destroy(session->encode);
	session->encode = NULL;
	session->encoder_in = 0;
	session->encoder_out = 0;
	line_start(&session->line, rate, anchor_us);
	const int err = stage_create(&session->encode, &params);
	gst_clear_caps(&caps);
	return err;
}

/* The first samples: where a session that was cut off left off, or where they stand. */
static int start_line(struct session *session, uint32_t rate, int64_t media_us)
{
	if (!session->config.resume) {
		if (session->first_us < media_us)
			session->first_us = media_us;
		return start_encoder(session, rate, media_us);
	}
	session->config.resume = false;
	session->first_us = session->config.resume_us;
	const int64_t priming = codecs[session->config.to].priming;
	return start_encoder(session, rate,
			     line_time_us(session->config.resume_us, priming, OUT_RATE));
}

/* `pcm` NULL: silence. */
static int encode(struct session *session, const uint8_t *pcm, uint32_t count)
{
	const uint32_t rate = session->line.rate;
	const int64_t at_us = line_time_us(0, session->encoder_in, rate);
	session->encoder_in += count;
	const int64_t end_us = line_time_us(0, session->encoder_in, rate);
	return push(session->encode, pcm, (size_t)count * SAMPLE_LEN, at_us, end_us - at_us);
}

static int encode_silence(struct session *session, uint32_t count)
{
	int err = 0;
	session->progress->silence_us +=
		(uint64_t)line_time_us(0, (int64_t)count, session->line.rate);
	while (!err && count > 0) {
		const uint32_t chunk = count < SILENCE_CHUNK ? count : SILENCE_CHUNK;
		err = encode(session, NULL, chunk);
		count -= chunk;
	}
	return err;
}

static int take_pcm(struct session *session, const uint8_t *pcm, uint32_t count, uint32_t rate)
{
	const int64_t media_us = session->next_us;
	session->next_us = line_time_us(media_us, count, rate);
	int err = 0;
	if (!session->encode || session->line.rate != rate)
		err = start_line(session, rate, media_us);
	if (err)
		return err;
	struct line_step step = line_take(&session->line, media_us, count);
	if (step.restart) {
		err = start_line(session, rate, media_us);
		step = line_take(&session->line, media_us, count);
	}
	if (!err && step.silence)
		err = encode_silence(session, step.silence);
	if (!err && step.skip < count)
		err = encode(session, pcm + (size_t)step.skip * SAMPLE_LEN, count - step.skip);
	return err;
}

static void on_decoded_caps(GstCaps *caps, void *arg)
{
	struct session *session = arg;
	int rate = 0;
	gst_structure_get_int(gst_caps_get_structure(caps, 0), "rate", &rate);
	session->decoded_rate = rate > 0 ? (uint32_t)rate : 0;
}

static void on_decoded(GstBuffer *buffer, void *arg)
{
	struct session *session = arg;
	GstMapInfo map;
	if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
		return;
	const uint32_t count = (uint32_t)(map.size / SAMPLE_LEN);
	if (!session->err && session->decoded_rate && count)
		session->err = take_pcm(session, map.data, count, session->decoded_rate);
	gst_buffer_unmap(buffer, &map);
}

static const struct stage_ops decoder_ops = { .caps = on_decoded_caps, .buffer = on_decoded };

static int start_decoder(struct session *session)
{
	char in[128];
	const struct protocol_config *config = &session->config;
	if (config->from == PROTOCOL_AAC)
		snprintf(
			in, sizeof(in),
			"audio/mpeg,mpegversion=4,stream-format=raw,framed=true,rate=%u,channels=%u",
			config->sample_rate ? config->sample_rate : OUT_RATE,
			config->channels ? config->channels : 2u);
	else
		snprintf(in, sizeof(in),
			 "audio/x-opus,channel-mapping-family=0,rate=48000,channels=2");
	GstCaps *caps = stage_caps(in, config->asc_len ? config->asc : NULL, config->asc_len);
	const struct stage_params params = {
		.elements = codecs[config->from].decoder,
		.in = caps,
		.out = pcm_caps,
		.ops = &decoder_ops,
		.arg = session,
	};
	stage_destroy(session->decode);
	session->decode = NULL;
	const int err = stage_create(&session->decode, &params);
	gst_clear_caps(&caps);
	return err;
}

/* A new epoch owes nothing to the former one: neither to its samples nor to its clock. */
static int enter_epoch(struct session *session, uint32_t epoch)
{
	stage_destroy(session->encode);
	session->encode = NULL;
	session->epoch = epoch;
	return start_decoder(session);
}

int session_create(struct session **out, const struct session_params *params)
{
	struct session *session = xcalloc(1, sizeof(*session));
	session->fn = params->fn;
	session->arg = params->arg;
	session->progress = params->progress;
	session->first_us = params->not_before_us;
	session->config = *params->config;
	if (session->config.asc_len)
		memcpy(session->asc, params->config->asc, session->config.asc_len);
	session->config.asc = session->asc;
	const int err = start_decoder(session);
	if (err)
		goto fail;
	*out = session;
	return 0;
fail:
	session_destroy(session);
	return err;
}

int session_push(struct session *session, const struct protocol_frame *frame)
{
	int err = 0;
	session->progress->frames_in++;
	if (!session->begun)
		session->epoch = frame->epoch;
	session->begun = true;
	if (frame->epoch != session->epoch)
		err = enter_epoch(session, frame->epoch);
	if (err)
		return err;
	session->next_us = frame->media_us;
	session->err = 0;
	const int64_t before_us = session->next_us;
	const int64_t duration_us = frame->duration_us ? frame->duration_us : 1;
	err = push(session->decode, frame->data, frame->len, session->decoded_us, duration_us);
	session->decoded_us += duration_us;
	if (session->err)
		return session->err;
	if (err || session->next_us == before_us)
		session->progress->decode_errors++;
	return err ? start_decoder(session) : 0;
}

int64_t session_end_us(const struct session *session)
{
	return session->first_us;
}

void session_destroy(struct session *session)
{
	if (!session)
		return;
	stage_destroy(session->decode);
	stage_destroy(session->encode);
	free(session);
}
