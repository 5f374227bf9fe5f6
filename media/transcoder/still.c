#include "media/transcoder/still.h"

#include "media/transcoder/scale.h"
#include "media/transcoder/stage.h"

#include <errno.h>
#include <gst/video/video.h>

enum {
	AREA_MAX = 4096 * 2304, /* level 5.2, ITU-T H.264 table A-1 */
	SIDE_MIN = 2,
};

static const char decoder[] = "avdec_h264 max-threads=1 qos=false";
static const char source_caps[] = "video/x-h264,stream-format=avc,alignment=au";
static const char picture_caps[] = "video/x-raw,format=I420";
static const char encoder[] = "jpegenc quality=80";

struct making {
	const struct protocol_still *still;
	GstVideoInfo from, to;
	bool known; /* `from` is */
	GstBuffer *picture; /* the first one that came out, in the size that is wanted */
	struct bytes *bytes;
};

static void on_caps(GstCaps *caps, void *arg)
{
	struct making *making = arg;
	making->known = gst_video_info_from_caps(&making->from, caps) &&
			(int64_t)making->from.width * making->from.height <= AREA_MAX;
}

static unsigned even(unsigned side)
{
	side &= ~1u;
	return side < SIDE_MIN ? SIDE_MIN : side;
}

/* Never larger than the source; its shape, but for the last pixel. */
static struct scale_size fit(const struct making *making)
{
	const unsigned width = (unsigned)making->from.width, height = (unsigned)making->from.height;
	const unsigned longer = width > height ? width : height;
	const unsigned side = making->still->side < longer ? making->still->side : longer;
	return (struct scale_size){ even(width * side / longer), even(height * side / longer) };
}

static int scale_planes(GstVideoFrame *to, const GstVideoFrame *from)
{
	int err = 0;
	for (unsigned plane = 0; !err && plane < 3; plane++) {
		struct scale *scale = NULL;
		const struct scale_size size_from = {
			(unsigned)GST_VIDEO_FRAME_COMP_WIDTH(from, plane),
			(unsigned)GST_VIDEO_FRAME_COMP_HEIGHT(from, plane)
		};
		const struct scale_size size_to = { (unsigned)GST_VIDEO_FRAME_COMP_WIDTH(to, plane),
						    (unsigned)GST_VIDEO_FRAME_COMP_HEIGHT(to,
											  plane) };
		err = scale_create(&scale, size_from, size_to);
		if (!err)
			scale_plane(scale, GST_VIDEO_FRAME_PLANE_DATA(to, plane),
				    (size_t)GST_VIDEO_FRAME_PLANE_STRIDE(to, plane),
				    GST_VIDEO_FRAME_PLANE_DATA(from, plane),
				    (size_t)GST_VIDEO_FRAME_PLANE_STRIDE(from, plane));
		scale_destroy(scale);
	}
	return err;
}

static void on_picture(GstBuffer *buffer, void *arg)
{
	struct making *making = arg;
	GstVideoFrame from, to;
	if (making->picture || !making->known)
		return;
	const struct scale_size size = fit(making);
	gst_video_info_set_format(&making->to, GST_VIDEO_FORMAT_I420, size.width, size.height);
	GstBuffer *picture = gst_buffer_new_allocate(NULL, making->to.size, NULL);
	if (!picture || !gst_video_frame_map(&from, &making->from, buffer, GST_MAP_READ)) {
		gst_clear_buffer(&picture);
		return;
	}
	if (gst_video_frame_map(&to, &making->to, picture, GST_MAP_WRITE)) {
		const int err = scale_planes(&to, &from);
		gst_video_frame_unmap(&to);
		if (!err)
			making->picture = gst_buffer_ref(picture);
	}
	gst_video_frame_unmap(&from);
	gst_buffer_unref(picture);
}

static void on_jpeg(GstBuffer *buffer, void *arg)
{
	struct making *making = arg;
	GstMapInfo map;
	if (making->bytes->len || !gst_buffer_map(buffer, &map, GST_MAP_READ))
		return;
	bytes_put(making->bytes, map.data, map.size);
	gst_buffer_unmap(buffer, &map);
}

/* One buffer through a chain of elements, which it takes over. */
static int run(const char *elements, GstCaps *in, const char *out, const struct stage_ops *ops,
	       struct making *making, GstBuffer *buffer)
{
	const struct stage_params params = {
		.elements = elements, .in = in, .out = out, .ops = ops, .arg = making
	};
	struct stage *stage = NULL;
	int err = stage_create(&stage, &params);
	GST_BUFFER_PTS(buffer) = 0;
	if (err)
		gst_buffer_unref(buffer);
	else
		err = stage_push(stage, buffer);
	if (!err)
		stage_drain(stage);
	stage_destroy(stage);
	return err;
}

static int decode(struct making *making)
{
	static const struct stage_ops ops = { .caps = on_caps, .buffer = on_picture };
	const struct protocol_still *still = making->still;
	GstCaps *caps = stage_caps(source_caps, still->avcc, still->avcc_len);
	const int err = run(decoder, caps, picture_caps, &ops, making,
			    gst_buffer_new_memdup(still->data, still->len));
	gst_clear_caps(&caps);
	return err ? err : making->picture ? 0 : -ENODATA;
}

static int encode(struct making *making)
{
	static const struct stage_ops ops = { .buffer = on_jpeg };
	GstCaps *caps = gst_video_info_to_caps(&making->to);
	const int err = run(encoder, caps, "image/jpeg", &ops, making, making->picture);
	making->picture = NULL;
	gst_clear_caps(&caps);
	if (err)
		return err;
	return making->bytes->len && bytes_ok(making->bytes) ? 0 : -ENODATA;
}

int still_make(const struct protocol_still *still, struct bytes *bytes, struct protocol_jpeg *out)
{
	struct making making = { .still = still, .bytes = bytes };
	int err = decode(&making);
	if (!err)
		err = encode(&making);
	gst_clear_buffer(&making.picture);
	*out = (struct protocol_jpeg){ 0 };
	if (err)
		return err;
	*out = (struct protocol_jpeg){ .width = (uint16_t)making.to.width,
				       .height = (uint16_t)making.to.height,
				       .data = bytes->data,
				       .len = bytes->len };
	return 0;
}
