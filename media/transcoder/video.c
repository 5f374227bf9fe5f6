#include "media/transcoder/video.h"

#include "media/transcoder/gate.h"
#include "media/transcoder/lane.h"
#include "media/transcoder/stage.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <gst/video/video.h>
#include <stdlib.h>

enum {
	INSIDE = 64, /* pictures that the decoder may hold back; H.264 allows it 16 */
	AREA_MAX = 4096 * 2304, /* level 5.2, ITU-T H.264 table A-1 */
};

/* Slice or frame threads would each hold a picture back, and a reorder depth that the stream does
 * not state is found out instead of feared (std-compliance). */
static const char decoder[] = "avdec_h264 max-threads=1 std-compliance=normal qos=false";
static const char source_caps[] = "video/x-h264,stream-format=avc,alignment=au";
static const char picture_caps[] = "video/x-raw,format=I420";

/* A picture that went into the decoder. */
struct inside {
	GstClockTime pts; /* 0: has come out */
	int64_t media_us;
	uint32_t epoch;
	bool key;
	bool decode_only;
	uint8_t force;
};

struct video {
	struct video_params params;
	struct gate gate;
	struct lane *lanes[PROTOCOL_SLOTS];
	struct stage *decode; /* NULL before the first configuration and after a failure */
	GstCaps *source; /* with the parameter sets */
	GstCaps *pictures; /* NULL: nothing decoded, or nothing of use */
	bool need_key;
	int64_t anchor_us; /* stands for ENCODER_PTS_MIN */
	bool anchored;
	struct inside inside[INSIDE];
	unsigned pushed;
	uint8_t owed; /* keyframes to lanes, whose picture was not shown */
	int err; /* of a lane, inside a push */
};

static void on_caps(GstCaps *caps, void *arg)
{
	struct video *video = arg;
	GstVideoInfo info;
	gst_clear_caps(&video->pictures);
	if (gst_video_info_from_caps(&info, caps) && (int64_t)info.width * info.height <= AREA_MAX)
		video->pictures = gst_caps_ref(caps);
}

static struct inside *find(struct video *video, GstClockTime pts)
{
	for (unsigned i = 0; i < INSIDE; i++) {
		if (video->inside[i].pts == pts)
			return &video->inside[i];
	}
	return NULL;
}

static void give_to_lane(struct video *video, unsigned slot, GstBuffer *buffer,
			 const struct inside *inside)
{
	if (video->err || !lane_runs(video->lanes[slot]))
		return;
	const struct lane_picture picture = {
		.buffer = buffer,
		.caps = video->pictures,
		.media_us = inside->media_us,
		.epoch = inside->epoch,
		.key = video->owed >> slot & 1,
	};
	video->err = lane_push(video->lanes[slot], &picture);
}

/* The largest first, which takes longest; then the smallest first, which is done soonest. With
 * fewer cores than rungs all are ready earlier so than in either order alone. Slots are in the
 * order of sizes. */
static void give_to_lanes(struct video *video, GstBuffer *buffer, const struct inside *inside)
{
	unsigned largest = 0;
	while (largest < PROTOCOL_SLOTS && !lane_runs(video->lanes[largest]))
		largest++;
	if (largest < PROTOCOL_SLOTS)
		give_to_lane(video, largest, buffer, inside);
	for (unsigned slot = PROTOCOL_SLOTS; slot-- > largest + 1;)
		give_to_lane(video, slot, buffer, inside);
	video->owed = 0;
}

static void on_picture(GstBuffer *buffer, void *arg)
{
	struct video *video = arg;
	if (!GST_BUFFER_PTS_IS_VALID(buffer) || !video->pictures)
		return;
	struct inside *inside = find(video, GST_BUFFER_PTS(buffer));
	if (!inside)
		return;
	inside->pts = 0;
	video->owed |= inside->key ? 0xff : inside->force;
	if (!inside->decode_only)
		give_to_lanes(video, buffer, inside);
}

static const struct stage_ops stage_ops = { .caps = on_caps, .buffer = on_picture };

static int start_decoder(struct video *video)
{
	const struct stage_params params = {
		.elements = decoder,
		.in = video->source,
		.out = picture_caps,
		.ops = &stage_ops,
		.arg = video,
	};
	stage_destroy(video->decode);
	video->decode = NULL;
	video->need_key = true;
	gst_clear_caps(&video->pictures);
	for (unsigned i = 0; i < INSIDE; i++)
		video->inside[i].pts = 0;
	return stage_create(&video->decode, &params);
}

int video_create(struct video **out, const struct video_params *params)
{
	struct video *video = xcalloc(1, sizeof(*video));
	video->params = *params;
	gate_init(&video->gate, g_get_num_processors());
	int err = 0;
	for (uint8_t slot = 0; !err && slot < PROTOCOL_SLOTS; slot++) {
		const struct lane_params lane = {
			.slot = slot,
			.kind = params->kind,
			.preset = params->preset,
			.gate = &video->gate,
			.out = params->out,
			.arg = params->arg,
		};
		err = lane_create(&video->lanes[slot], &lane);
	}
	if (err)
		goto fail;
	*out = video;
	return 0;
fail:
	video_destroy(video);
	return err;
}

int video_configure(struct video *video, const struct protocol_avcc *avcc)
{
	gst_clear_caps(&video->source);
	video->source = stage_caps(source_caps, avcc->data, avcc->len);
	if (!video->source)
		return -ENOMEM;
	video->err = 0;
	if (video->decode && !stage_change(video->decode, video->source))
		return video->err;
	/* Parameter sets that the decoder does not like are the source's fault, not ours. */
	if (start_decoder(video))
		video->params.progress->decode_errors++;
	return video->err;
}

void video_set_rungs(struct video *video, const struct protocol_rungs *rungs)
{
	const struct protocol_rung *wanted[PROTOCOL_SLOTS] = { 0 };
	for (unsigned i = 0; i < rungs->count; i++)
		wanted[rungs->rungs[i].slot] = &rungs->rungs[i];
	for (unsigned slot = 0; slot < PROTOCOL_SLOTS; slot++)
		lane_set_rung(video->lanes[slot], wanted[slot], rungs->frame_us);
}

/* -ERANGE when the time is further from the others than a show can last. */
static int pts_of(struct video *video, int64_t media_us, GstClockTime *out)
{
	static const int64_t year_us = 365LL * 24 * 3600 * 1000000;
	static const int64_t hour_us = 3600LL * 1000000;
	if (!video->anchored)
		video->anchor_us = media_us;
	video->anchored = true;
	int64_t since_us;
	if (__builtin_sub_overflow(media_us, video->anchor_us, &since_us) || since_us > year_us ||
	    since_us < -hour_us)
		return -ERANGE;
	*out = ENCODER_PTS_MIN + 3600 * GST_SECOND + (GstClockTime)(since_us * 1000);
	return 0;
}

static GstBuffer *source_buffer(const struct protocol_picture *picture, GstClockTime pts)
{
	GstBuffer *buffer = gst_buffer_new_memdup(picture->data, picture->len);
	GST_BUFFER_PTS(buffer) = pts;
	if (!picture->key)
		GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
	return buffer;
}

static int decode(struct video *video, const struct protocol_picture *picture, GstClockTime pts)
{
	struct inside *inside = &video->inside[video->pushed++ % INSIDE];
	/* One that never came out: the decoder found nothing in it. */
	if (inside->pts)
		video->params.progress->decode_errors++;
	*inside = (struct inside){
		.pts = pts,
		.media_us = picture->media_us,
		.epoch = picture->epoch,
		.key = picture->key,
		.decode_only = picture->decode_only,
		.force = picture->force,
	};
	return stage_push(video->decode, source_buffer(picture, pts));
}

int video_push(struct video *video, const struct protocol_picture *picture)
{
	GstClockTime pts;
	video->params.progress->frames_in++;
	video->err = 0;
	if (!video->source || pts_of(video, picture->media_us, &pts))
		return -EPROTO;
	if (picture->key && !video->decode && start_decoder(video))
		video->params.progress->decode_errors++;
	if (!video->decode || (video->need_key && !picture->key))
		return 0;
	video->need_key = false;
	const int err = decode(video, picture, pts);
	if (video->err || !err)
		return video->err;
	video->params.progress->decode_errors++;
	stage_destroy(video->decode);
	video->decode = NULL;
	return 0;
}

void video_destroy(struct video *video)
{
	if (!video)
		return;
	stage_destroy(video->decode);
	for (unsigned slot = 0; slot < PROTOCOL_SLOTS; slot++)
		lane_destroy(video->lanes[slot]);
	gate_finish(&video->gate);
	gst_clear_caps(&video->source);
	gst_clear_caps(&video->pictures);
	free(video);
}
