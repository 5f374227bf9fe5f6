#include "media/output/flv_muxer.h"

#include "media/codec/h264.h"
#include "media/ingest/amf0.h"
#include "server/core/bytes.h"

#include <stdlib.h>
#include <string.h>

enum {
	TAG_HEADER = 11,
	TAG_TRAILER = 4,
	TIME_SEI_MAX = 256,
	/* Annex E.4.2, E.4.3: AAC is always marked 44 kHz, 16 bit, stereo */
	AUDIO_AAC = 0xaf,
	VIDEO_KEY_AVC = 0x17,
	VIDEO_INTER_AVC = 0x27,
	PACKET_CONFIG = 0,
	PACKET_DATA = 1,
	SCRIPT_MAX = 64 * 1024 + 64,
};

uint32_t flv_time_ms(int64_t media_us, int64_t gap_us)
{
	const int64_t shown_us = media_us - gap_us;
	/* Rounded down also before the room's start. */
	return (uint32_t)((shown_us - (shown_us < 0 ? 999 : 0)) / 1000);
}

struct buf *flv_file_header(void)
{
	static const uint8_t header[] = { 'F', 'L', 'V', 1, 5, 0, 0, 0, 9, 0, 0, 0, 0 };
	return buf_copy(header, sizeof(header));
}

/* §E.4.1: type, size, 24 lower bits of the time and then its upper 8, stream id 0 */
static void begin_tag(struct bytes *out, uint8_t type, size_t len, uint32_t at_ms)
{
	bytes_u8(out, type);
	bytes_be24(out, (uint32_t)len);
	bytes_be24(out, at_ms & 0xffffff);
	bytes_u8(out, (uint8_t)(at_ms >> 24));
	bytes_be24(out, 0);
}

static struct buf *finish_tag(struct bytes *out, size_t len)
{
	bytes_be32(out, (uint32_t)(TAG_HEADER + len));
	struct buf *tag = bytes_ok(out) ? buf_from_bytes(out) : NULL;
	bytes_finish(out);
	return tag;
}

static struct buf *make_tag(uint8_t type, const struct bytes *body, uint32_t at_ms)
{
	if (!bytes_ok(body))
		return NULL;
	struct bytes out;
	bytes_init(&out, TAG_HEADER + body->len + TAG_TRAILER);
	begin_tag(&out, type, body->len, at_ms);
	bytes_put(&out, body->data, body->len);
	return finish_tag(&out, body->len);
}

static void put_number(struct bytes *out, const char *key, double value)
{
	amf0_put_key(out, key);
	amf0_put_number(out, value);
}

static void put_boolean(struct bytes *out, const char *key, bool value)
{
	amf0_put_key(out, key);
	amf0_put_boolean(out, value);
}

struct buf *flv_metadata_tag(const struct flv_metadata *metadata)
{
	struct bytes pairs;
	bytes_init(&pairs, 1024);
	uint32_t count = 3;
	put_boolean(&pairs, "hasVideo", metadata->has_video);
	put_boolean(&pairs, "hasAudio", metadata->has_audio);
	if (metadata->has_video && metadata->video) {
		put_number(&pairs, "width", metadata->video->width);
		put_number(&pairs, "height", metadata->video->height);
		put_number(&pairs, "videocodecid", 7);
		count += 3;
	}
	if (metadata->has_audio && metadata->audio) {
		put_number(&pairs, "audiocodecid", 10);
		put_number(&pairs, "audiosamplerate", metadata->audio->sample_rate);
		put_number(&pairs, "audiosamplesize", 16);
		put_boolean(&pairs, "stereo", metadata->audio->channels > 1);
		count += 4;
	}
	amf0_put_key(&pairs, "encoder");
	amf0_put_text(&pairs, "souk");
	struct bytes body;
	bytes_init(&body, 2048);
	amf0_put_text(&body, "onMetaData");
	amf0_put_ecma_array(&body, count);
	bytes_put(&body, pairs.data, pairs.len);
	amf0_put_end(&body);
	struct buf *tag = make_tag(FLV_TAG_SCRIPT, &body, 0);
	bytes_finish(&pairs);
	bytes_finish(&body);
	return tag;
}

struct buf *flv_config_tag(const struct media_config *config, uint32_t at_ms)
{
	if (!config->header || config->codec == CODEC_OPUS)
		return NULL;
	const bool video = config->codec == CODEC_H264;
	struct bytes body;
	bytes_init(&body, config->header->len + 8);
	bytes_u8(&body, video ? VIDEO_KEY_AVC : AUDIO_AAC);
	bytes_u8(&body, PACKET_CONFIG);
	if (video)
		bytes_be24(&body, 0);
	bytes_put(&body, config->header->data, config->header->len);
	struct buf *tag = make_tag(video ? FLV_TAG_VIDEO : FLV_TAG_AUDIO, &body, at_ms);
	bytes_finish(&body);
	return tag;
}

static void put_video_body_head(struct bytes *out, const struct frame *frame, uint32_t dts_ms)
{
	const uint32_t composition_ms = flv_time_ms(frame->media_us, frame->gap_us) - dts_ms;
	bytes_u8(out, frame->key ? VIDEO_KEY_AVC : VIDEO_INTER_AVC);
	bytes_u8(out, PACKET_DATA);
	bytes_be24(out, composition_ms & 0xffffff); /* signed, 24 bits */
}

static struct buf *build_tag(const struct frame *frame)
{
	const bool video = frame->codec == CODEC_H264;
	const uint32_t at_ms = flv_time_ms(frame->dts_us, frame->gap_us);
	struct bytes sei;
	bytes_init(&sei, TIME_SEI_MAX);
	if (video && frame->stamp)
		h264_time_sei_put(&sei, frame->capture_us);
	const size_t len = (video ? 5 : 2) + sei.len + frame->data->len;
	struct bytes out;
	bytes_init(&out, TAG_HEADER + len + TAG_TRAILER);
	begin_tag(&out, video ? FLV_TAG_VIDEO : FLV_TAG_AUDIO, len, at_ms);
	if (video) {
		put_video_body_head(&out, frame, at_ms);
	} else {
		bytes_u8(&out, AUDIO_AAC);
		bytes_u8(&out, PACKET_DATA);
	}
	bytes_put(&out, sei.data, sei.len);
	bytes_put(&out, frame->data->data, frame->data->len);
	bytes_finish(&sei);
	return finish_tag(&out, len);
}

struct buf *flv_frame_tag(struct frame *frame)
{
	struct buf *tag = atomic_load_explicit(&frame->flv, memory_order_acquire);
	if (tag)
		return tag;
	tag = build_tag(frame);
	if (!tag)
		return NULL;
	struct buf *first = NULL;
	if (atomic_compare_exchange_strong_explicit(&frame->flv, &first, tag, memory_order_acq_rel,
						    memory_order_acquire))
		return tag;
	buf_unref(tag);
	return first;
}

struct buf *flv_script_tag(const char *text, size_t len, uint32_t at_ms)
{
	struct bytes body;
	bytes_init(&body, SCRIPT_MAX);
	amf0_put_text(&body, "onSouk");
	amf0_put_string(&body, text, len);
	struct buf *tag = make_tag(FLV_TAG_SCRIPT, &body, at_ms);
	bytes_finish(&body);
	return tag;
}
