#include "media/transcode.h"

#include "media/transcode_child.h"
#include "server/core/alloc.h"
#include "server/core/log.h"
#include "server/core/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
	IN_FLIGHT_MAX = 64, /* frames; 1.3 s of sound */
	HANG_US = 1000000, /* without an answer to a frame */
	AGAIN_US = 1000000, /* between two starts that fail */
	AHEAD_MAX_US = 1000000, /* a frame out may lie behind the newest one in by */
};

struct transcode_pool {
	struct loop *loop;
	const struct log *log;
	char *program;
	struct transcode_child *spare; /* NULL while it cannot be started */
	struct timer start;
	struct list transcodes; // transcode.link
	struct list dying; // the children's own
	struct transcode_pool_stats stats;
};

/* How an epoch's media time lies to capture time, as of its newest frame in. */
struct capture_line {
	uint32_t epoch;
	int64_t offset_us;
};

struct transcode {
	struct list link;
	struct transcode_pool *pool;
	transcode_frame_fn on_frame;
	void *arg;
	struct media_config *from;
	struct media_config *to;
	int64_t step_us; /* a frame out lasts that long, or one more */

	struct transcode_child *child; /* NULL between a loss and the next start */
	bool was_ready; /* the child was, when the watchdog was started */
	bool fresh; /* the child has not been told anything */
	bool configured; /* the child knows `from` */
	unsigned in_flight; /* frames sent and not yet worked off */
	int64_t again_us; /* not before is a child replaced that was lost */
	struct timer watchdog; /* runs while frames are in flight */
	struct timer restart;

	bool begun; /* a frame has come in */
	struct capture_line lines[2]; /* of this epoch and the one before */
	int64_t in_end_us;
	bool has_out;
	uint32_t out_epoch;
	int64_t out_end_us;

	struct transcode_stats stats;
	struct protocol_progress before; /* of children that are gone */
	struct protocol_progress now;
};

/* The spare. */

static int on_spare_message(const struct protocol_message *message, void *arg)
{
	(void)message;
	(void)arg;
	return -EPROTO;
}

static void on_spare_end(void *arg)
{
	struct transcode_pool *pool = arg;
	pool->stats.lost++;
	log_warn(pool->log, "spare transcoder lost");
	transcode_child_kill(pool->spare);
	pool->spare = NULL;
	timer_start(&pool->start, AGAIN_US);
}

static const struct transcode_child_ops spare_ops = { on_spare_message, on_spare_end };

static void on_start_spare(void *arg)
{
	struct transcode_pool *pool = arg;
	const int err =
		transcode_child_create(&pool->spare, pool->loop, pool->program, &pool->dying);
	if (err) {
		log_error(pool->log, "transcoder cannot be started program=%s errno=%d",
			  pool->program, -err);
		timer_start(&pool->start, AGAIN_US);
		return;
	}
	pool->stats.started++;
	transcode_child_bind(pool->spare, &spare_ops, pool);
}

int transcode_pool_create(struct transcode_pool **out, struct loop *loop, const char *program,
			  const struct log *log)
{
	struct transcode_pool *pool = xcalloc(1, sizeof(*pool));
	pool->loop = loop;
	pool->log = log;
	pool->program = xstrdup(program);
	list_init(&pool->transcodes);
	list_init(&pool->dying);
	timer_init(&pool->start, loop, on_start_spare, pool);
	on_start_spare(pool);
	*out = pool;
	return 0;
}

void transcode_pool_stats(const struct transcode_pool *pool, struct transcode_pool_stats *stats)
{
	*stats = pool->stats;
	stats->spare_ready = pool->spare && transcode_child_ready(pool->spare);
	stats->running = 0;
	list_for_each (link, &pool->transcodes)
		stats->running += list_entry(link, struct transcode, link)->child != NULL;
}

void transcode_pool_destroy(struct transcode_pool *pool)
{
	if (!pool)
		return;
	assert(list_empty(&pool->transcodes));
	timer_stop(&pool->start);
	transcode_child_kill(pool->spare);
	transcode_children_wait(&pool->dying);
	free(pool->program);
	free(pool);
}

/* One transcode. */

static void lose_child(struct transcode *transcode)
{
	if (!transcode->child)
		return;
	transcode_child_kill(transcode->child);
	transcode->child = NULL;
	timer_stop(&transcode->watchdog);
	transcode->stats.dropped += transcode->in_flight;
	transcode->in_flight = 0;
	transcode->before.decode_errors += transcode->now.decode_errors;
	transcode->before.silence_us += transcode->now.silence_us;
	transcode->now = (struct protocol_progress){ 0 };
}

static void on_child_end(void *arg)
{
	struct transcode *transcode = arg;
	struct transcode_pool *pool = transcode->pool;
	lose_child(transcode);
	pool->stats.lost++;
	transcode->stats.restarts++;
	log_warn(pool->log, "transcoder replaced restarts=%u", transcode->stats.restarts);
	/* At once, unless the stream kills each child that it is given to. */
	const int64_t now_us = loop_now_us(pool->loop);
	timer_start_at(&transcode->restart,
		       transcode->again_us > now_us ? transcode->again_us : now_us);
	transcode->again_us = now_us + AGAIN_US;
}

static void on_hang(void *arg)
{
	struct transcode *transcode = arg;
	if (transcode->was_ready) {
		on_child_end(transcode);
		return;
	}
	/* While it starts it need not answer; from then on it gets the whole time. */
	transcode->was_ready = transcode_child_ready(transcode->child);
	timer_start(&transcode->watchdog, HANG_US);
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

static int on_child_message(const struct protocol_message *message, void *arg)
{
	struct transcode *transcode = arg;
	if (message->type == PROTOCOL_FRAME)
		return on_frame_out(transcode, &message->frame);
	if (transcode->in_flight == 0)
		return -EPROTO;
	transcode->now = message->progress;
	if (--transcode->in_flight == 0)
		timer_stop(&transcode->watchdog);
	else
		timer_start(&transcode->watchdog, HANG_US);
	transcode->was_ready = true;
	return 0;
}

static const struct transcode_child_ops child_ops = { on_child_message, on_child_end };

/* Takes the spare over; its successor is started in the loop's next turn. */
static void take_child(void *arg)
{
	struct transcode *transcode = arg;
	struct transcode_pool *pool = transcode->pool;
	if (!pool->spare) {
		timer_start(&transcode->restart, AGAIN_US / 10);
		return;
	}
	transcode->child = pool->spare;
	transcode->was_ready = transcode_child_ready(transcode->child);
	transcode->fresh = true;
	transcode->configured = false;
	transcode_child_bind(transcode->child, &child_ops, transcode);
	pool->spare = NULL;
	timer_start(&pool->start, 0);
}

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
	transcode->pool = pool;
	transcode->on_frame = on_frame;
	transcode->arg = arg;
	transcode->from = media_config_ref(from);
	transcode->to = config;
	transcode->step_us = to == CODEC_OPUS ? 20000 : 1024 * 1000000 / 48000;
	list_append(&pool->transcodes, &transcode->link);
	timer_init(&transcode->watchdog, pool->loop, on_hang, transcode);
	timer_init(&transcode->restart, pool->loop, take_child, transcode);
	take_child(transcode);
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
	const int err = transcode_child_send(transcode->child, &message);
	if (err)
		return err;
	transcode->fresh = false;
	transcode->configured = true;
	return 0;
}

static int send_frame(struct transcode *transcode, const struct frame *frame)
{
	if (!transcode->child || transcode->in_flight >= IN_FLIGHT_MAX)
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
	return transcode_child_send(transcode->child, &message);
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
	if (send_frame(transcode, frame)) {
		transcode->stats.dropped++;
		return;
	}
	if (transcode->in_flight++ == 0)
		timer_start(&transcode->watchdog, HANG_US);
}

void transcode_stats(const struct transcode *transcode, struct transcode_stats *stats)
{
	*stats = transcode->stats;
	stats->in_flight = transcode->in_flight;
	stats->decode_errors = transcode->before.decode_errors + transcode->now.decode_errors;
	stats->silence_us = transcode->before.silence_us + transcode->now.silence_us;
}

pid_t transcode_pid(const struct transcode *transcode)
{
	return transcode->child ? transcode_child_pid(transcode->child) : 0;
}

void transcode_destroy(struct transcode *transcode)
{
	if (!transcode)
		return;
	lose_child(transcode);
	timer_stop(&transcode->restart);
	list_remove(&transcode->link);
	media_config_unref(transcode->from);
	media_config_unref(transcode->to);
	free(transcode);
}
