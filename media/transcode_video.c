#include "media/transcode_video.h"

#include "media/codec/h264.h"
#include "media/frame_rate.h"
#include "media/transcode_pool.h"
#include "media/transcode_seat.h"
#include "server/core/alloc.h"
#include "server/core/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	HANG_US = 2000000, /* without an answer to a picture */
	KNOWN = 512, /* pictures whose times are kept; more than can be on their way */
	DELAY_STEP_US = 500,
	DELAYS = 200, /* the last one: everything longer */
	FRAME_US = 33333, /* until it is found out */
};

/* What a picture brings to the frames that are made of it. */
struct known {
	int64_t media_us;
	uint32_t epoch;
	bool stamp;
	int64_t capture_us;
	int64_t duration_us;
	int64_t gap_us;
	int64_t in_us; /* when it came; 0: from the cache, its delay says nothing */
};

struct slot {
	bool wanted;
	struct media_config *config; /* NULL: the child has not said yet */
	bool begun;
	int64_t newest_us; /* media time of its last frame out */
};

struct transcode_video {
	struct transcode_seat seat;
	struct transcode_pool *pool;
	transcode_video_fn on_frame;
	void *arg;
	struct media_config *source; /* what the child knows; NULL: nothing */
	struct protocol_rungs rungs;
	bool rungs_told;
	struct frame_rate rate;
	bool need_key; /* nothing goes in before a keyframe */
	uint64_t sent; /* pictures, to this child */
	uint64_t cached; /* of them, up to the last one that came from the cache */
	uint8_t force;
	struct slot slots[PROTOCOL_SLOTS];
	struct known known[KNOWN];
	unsigned noted;
	uint32_t delays[DELAYS]; /* how often one of (index + 1) steps */
	struct transcode_video_stats stats;
};

static void on_taken(void *arg)
{
	struct transcode_video *video = arg;
	media_config_unref(video->source);
	video->source = NULL;
	video->rungs_told = false;
	video->need_key = true;
	video->sent = 0;
	video->cached = 0;
}

static void on_lost(unsigned in_flight, void *arg)
{
	struct transcode_video *video = arg;
	video->stats.dropped += in_flight;
}

/* What comes out. */

static int on_rung_config(struct transcode_video *video, const struct protocol_avcc *in)
{
	struct h264_avcc avcc;
	if (h264_avcc_parse(&avcc, in->data, in->len) || avcc.length_size != 4)
		return -EPROTO;
	struct media_config *config =
		h264_config_create(avcc.sps, avcc.sps_count, avcc.pps, avcc.pps_count);
	if (!config)
		return -EPROTO;
	media_config_unref(video->slots[in->slot].config);
	video->slots[in->slot].config = config;
	return config->reorders ? -EPROTO : 0;
}

/* The slices alone. *key tells whether the first is of an IDR picture. -EPROTO when there is none.
 */
static int collect(struct bytes *out, const struct protocol_rung_frame *in, bool *key)
{
	struct h264_reader reader;
	struct h264_nal nal;
	h264_read_avcc(&reader, in->data, in->len, 4);
	while (h264_next(&reader, &nal)) {
		const enum h264_nal_type type = h264_nal_type(&nal);
		if (type != H264_NAL_SLICE && type != H264_NAL_IDR)
			continue;
		if (out->len == 0)
			*key = type == H264_NAL_IDR;
		bytes_be32(out, (uint32_t)nal.len);
		bytes_put(out, nal.data, nal.len);
	}
	return reader.bad || out->len == 0 || !bytes_ok(out) ? -EPROTO : 0;
}

static const struct known *find(const struct transcode_video *video, int64_t media_us,
				uint32_t epoch)
{
	for (unsigned i = 1; i <= KNOWN; i++) {
		const struct known *known = &video->known[(video->noted - i) % KNOWN];
		if (known->media_us == media_us && known->epoch == epoch)
			return known;
	}
	return NULL;
}

static void note_delay(struct transcode_video *video, const struct known *known)
{
	if (!known->in_us)
		return;
	const int64_t delay_us = loop_now_us(transcode_pool_loop(video->pool)) - known->in_us;
	const int64_t index = delay_us / DELAY_STEP_US;
	video->delays[index < 0 ? 0 : index < DELAYS ? index : DELAYS - 1]++;
}

static struct frame *make_frame(const struct protocol_rung_frame *in, const struct known *known,
				struct media_config *config)
{
	struct bytes data;
	bool key = false;
	bytes_init(&data, PROTOCOL_PICTURE_MAX);
	struct buf *buf = collect(&data, in, &key) ? NULL : buf_from_bytes(&data);
	bytes_finish(&data);
	if (!buf)
		return NULL;
	struct frame *frame = frame_create(media_config_ref(config), buf);
	frame->key = key;
	frame->rendition = in->slot;
	frame->epoch = in->epoch;
	frame->media_us = in->media_us;
	frame->dts_us = in->media_us;
	frame->capture_us = known->capture_us;
	frame->duration_us = known->duration_us;
	frame->gap_us = known->gap_us;
	frame->stamp = known->stamp;
	return frame;
}

static int on_rung_frame(struct transcode_video *video, const struct protocol_rung_frame *in)
{
	struct slot *slot = &video->slots[in->slot];
	const struct known *known = find(video, in->media_us, in->epoch);
	if (!known || !slot->config)
		return -EPROTO;
	/* Of a rung that was taken away meanwhile, or what the child before gave already. */
	if (!slot->wanted || (slot->begun && in->media_us <= slot->newest_us))
		return 0;
	struct frame *frame = make_frame(in, known, slot->config);
	if (!frame)
		return -EPROTO;
	slot->begun = true;
	slot->newest_us = in->media_us;
	video->stats.frames_out++;
	note_delay(video, known);
	/* Last: the transcoder may be gone afterwards. */
	video->on_frame(frame, video->arg);
	frame_unref(frame);
	return 0;
}

static int on_message(const struct protocol_message *message, void *arg)
{
	if (message->type == PROTOCOL_RUNG_CONFIG)
		return on_rung_config(arg, &message->avcc);
	if (message->type == PROTOCOL_RUNG_FRAME)
		return on_rung_frame(arg, &message->rung_frame);
	return -EPROTO;
}

static const struct transcode_seat_ops seat_ops = { on_taken, on_message, on_lost };

/* What goes in. */

int transcode_video_create(struct transcode_video **out, struct transcode_pool *pool,
			   transcode_video_fn on_frame, void *arg)
{
	struct transcode_video *video = xcalloc(1, sizeof(*video));
	video->pool = pool;
	video->on_frame = on_frame;
	video->arg = arg;
	video->rungs.frame_us = FRAME_US;
	video->need_key = true;
	transcode_seat_open(&video->seat, pool, &seat_ops, video, HANG_US);
	*out = video;
	return 0;
}

void transcode_video_rungs(struct transcode_video *video, const struct protocol_rung *rungs,
			   unsigned count)
{
	for (unsigned i = 0; i < PROTOCOL_SLOTS; i++)
		video->slots[i].wanted = false;
	video->rungs.count = (uint8_t)count;
	for (unsigned i = 0; i < count; i++) {
		video->rungs.rungs[i] = rungs[i];
		video->slots[rungs[i].slot].wanted = true;
	}
	video->rungs_told = false;
}

void transcode_video_key(struct transcode_video *video, unsigned slot)
{
	video->force |= (uint8_t)(1u << slot);
}

static bool same_header(const struct media_config *a, const struct media_config *b)
{
	return a == b || (a && a->header->len == b->header->len &&
			  !memcmp(a->header->data, b->header->data, b->header->len));
}

static int tell_source(struct transcode_video *video, struct media_config *config)
{
	const struct protocol_message message = {
		.type = PROTOCOL_VIDEO,
		.avcc = { .data = config->header->data, .len = config->header->len },
	};
	const int err = transcode_seat_send(&video->seat, &message);
	if (err)
		return err;
	media_config_unref(video->source);
	video->source = media_config_ref(config);
	return 0;
}

static int tell_rungs(struct transcode_video *video)
{
	const struct protocol_message message = { .type = PROTOCOL_RUNGS, .rungs = video->rungs };
	const int err = transcode_seat_send(&video->seat, &message);
	video->rungs_told = !err;
	return err;
}

/* Whatever the child has to know before this picture. */
static int tell(struct transcode_video *video, const struct frame *frame)
{
	int err = 0;
	if (!same_header(video->source, frame->config))
		err = tell_source(video, frame->config);
	/* Encoders start anew with another rate, so at a keyframe. */
	const uint32_t frame_us = frame_rate_better(&video->rate, video->rungs.frame_us);
	if (frame->key && frame_us != video->rungs.frame_us) {
		video->rungs.frame_us = frame_us;
		video->rungs_told = false;
	}
	if (!err && !video->rungs_told)
		err = tell_rungs(video);
	return err;
}

static int send_picture(struct transcode_video *video, const struct frame *frame, bool decode_only)
{
	int err = tell(video, frame);
	const struct protocol_message message = {
		.type = PROTOCOL_PICTURE,
		.picture = { .media_us = frame->media_us,
			     .epoch = frame->epoch,
			     .key = frame->key,
			     .decode_only = decode_only,
			     .force = video->force,
			     .data = frame->data->data,
			     .len = frame->data->len },
	};
	if (!err)
		err = transcode_seat_send(&video->seat, &message);
	if (err)
		return err;
	video->force = 0;
	video->sent++;
	return 0;
}

static void note(struct transcode_video *video, const struct frame *frame, int64_t in_us)
{
	video->known[video->noted++ % KNOWN] = (struct known){
		.media_us = frame->media_us,
		.epoch = frame->epoch,
		.stamp = frame->stamp,
		.capture_us = frame->capture_us,
		.duration_us = frame->duration_us,
		.gap_us = frame->gap_us,
		.in_us = in_us,
	};
}

static bool usable(const struct frame *frame)
{
	const struct buf *header = frame->config->header;
	return frame->codec == CODEC_H264 && header && header->len > 0 &&
	       header->len <= PROTOCOL_AVCC_MAX && frame->data->len > 0 &&
	       frame->data->len <= PROTOCOL_PICTURE_MAX;
}

/* Pictures in flight that came live; those of the cache are worked off first. */
static unsigned live_in_flight(const struct transcode_video *video)
{
	const uint64_t answered = video->sent - video->seat.in_flight;
	return (unsigned)(video->sent - (answered > video->cached ? answered : video->cached));
}

static bool may_send(const struct transcode_video *video, const struct frame *frame)
{
	return usable(frame) && video->seat.child && (frame->key || !video->need_key);
}

/* False when it was dropped. */
static bool put(struct transcode_video *video, const struct frame *frame, bool cached,
		bool decode_only)
{
	video->stats.frames_in++;
	frame_rate_note(&video->rate, frame->dts_us);
	const int64_t now_us = loop_now_us(transcode_pool_loop(video->pool));
	if (!may_send(video, frame) || send_picture(video, frame, decode_only)) {
		video->need_key = true;
		video->stats.dropped++;
		return false;
	}
	video->need_key = false;
	video->stats.skipped += decode_only;
	note(video, frame, cached ? 0 : now_us);
	return true;
}

void transcode_video_start(struct transcode_video *video, struct frame *const *gop, size_t count)
{
	size_t last = 0;
	for (size_t i = 0; i < count; i++) {
		if (!codec_is_video(gop[i]->codec))
			continue;
		frame_rate_note(&video->rate, gop[i]->dts_us);
		last = i;
	}
	for (size_t i = 0; count <= TRANSCODE_VIDEO_GOP_MAX && i < count; i++) {
		if (codec_is_video(gop[i]->codec) && !put(video, gop[i], true, i < last))
			break;
	}
	video->cached = video->sent;
}

void transcode_video_push(struct transcode_video *video, const struct frame *frame)
{
	if (live_in_flight(video) >= TRANSCODE_VIDEO_MAX)
		video->need_key = true;
	/* A keyframe, too, has to find room. */
	if (live_in_flight(video) >= 2 * TRANSCODE_VIDEO_MAX) {
		video->stats.frames_in++;
		video->stats.dropped++;
		return;
	}
	const bool behind = video->seat.in_flight >= TRANSCODE_VIDEO_BEHIND;
	(void)put(video, frame, false, behind && !frame->key);
}

bool transcode_video_needs_key(const struct transcode_video *video)
{
	return video->need_key;
}

/* The delay that `share` of a thousand pictures did not exceed. */
static int64_t delay_us(const struct transcode_video *video, uint64_t share)
{
	uint64_t all = 0;
	for (unsigned i = 0; i < DELAYS; i++)
		all += video->delays[i];
	uint64_t seen = 0;
	for (unsigned i = 0; all && i < DELAYS; i++) {
		seen += video->delays[i];
		if (seen * 1000 >= all * share)
			return (int64_t)(i + 1) * DELAY_STEP_US;
	}
	return 0;
}

void transcode_video_stats(const struct transcode_video *video, struct transcode_video_stats *stats)
{
	const struct protocol_progress progress = transcode_seat_progress(&video->seat);
	*stats = video->stats;
	stats->decode_errors = progress.decode_errors;
	stats->cpu_us = progress.cpu_us;
	stats->restarts = video->seat.restarts;
	stats->in_flight = video->seat.in_flight;
	stats->latency_p50_us = delay_us(video, 500);
	stats->latency_p99_us = delay_us(video, 990);
}

pid_t transcode_video_pid(const struct transcode_video *video)
{
	return transcode_seat_pid(&video->seat);
}

void transcode_video_destroy(struct transcode_video *video)
{
	if (!video)
		return;
	transcode_seat_close(&video->seat);
	media_config_unref(video->source);
	for (unsigned i = 0; i < PROTOCOL_SLOTS; i++)
		media_config_unref(video->slots[i].config);
	free(video);
}
