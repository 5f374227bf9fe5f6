#include "media/transcoder/lane.h"

#include "media/transcoder/gate.h"
#include "media/transcoder/scale.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <gst/video/video.h>
#include <pthread.h>
#include <stdlib.h>

enum { STACK_LEN = 2 * 1024 * 1024, PENDING = 16 };

/* A picture on its way to the lane's thread; without a buffer the encoder is given up. */
struct job {
	struct lane_picture picture;
	struct protocol_rung rung;
	uint32_t frame_us;
	uint64_t ticket; /* of the gate */
};

/* What the encoder's times stand for. */
struct pending {
	GstClockTime pts;
	int64_t media_us;
	uint32_t epoch;
};

struct lane {
	struct lane_params params;
	pthread_t thread;
	bool started;
	/* The owner's. */
	bool runs;
	struct protocol_rung rung;
	uint32_t frame_us;
	/* Guarded by the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job jobs[LANE_WAITING];
	unsigned waiting;
	bool stop;
	int err;
	/* The thread's. */
	struct encoder *encoder; /* NULL: made with the next picture */
	struct protocol_rung made_for;
	uint32_t made_frame_us;
	GstCaps *made_caps;
	GstVideoInfo from, to;
	struct scale *luma; /* NULL: the source has the size */
	struct scale *chroma;
	GstBuffer *scaled;
	GstClockTime last_pts;
	struct pending pending[PENDING];
	unsigned pushed;
};

static void on_config(const uint8_t *data, size_t len, void *arg)
{
	struct lane *lane = arg;
	const struct protocol_message message = {
		.type = PROTOCOL_RUNG_CONFIG,
		.avcc = { .slot = lane->params.slot, .data = data, .len = len },
	};
	lane->params.out(&message, lane->params.arg);
}

static void on_frame(const uint8_t *data, size_t len, GstClockTime pts, bool key, void *arg)
{
	struct lane *lane = arg;
	for (unsigned i = 0; i < PENDING; i++) {
		const struct pending *pending = &lane->pending[i];
		if (pending->pts != pts || len == 0 || len > PROTOCOL_PICTURE_MAX)
			continue;
		const struct protocol_message message = {
			.type = PROTOCOL_RUNG_FRAME,
			.rung_frame = { .slot = lane->params.slot,
					.key = key,
					.media_us = pending->media_us,
					.epoch = pending->epoch,
					.data = data,
					.len = len },
		};
		lane->params.out(&message, lane->params.arg);
		return;
	}
}

static void give_up(struct lane *lane)
{
	encoder_destroy(lane->encoder);
	scale_destroy(lane->luma);
	scale_destroy(lane->chroma);
	gst_clear_caps(&lane->made_caps);
	gst_clear_buffer(&lane->scaled);
	lane->encoder = NULL;
	lane->luma = NULL;
	lane->chroma = NULL;
}

/* The source's colours and shape of a pixel in the rung's size. */
static GstCaps *picture_caps(const struct job *job)
{
	GstCaps *caps = gst_caps_copy(job->picture.caps);
	/* To a thousandth of a picture a second, as 29.970. */
	const int rate = (int)((1000000000LL + job->frame_us / 2) / job->frame_us);
	gst_caps_set_simple(caps, "width", G_TYPE_INT, job->rung.width, "height", G_TYPE_INT,
			    job->rung.height, "framerate", GST_TYPE_FRACTION, rate, 1000,
			    "interlace-mode", G_TYPE_STRING, "progressive", NULL);
	return caps;
}

static int make_scales(struct lane *lane, const struct job *job)
{
	const struct scale_size from = { (unsigned)lane->from.width, (unsigned)lane->from.height };
	const struct scale_size to = { job->rung.width, job->rung.height };
	if (from.width == to.width && from.height == to.height)
		return 0;
	const struct scale_size from_half = { (from.width + 1) / 2, (from.height + 1) / 2 };
	const struct scale_size to_half = { to.width / 2, to.height / 2 };
	const int err = scale_create(&lane->luma, from, to);
	return err ? err : scale_create(&lane->chroma, from_half, to_half);
}

static int make_encoder(struct lane *lane, const struct job *job)
{
	give_up(lane);
	lane->made_for = job->rung;
	lane->made_frame_us = job->frame_us;
	lane->made_caps = gst_caps_ref(job->picture.caps);
	GstCaps *caps = picture_caps(job);
	const bool known = gst_video_info_from_caps(&lane->from, job->picture.caps) &&
			   gst_video_info_from_caps(&lane->to, caps);
	int err = known ? make_scales(lane, job) : -EINVAL;
	if (!err) {
		const struct encoder_params params = {
			.kind = lane->params.kind,
			.preset = lane->params.preset,
			.pictures = caps,
			.bps = job->rung.bps,
			.config = on_config,
			.frame = on_frame,
			.arg = lane,
		};
		err = encoder_create(&lane->encoder, &params);
	}
	gst_caps_unref(caps);
	return err;
}

static bool made_for(const struct lane *lane, const struct job *job)
{
	const struct protocol_rung *rung = &lane->made_for;
	return lane->encoder && rung->width == job->rung.width &&
	       rung->height == job->rung.height && rung->bps == job->rung.bps &&
	       lane->made_frame_us == job->frame_us &&
	       gst_caps_is_equal(lane->made_caps, job->picture.caps);
}

static void scale_planes(struct lane *lane, GstVideoFrame *to, const GstVideoFrame *from)
{
	for (unsigned plane = 0; plane < 3; plane++)
		scale_plane(plane == 0 ? lane->luma : lane->chroma,
			    GST_VIDEO_FRAME_PLANE_DATA(to, plane),
			    (size_t)GST_VIDEO_FRAME_PLANE_STRIDE(to, plane),
			    GST_VIDEO_FRAME_PLANE_DATA(from, plane),
			    (size_t)GST_VIDEO_FRAME_PLANE_STRIDE(from, plane));
}

/* The encoder has let go of the last one, as a rule: then its memory serves again. */
static GstBuffer *scaled_buffer(struct lane *lane)
{
	if (lane->scaled && gst_buffer_is_writable(lane->scaled))
		return lane->scaled;
	gst_clear_buffer(&lane->scaled);
	lane->scaled = gst_buffer_new_allocate(NULL, lane->to.size, NULL);
	return lane->scaled;
}

/* A reference that the caller owns; NULL when there is no memory. */
static GstBuffer *fit(struct lane *lane, GstBuffer *picture)
{
	if (!lane->luma)
		return gst_buffer_ref(picture);
	GstBuffer *scaled = scaled_buffer(lane);
	GstVideoFrame from, to;
	if (!scaled || !gst_video_frame_map(&from, &lane->from, picture, GST_MAP_READ))
		return NULL;
	if (!gst_video_frame_map(&to, &lane->to, scaled, GST_MAP_WRITE)) {
		gst_video_frame_unmap(&from);
		return NULL;
	}
	scale_planes(lane, &to, &from);
	gst_video_frame_unmap(&to);
	gst_video_frame_unmap(&from);
	GST_BUFFER_PTS(scaled) = GST_BUFFER_PTS(picture);
	return gst_buffer_ref(scaled);
}

static int encode(struct lane *lane, const struct job *job)
{
	const GstClockTime pts = GST_BUFFER_PTS(job->picture.buffer);
	int err = made_for(lane, job) ? 0 : make_encoder(lane, job);
	if (err)
		return err;
	if (pts <= lane->last_pts)
		return 0;
	GstBuffer *picture = fit(lane, job->picture.buffer);
	if (!picture)
		return -ENOMEM;
	lane->last_pts = pts;
	lane->pending[lane->pushed++ % PENDING] = (struct pending){
		.pts = pts,
		.media_us = job->picture.media_us,
		.epoch = job->picture.epoch,
	};
	return encoder_push(lane->encoder, picture, job->picture.key);
}

static int run_job(struct lane *lane, struct job *job)
{
	if (!job->picture.buffer) {
		give_up(lane);
		return 0;
	}
	gate_enter(lane->params.gate, job->ticket);
	const int err = encode(lane, job);
	gate_leave(lane->params.gate);
	gst_buffer_unref(job->picture.buffer);
	gst_caps_unref(job->picture.caps);
	return err;
}

/* False when there will be none. */
static bool take_job(struct lane *lane, struct job *job)
{
	pthread_mutex_lock(&lane->lock);
	while (lane->waiting == 0 && !lane->stop)
		pthread_cond_wait(&lane->changed, &lane->lock);
	const bool got = lane->waiting > 0;
	if (got) {
		*job = lane->jobs[0];
		lane->waiting--;
		for (unsigned i = 0; i < lane->waiting; i++)
			lane->jobs[i] = lane->jobs[i + 1];
		pthread_cond_signal(&lane->changed);
	}
	pthread_mutex_unlock(&lane->lock);
	return got;
}

static void *run(void *arg)
{
	struct lane *lane = arg;
	struct job job;
	while (take_job(lane, &job)) {
		const int err = run_job(lane, &job);
		if (!err)
			continue;
		pthread_mutex_lock(&lane->lock);
		lane->err = err;
		pthread_mutex_unlock(&lane->lock);
	}
	give_up(lane);
	return NULL;
}

static int put_job(struct lane *lane, const struct job *job)
{
	pthread_mutex_lock(&lane->lock);
	while (lane->waiting == LANE_WAITING)
		pthread_cond_wait(&lane->changed, &lane->lock);
	const int err = lane->err;
	if (!err) {
		struct job *put = &lane->jobs[lane->waiting++];
		*put = *job;
		put->ticket = job->picture.buffer ? gate_ticket(lane->params.gate) : 0;
	}
	pthread_cond_signal(&lane->changed);
	pthread_mutex_unlock(&lane->lock);
	return err;
}

static int start(struct lane *lane)
{
	pthread_attr_t attributes;
	int err = -pthread_attr_init(&attributes);
	if (err)
		return err;
	err = -pthread_attr_setstacksize(&attributes, STACK_LEN);
	if (!err)
		err = -pthread_create(&lane->thread, &attributes, run, lane);
	pthread_attr_destroy(&attributes);
	lane->started = !err;
	return err;
}

int lane_create(struct lane **out, const struct lane_params *params)
{
	struct lane *lane = xcalloc(1, sizeof(*lane));
	lane->params = *params;
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->changed, NULL);
	const int err = start(lane);
	if (err)
		goto fail;
	*out = lane;
	return 0;
fail:
	lane_destroy(lane);
	return err;
}

void lane_set_rung(struct lane *lane, const struct protocol_rung *rung, uint32_t frame_us)
{
	if (!rung && lane->runs) {
		const struct job none = { 0 };
		(void)put_job(lane, &none); /* whose error shows with the next picture */
	}
	lane->runs = rung != NULL;
	if (rung)
		lane->rung = *rung;
	lane->frame_us = frame_us;
}

bool lane_runs(const struct lane *lane)
{
	return lane->runs;
}

int lane_push(struct lane *lane, const struct lane_picture *picture)
{
	struct job job = { .picture = *picture, .rung = lane->rung, .frame_us = lane->frame_us };
	gst_buffer_ref(picture->buffer);
	gst_caps_ref(picture->caps);
	const int err = put_job(lane, &job);
	if (err) {
		gst_buffer_unref(picture->buffer);
		gst_caps_unref(picture->caps);
	}
	return err;
}

void lane_destroy(struct lane *lane)
{
	if (!lane)
		return;
	pthread_mutex_lock(&lane->lock);
	lane->stop = true;
	pthread_cond_signal(&lane->changed);
	pthread_mutex_unlock(&lane->lock);
	if (lane->started)
		pthread_join(lane->thread, NULL);
	pthread_cond_destroy(&lane->changed);
	pthread_mutex_destroy(&lane->lock);
	free(lane);
}
