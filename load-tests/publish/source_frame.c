#include "load-tests/publish/source_frame.h"

#include "media/codec/h264.h"
#include "media/frame.h"
#include "server/core/bytes.h"

enum { FRAME_MAX = 4 * 1024 * 1024, LENGTH_SIZE = 4 };

const char *source_track_caps(bool video)
{
	return video ? "video/x-h264,stream-format=avc,alignment=au" : "audio/x-opus";
}

static struct media_config *video_config(GstCaps *caps)
{
	const GstStructure *structure = gst_caps_get_structure(caps, 0);
	const GValue *value = gst_structure_get_value(structure, "codec_data");
	GstBuffer *data = value ? gst_value_get_buffer(value) : NULL;
	GstMapInfo map;
	struct h264_avcc avcc;
	if (!data || !gst_buffer_map(data, &map, GST_MAP_READ))
		return NULL;
	struct media_config *config = NULL;
	if (!h264_avcc_parse(&avcc, map.data, map.size) && avcc.length_size == LENGTH_SIZE)
		config = h264_config_create(avcc.sps, avcc.sps_count, avcc.pps, avcc.pps_count);
	gst_buffer_unmap(data, &map);
	return config;
}

/* The caps change when the encoder changes its parameter sets. */
static bool follow_caps(struct source_track *track, GstSample *sample)
{
	GstCaps *caps = gst_sample_get_caps(sample);
	if (!caps)
		return false;
	if (track->caps == caps && track->config)
		return true;
	gst_caps_replace(&track->caps, caps);
	media_config_unref(track->config);
	track->config = track->video ? video_config(caps) : media_config_create(CODEC_OPUS, NULL);
	return track->config != NULL;
}

/* Parameter sets and delimiters travel with the configuration. */
static struct buf *picture_data(const GstMapInfo *map, bool *key)
{
	struct h264_reader reader;
	struct h264_nal nal;
	struct bytes data;
	*key = false;
	bytes_init(&data, FRAME_MAX);
	h264_read_avcc(&reader, map->data, map->size, LENGTH_SIZE);
	while (h264_next(&reader, &nal)) {
		if (!h264_nal_belongs_to_frame(&nal))
			continue;
		*key |= h264_nal_type(&nal) == H264_NAL_IDR;
		bytes_be32(&data, (uint32_t)nal.len);
		bytes_put(&data, nal.data, nal.len);
	}
	struct buf *buf =
		reader.bad || !data.len || !bytes_ok(&data) ? NULL : buf_from_bytes(&data);
	bytes_finish(&data);
	return buf;
}

struct frame *source_track_frame(struct source_track *track, GstSample *sample)
{
	GstBuffer *buffer = gst_sample_get_buffer(sample);
	GstMapInfo map;
	bool key = true;
	if (!follow_caps(track, sample) || !buffer || !gst_buffer_map(buffer, &map, GST_MAP_READ))
		return NULL;
	struct buf *data = track->video ? picture_data(&map, &key) : buf_copy(map.data, map.size);
	gst_buffer_unmap(buffer, &map);
	if (!data)
		return NULL;
	struct frame *frame = frame_create(media_config_ref(track->config), data);
	if (frame) {
		frame->codec = track->config->codec;
		frame->key = key;
	}
	return frame;
}

void source_track_finish(struct source_track *track)
{
	gst_caps_replace(&track->caps, NULL);
	media_config_unref(track->config);
	track->config = NULL;
}
