#include "media/transcode.h"

#include "media/transcode_pool.h"
#include "media/transcode_seat.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <stdlib.h>

enum {
	IN_FLIGHT_MAX = 64, /* frames; 1.3 s of sound */
	HANG_US = 1000000, /* without an answer to a frame */
	AHEAD_MAX_US = 1000000, /* a frame out may lie behind the newest one in by */
};

/* How an epoch's media time lies to capture time, as of its newest frame in. */
struct capture_line {
	uint32_t epoch;
	int64_t offset_us;
};

struct transcode {
	struct transcode_seat seat;
	transcode_frame_fn on_frame;
	void *arg;
	struct media_config *from;
	struct media_config *to;
	int64_t step_us; /* a frame out lasts that long, or one more */

	bool fresh; /* the child has not been told anything */
	bool configured; /* the child knows `from` */

	bool begun; /* a frame has come in */
	struct capture_line lines[2]; /* of this epoch and the one before */
	int64_t in_end_us;
	bool has_out;
	uint32_t out_epoch;
	int64_t out_end_us;

	struct transcode_stats stats;
};

static void on_taken(void *arg)
{
	struct transcode *transcode = arg;
	transcode->fresh = true;
	transcode->configured = false;
}

static void on_lost(unsigned in_flight, void *arg)
{
	struct transcode *transcode = arg;
	transcode->stats.dropped += in_flight;
}

static const struct capture_line *capture_line_of(const struct transcode *transcode, uint32_t epoch)
{
	for (unsigned i = 0; i < 2; i++) {
		if (transcode->begun && transcode->lines[i].epoch == epoch)
			return &transcode->lines[i];
	}
	return NULL;
}

static int on_frame_out(struct transcode *transcode, const struct protocol_frame *in)
{
	const struct capture_line *line = capture_line_of(transcode, in->epoch);
	const int64_t longer_us = (int64_t)in->duration_us - transcode->step_us;
	if (longer_us < 0 || longer_us > 1 || in->media_us > transcode->in_end_us + AHEAD_MAX_US)
		return -EPROTO;
	/* Of a long gone epoch, or of a source whose clock went back: nobody wants it. */
	if (!line || (transcode->has_out && in->media_us < transcode->out_end_us)) {
		transcode->stats.dropped++;
		return 0;
	}
	struct buf *data = buf_copy(in->data, in->len);
	if (!data)
		return -ENOMEM;
	struct frame *frame = frame_create(media_config_ref(transcode->to), data);
	frame->epoch = in->epoch;
	frame->media_us = in->media_us;
	frame->dts_us = in->media_us;
	frame->duration_us = in->duration_us;
	frame->capture_us = in->media_us + line->offset_us;
	transcode->has_out = true;
	transcode->out_epoch = in->epoch;
	transcode->out_end_us = in->media_us + in->duration_us;
	transcode->stats.frames_out++;
	/* Last: the transcode may be gone afterwards. */
	transcode->on_frame(frame, transcode->arg);
	frame_unref(frame);
	return 0;
}

static int on_message(const struct protocol_message *message, void *arg)
{
	return message->type == PROTOCOL_FRAME ? on_frame_out(arg, &message->frame) : -EPROTO;
}

static const struct transcode_seat_ops seat_ops = { on_taken, on_message, on_lost };

static struct media_config *output_config(enum codec codec)
{
	/* AudioSpecificConfig (ISO 14496-3 §1.6.2.1): AAC LC, 48 kHz, stereo. */
	static const uint8_t asc[] = { 0x11, 0x90 };
	struct buf *header = NULL;
	if (codec == CODEC_AAC) {
		header = buf_copy(asc, sizeof(asc));
		if (!header)
			return NULL;
	}
	struct media_config *config = media_config_create(codec, header);
	config->sample_rate = 48000;
	config->channels = 2;
	return config;
}

static bool usable(const struct media_config *from)
{
	if (from->codec == CODEC_OPUS)
		return true;
	return from->codec == CODEC_AAC && from->header && from->header->len > 0 &&
	       from->header->len <= PROTOCOL_ASC_MAX;
}

int transcode_create(struct transcode **out, struct transcode_pool *pool, struct media_config *from,
		     enum codec to, transcode_frame_fn on_frame, void *arg)
{
	if (!usable(from) || to != (from->codec == CODEC_AAC ? CODEC_OPUS : CODEC_AAC))
		return -EINVAL;
	struct media_config *config = output_config(to);
	if (!config)
		return -ENOMEM;
	struct transcode *transcode = xcalloc(1, sizeof(*transcode));
	transcode->on_frame = on_frame;
	transcode->arg = arg;
	transcode->from = media_config_ref(from);
	transcode->to = config;
	transcode->step_us = to == CODEC_OPUS ? 20000 : 1024 * 1000000 / 48000;
	transcode_seat_open(&transcode->seat, pool, &seat_ops, transcode, HANG_US);
	*out = transcode;
	return 0;
}

struct media_config *transcode_config(const struct transcode *transcode)
{
	return transcode->to;
}

static enum protocol_codec wire_codec(enum codec codec)
{
	return codec == CODEC_AAC ? PROTOCOL_AAC : PROTOCOL_OPUS;
}

/* A child that takes over within an epoch goes on where its predecessor's frames ended. */
static int send_config(struct transcode *transcode, uint32_t epoch)
{
	const struct media_config *from = transcode->from;
	const struct protocol_message message = {
		.type = PROTOCOL_CONFIG,
		.config = {
			.from = wire_codec(from->codec),
			.to = wire_codec(transcode->to->codec),
			.sample_rate = from->sample_rate,
			.channels = from->channels,
			.resume = transcode->fresh && transcode->has_out && transcode->out_epoch == epoch,
			.resume_us = transcode->out_end_us,
			.asc = from->header ? from->header->data : NULL,
			.asc_len = from->header ? from->header->len : 0,
		},
	};
	const int err = transcode_seat_send(&transcode->seat, &message);
	if (err)
		return err;
	transcode->fresh = false;
	transcode->configured = true;
	return 0;
}

static int send_frame(struct transcode *transcode, const struct frame *frame)
{
	if (!transcode->seat.child || transcode->seat.in_flight >= IN_FLIGHT_MAX)
		return -ENOBUFS;
	if (!transcode->configured && send_config(transcode, frame->epoch))
		return -ENOBUFS;
	const struct protocol_message message = {
		.type = PROTOCOL_FRAME,
		.frame = {
			.media_us = frame->media_us,
			.duration_us = frame->duration_us > 0 && frame->duration_us < 1000000 ?
					       (uint32_t)frame->duration_us : 0,
			.epoch = frame->epoch,
			.data = frame->data->data,
			.len = frame->data->len,
		},
	};
	return transcode_seat_send(&transcode->seat, &message);
}

static void note_input(struct transcode *transcode, const struct frame *frame)
{
	if (!transcode->begun || transcode->lines[0].epoch != frame->epoch)
		transcode->lines[1] = transcode->lines[0];
	transcode->lines[0].epoch = frame->epoch;
	transcode->lines[0].offset_us = frame->capture_us - frame->media_us;
	if (!transcode->begun)
		transcode->lines[1] = transcode->lines[0];
	transcode->begun = true;
	transcode->in_end_us = frame->media_us + frame->duration_us;
}

void transcode_push(struct transcode *transcode, const struct frame *frame)
{
	transcode->stats.frames_in++;
	if (frame->config != transcode->from && usable(frame->config) &&
	    frame->config->codec == transcode->from->codec) {
		media_config_unref(transcode->from);
		transcode->from = media_config_ref(frame->config);
		transcode->configured = false;
	}
	note_input(transcode, frame);
	if (send_frame(transcode, frame))
		transcode->stats.dropped++;
}

void transcode_stats(const struct transcode *transcode, struct transcode_stats *stats)
{
	const struct protocol_progress progress = transcode_seat_progress(&transcode->seat);
	*stats = transcode->stats;
	stats->in_flight = transcode->seat.in_flight;
	stats->restarts = transcode->seat.restarts;
	stats->decode_errors = progress.decode_errors;
	stats->silence_us = progress.silence_us;
	stats->cpu_us = progress.cpu_us;
}

pid_t transcode_pid(const struct transcode *transcode)
{
	return transcode_seat_pid(&transcode->seat);
}

void transcode_destroy(struct transcode *transcode)
{
	if (!transcode)
		return;
	transcode_seat_close(&transcode->seat);
	media_config_unref(transcode->from);
	media_config_unref(transcode->to);
	free(transcode);
}
