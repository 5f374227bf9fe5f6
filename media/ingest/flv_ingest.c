#include "media/ingest/flv_ingest.h"

#include "media/codec/aac.h"
#include "media/codec/h264.h"
#include "media/codec/opus.h"
#include "media/frame.h"
#include "media/ingest/flv_extended.h"
#include "server/core/bits.h"
#include "server/core/bytes.h"

#include <errno.h>
#include <string.h>

/* Adobe FLV 10.1 §E.4.2 and §E.4.3; E-RTMP v2 for extended headers and the names of codecs */
enum {
	AUDIO_AAC = 10,
	AUDIO_EXTENDED = 9, /* once reserved */
	VIDEO_AVC = 7,
	VIDEO_COMMAND = 5, /* frame type */
	VIDEO_EXTENDED = 0x80,
	PACKET_CONFIG = 0,
	PACKET_DATA = 1,
	FOURCC_AVC1 = 0x61766331,
	FOURCC_MP4A = 0x6d703461,
	FOURCC_OPUS = 0x4f707573,
	OPUS_CHANNELS = 2,
	FRAME_MAX = 4 * 1024 * 1024,
	/* Audio stamped earlier than its samples say: jitter up to here, a new start beyond. */
	AUDIO_BACK_US = 100000,
	MS = 1000,
};

void flv_ingest_init(struct flv_ingest *ingest, void (*frame)(void *arg, struct frame *frame),
		     void *arg)
{
	*ingest = (struct flv_ingest){ .frame = frame, .arg = arg };
}

void flv_ingest_finish(struct flv_ingest *ingest)
{
	media_config_unref(ingest->video);
	media_config_unref(ingest->audio);
	ingest->video = ingest->audio = NULL;
}

static int64_t unwrap_us(struct flv_ingest *ingest, uint32_t timestamp_ms)
{
	if (!ingest->clock_started)
		ingest->unwrapped_ms = timestamp_ms;
	else
		ingest->unwrapped_ms += (int32_t)(timestamp_ms - ingest->last_ms);
	ingest->clock_started = true;
	ingest->last_ms = timestamp_ms;
	return ingest->unwrapped_ms * MS;
}

static bool same_header(const struct media_config *a, const struct media_config *b)
{
	return a && a->codec == b->codec && a->header->len == b->header->len &&
	       !memcmp(a->header->data, b->header->data, a->header->len);
}

/* Takes over `config`; keeps the one there is when they say the same, so that readers need not
 * start their decoders anew. */
static void keep_config(struct media_config **kept, struct media_config *config)
{
	if (same_header(*kept, config)) {
		media_config_unref(config);
		return;
	}
	media_config_unref(*kept);
	*kept = config;
}

static int keep_sets(struct flv_ingest *ingest, const struct h264_avcc *sets)
{
	struct media_config *config =
		h264_config_create(sets->sps, sets->sps_count, sets->pps, sets->pps_count);
	if (!config)
		return -EINVAL;
	config->reorders = config->reorders || ingest->reorders;
	keep_config(&ingest->video, config);
	return 0;
}

/* What the SPS kept quiet: a configuration that says so takes the place of the shared one. */
static void mark_reorders(struct flv_ingest *ingest)
{
	ingest->reorders = true;
	if (ingest->video->reorders)
		return;
	const struct media_config *old = ingest->video;
	struct media_config *config = media_config_create(CODEC_H264, buf_ref(old->header));
	config->width = old->width;
	config->height = old->height;
	config->profile = old->profile;
	config->constraints = old->constraints;
	config->level = old->level;
	config->reorders = true;
	media_config_unref(ingest->video);
	ingest->video = config;
}

static int on_video_config(struct flv_ingest *ingest, const struct bits *body)
{
	struct h264_avcc avcc;
	if (h264_avcc_parse(&avcc, body->at, bits_left(body)))
		return -EINVAL;
	const int err = keep_sets(ingest, &avcc);
	if (!err)
		ingest->length_size = avcc.length_size;
	return err;
}

static void keep_set(struct h264_nal *sets, size_t *count, const struct h264_nal *nal)
{
	if (*count < H264_SETS_MAX)
		sets[(*count)++] = *nal;
}

enum unit_kind { UNIT_INTER, UNIT_RECOVERY, UNIT_IDR };

/* Collects the access unit with 4-byte lengths, and the parameter sets that stand in it. Its kind,
 * or -EINVAL. */
static int collect(const struct bits *body, unsigned length_size, struct bytes *out,
		   struct h264_avcc *sets)
{
	struct h264_reader reader;
	struct h264_nal nal;
	enum unit_kind kind = UNIT_INTER;
	bool picture = false;
	h264_read_avcc(&reader, body->at, bits_left(body), length_size);
	while (h264_next(&reader, &nal)) {
		const enum h264_nal_type type = h264_nal_type(&nal);
		if (type == H264_NAL_SPS)
			keep_set(sets->sps, &sets->sps_count, &nal);
		else if (type == H264_NAL_PPS)
			keep_set(sets->pps, &sets->pps_count, &nal);
		if (!h264_nal_belongs_to_frame(&nal) || h264_sei_is_time(&nal))
			continue;
		if (type == H264_NAL_IDR)
			kind = UNIT_IDR;
		else if (kind == UNIT_INTER && h264_sei_recovers(&nal))
			kind = UNIT_RECOVERY;
		picture = picture || type != H264_NAL_SEI;
		bytes_be32(out, (uint32_t)nal.len);
		bytes_put(out, nal.data, nal.len);
	}
	if (reader.bad || !bytes_ok(out) || !picture)
		return -EINVAL;
	return (int)kind;
}

static int on_video_data(struct flv_ingest *ingest, int64_t dts_us, int32_t composition_ms,
			 const struct bits *body)
{
	if (!ingest->video)
		return -EINVAL;
	struct h264_avcc sets = { 0 };
	struct bytes out;
	bytes_init(&out, FRAME_MAX);
	const int kind = collect(body, ingest->length_size, &out, &sets);
	struct buf *data = kind < 0 ? NULL : buf_from_bytes(&out);
	bytes_finish(&out);
	if (!data)
		return -EINVAL;
	if (sets.sps_count && sets.pps_count)
		(void)keep_sets(ingest, &sets); /* unreadable ones change nothing */
	if (composition_ms || kind == UNIT_RECOVERY)
		mark_reorders(ingest);
	struct frame *frame = frame_create(media_config_ref(ingest->video), data);
	frame->key = kind != UNIT_INTER;
	frame->dts_us = dts_us;
	frame->media_us = dts_us + (int64_t)composition_ms * MS;
	ingest->frame(ingest->arg, frame);
	return 0;
}

static int32_t read_composition(struct bits *bits)
{
	const uint32_t raw = bits_be24(bits);
	return (int32_t)(raw ^ 0x800000) - 0x800000; /* sign of 24 bits */
}

static int read_extended_video(struct flv_ingest *ingest, uint32_t timestamp_ms, uint8_t first,
			       struct bits *bits)
{
	struct flv_extended tag;
	if (flv_extended_video(&tag, first, bits))
		return -EINVAL;
	if (tag.kind == FLV_EXTENDED_OTHER)
		return 0;
	if (tag.fourcc != FOURCC_AVC1) {
		ingest->refused_video = tag.fourcc;
		return -ENOTSUP;
	}
	if (tag.kind == FLV_EXTENDED_CONFIG)
		return on_video_config(ingest, &tag.body);
	const int32_t composition_ms =
		tag.kind == FLV_EXTENDED_FRAMES ? read_composition(&tag.body) : 0;
	if (!bits_ok(&tag.body))
		return -EINVAL;
	return on_video_data(ingest, unwrap_us(ingest, timestamp_ms), composition_ms, &tag.body);
}

static int read_video(struct flv_ingest *ingest, uint32_t timestamp_ms, struct bits *bits)
{
	const uint8_t first = bits_u8(bits);
	if (first & VIDEO_EXTENDED)
		return read_extended_video(ingest, timestamp_ms, first, bits);
	if (first >> 4 == VIDEO_COMMAND)
		return 0;
	if ((first & 0x0f) != VIDEO_AVC) {
		ingest->refused_video = first & 0x0f;
		return -ENOTSUP;
	}
	const uint8_t packet = bits_u8(bits);
	const int32_t composition_ms = read_composition(bits);
	if (!bits_ok(bits))
		return -EINVAL;
	if (packet == PACKET_CONFIG)
		return on_video_config(ingest, bits);
	if (packet != PACKET_DATA)
		return 0; /* end of sequence */
	return on_video_data(ingest, unwrap_us(ingest, timestamp_ms), composition_ms, bits);
}

int flv_ingest_video(struct flv_ingest *ingest, uint32_t timestamp_ms, const uint8_t *data,
		     size_t len)
{
	struct bits bits;
	bits_init(&bits, data, len);
	/* Some encoders mark pauses with empty messages. */
	const int err = len ? read_video(ingest, timestamp_ms, &bits) : 0;
	ingest->skipped += err != 0;
	return err;
}

static int on_audio_config(struct flv_ingest *ingest, const struct bits *body)
{
	struct aac_config parsed;
	if (aac_config_parse(&parsed, body->at, bits_left(body)))
		return -EINVAL;
	struct media_config *config = aac_media_config_create(body->at, bits_left(body));
	if (!config)
		return -EINVAL;
	const struct media_config *before = ingest->audio;
	keep_config(&ingest->audio, config);
	if (ingest->audio != before)
		ingest->audio_anchored = false;
	ingest->frame_samples = parsed.short_frames ? 960 : AAC_FRAME_SAMPLES;
	return 0;
}

/* The exact time of the next audio frame. Stamps in whole milliseconds (or from a jittery clock)
 * only confirm the count of samples, until they leave it by more than a frame: a gap. */
static int64_t audio_time_us(struct flv_ingest *ingest, int64_t stamp_us)
{
	const int64_t rate = ingest->audio->sample_rate;
	const int64_t frame_us = (int64_t)ingest->frame_samples * 1000000 / rate;
	int64_t time_us = ingest->audio_anchor_us +
			  (int64_t)(ingest->audio_samples * 1000000 / (uint64_t)rate);
	if (!ingest->audio_anchored || stamp_us - time_us > frame_us + MS ||
	    time_us - stamp_us > AUDIO_BACK_US) {
		ingest->audio_anchored = true;
		ingest->audio_anchor_us = stamp_us;
		ingest->audio_samples = 0;
		time_us = stamp_us;
	}
	ingest->audio_samples += ingest->frame_samples;
	return time_us;
}

static int on_audio_data(struct flv_ingest *ingest, uint32_t timestamp_ms, const struct bits *body)
{
	struct buf *data = buf_copy(body->at, bits_left(body));
	if (!data)
		return -EINVAL;
	struct frame *frame = frame_create(media_config_ref(ingest->audio), data);
	frame->media_us = audio_time_us(ingest, unwrap_us(ingest, timestamp_ms));
	frame->dts_us = frame->media_us;
	frame->duration_us = (int64_t)ingest->frame_samples * 1000000 / ingest->audio->sample_rate;
	ingest->frame(ingest->arg, frame);
	return 0;
}

static int on_aac_data(struct flv_ingest *ingest, uint32_t timestamp_ms, const struct bits *body)
{
	if (!ingest->audio || ingest->audio->codec != CODEC_AAC || !bits_left(body))
		return -EINVAL;
	return on_audio_data(ingest, timestamp_ms, body);
}

/* RFC 7845 §5.1, or empty: mono or stereo, which is all the same to a decoder. The rate in it is
 * that of the source, Opus counts 48,000 a second. */
static int on_opus_config(struct flv_ingest *ingest, const struct bits *body)
{
	const int channels =
		bits_left(body) ? opus_head_channels(body->at, bits_left(body)) : OPUS_CHANNELS;
	if (channels < 0)
		return -EINVAL;
	const struct media_config *now = ingest->audio;
	if (now && now->codec == CODEC_OPUS && now->channels == channels)
		return 0;
	media_config_unref(ingest->audio);
	ingest->audio = opus_media_config_create((unsigned)channels);
	ingest->audio_anchored = false;
	return 0;
}

static int on_opus_data(struct flv_ingest *ingest, uint32_t timestamp_ms, const struct bits *body)
{
	const int64_t sounds_us = opus_packet_us(body->at, bits_left(body));
	const bool ready = ingest->audio && ingest->audio->codec == CODEC_OPUS;
	if (!ready || !sounds_us || bits_left(body) > OPUS_PACKET_MAX)
		return -EINVAL;
	ingest->frame_samples = (unsigned)(sounds_us * OPUS_RATE / 1000000);
	return on_audio_data(ingest, timestamp_ms, body);
}

static int read_extended_audio(struct flv_ingest *ingest, uint32_t timestamp_ms, uint8_t first,
			       struct bits *bits)
{
	struct flv_extended tag;
	if (flv_extended_audio(&tag, first, bits))
		return -EINVAL;
	if (tag.kind == FLV_EXTENDED_OTHER)
		return 0;
	const bool config = tag.kind == FLV_EXTENDED_CONFIG;
	if (tag.fourcc == FOURCC_OPUS)
		return config ? on_opus_config(ingest, &tag.body)
			      : on_opus_data(ingest, timestamp_ms, &tag.body);
	if (tag.fourcc == FOURCC_MP4A)
		return config ? on_audio_config(ingest, &tag.body)
			      : on_aac_data(ingest, timestamp_ms, &tag.body);
	return -ENOTSUP;
}

static int read_audio(struct flv_ingest *ingest, uint32_t timestamp_ms, struct bits *bits)
{
	const uint8_t first = bits_u8(bits);
	if (first >> 4 == AUDIO_EXTENDED)
		return read_extended_audio(ingest, timestamp_ms, first, bits);
	if (first >> 4 != AUDIO_AAC)
		return -ENOTSUP;
	const uint8_t packet = bits_u8(bits);
	if (!bits_ok(bits))
		return -EINVAL;
	return packet == PACKET_CONFIG ? on_audio_config(ingest, bits)
				       : on_aac_data(ingest, timestamp_ms, bits);
}

int flv_ingest_audio(struct flv_ingest *ingest, uint32_t timestamp_ms, const uint8_t *data,
		     size_t len)
{
	struct bits bits;
	bits_init(&bits, data, len);
	const int err = len ? read_audio(ingest, timestamp_ms, &bits) : 0;
	ingest->skipped += err != 0;
	return err;
}
