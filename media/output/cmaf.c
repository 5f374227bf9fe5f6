#include "media/output/cmaf.h"

#include "media/codec/aac.h"
#include "media/codec/h264.h"
#include "media/output/mp4_box.h"

#include <stdio.h>
#include <string.h>

enum {
	HEADER_MAX = 64 * 1024,
	HEAD_MAX = 4 * 1024 * 1024, /* boxes before the samples, events included */
	/* ISO 14496-12 §8.8.7, §8.8.8 */
	TFHD_DURATION = 0x000008,
	TFHD_FLAGS = 0x000020,
	TFHD_BASE_IS_MOOF = 0x020000,
	TRUN_OFFSET = 0x000001,
	TRUN_DURATION = 0x000100,
	TRUN_SIZE = 0x000200,
	TRUN_FLAGS = 0x000400,
	TRUN_COMPOSITION = 0x000800,
	/* §8.8.3.1: depends on no other; depends on others and is no sync sample */
	SAMPLE_KEY = 0x02000000,
	SAMPLE_INTER = 0x01010000,
};

static const uint32_t matrix[9] = { 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000 };

static void put_matrix(struct bytes *out)
{
	for (size_t i = 0; i < 9; i++)
		bytes_be32(out, matrix[i]);
}

static void put_zeros(struct bytes *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes_u8(out, 0);
}

uint64_t cmaf_ticks(int64_t media_us, uint32_t timescale)
{
	const int64_t shown_us = media_us + CMAF_ORIGIN_US;
	/* Rounded, so that a time that was made from samples gives them back. */
	return shown_us < 0 ? 0 : ((uint64_t)shown_us * timescale + 500000) / 1000000;
}

static uint32_t timescale_of(const struct media_config *config)
{
	return codec_is_video(config->codec) ? CMAF_VIDEO_TIMESCALE : config->sample_rate;
}

static void put_mvhd(struct bytes *out)
{
	const size_t box = mp4_box_full(out, "mvhd", 0, 0);
	put_zeros(out, 8); /* made, changed */
	bytes_be32(out, 1000); /* timescale */
	bytes_be32(out, 0); /* duration: in fragments */
	bytes_be32(out, 0x10000); /* rate 1 */
	bytes_be16(out, 0x0100); /* volume 1 */
	put_zeros(out, 10);
	put_matrix(out);
	put_zeros(out, 24);
	bytes_be32(out, CMAF_AUDIO_TRACK + 1); /* next track */
	mp4_box_end(out, box);
}

static void put_tkhd(struct bytes *out, const struct media_config *config, uint32_t track)
{
	const bool video = codec_is_video(config->codec);
	const size_t box = mp4_box_full(out, "tkhd", 0, 3); /* enabled, in the movie */
	put_zeros(out, 8);
	bytes_be32(out, track);
	put_zeros(out, 4 + 4 + 8 + 2 + 2);
	bytes_be16(out, video ? 0 : 0x0100);
	put_zeros(out, 2);
	put_matrix(out);
	bytes_be32(out, (uint32_t)config->width << 16);
	bytes_be32(out, (uint32_t)config->height << 16);
	mp4_box_end(out, box);
}

static void put_avc1(struct bytes *out, const struct media_config *config)
{
	const size_t box = mp4_box(out, "avc1");
	put_zeros(out, 6);
	bytes_be16(out, 1); /* data reference */
	put_zeros(out, 16);
	bytes_be16(out, config->width);
	bytes_be16(out, config->height);
	bytes_be32(out, 0x480000); /* 72 dpi */
	bytes_be32(out, 0x480000);
	bytes_be32(out, 0);
	bytes_be16(out, 1); /* frames a sample */
	put_zeros(out, 32); /* compressor */
	bytes_be16(out, 24);
	bytes_be16(out, 0xffff);
	const size_t avcc = mp4_box(out, "avcC");
	bytes_put(out, config->header->data, config->header->len);
	mp4_box_end(out, avcc);
	mp4_box_end(out, box);
}

/* ISO 14496-1 §7.2.6: descriptors of one length byte each */
static void put_esds(struct bytes *out, const struct media_config *config)
{
	const uint8_t len = (uint8_t)config->header->len;
	const size_t box = mp4_box_full(out, "esds", 0, 0);
	bytes_u8(out, 0x03);
	bytes_u8(out, (uint8_t)(3 + 2 + 13 + 2 + len + 3));
	bytes_be16(out, CMAF_AUDIO_TRACK);
	bytes_u8(out, 0);
	bytes_u8(out, 0x04);
	bytes_u8(out, (uint8_t)(13 + 2 + len));
	bytes_u8(out, 0x40); /* audio of ISO 14496-3 */
	bytes_u8(out, 0x15); /* audio stream */
	put_zeros(out, 3 + 4 + 4); /* buffer and bit rates: not known */
	bytes_u8(out, 0x05);
	bytes_u8(out, len);
	bytes_put(out, config->header->data, len);
	bytes_u8(out, 0x06);
	bytes_u8(out, 1);
	bytes_u8(out, 2);
	mp4_box_end(out, box);
}

static void put_mp4a(struct bytes *out, const struct media_config *config)
{
	const size_t box = mp4_box(out, "mp4a");
	put_zeros(out, 6);
	bytes_be16(out, 1);
	put_zeros(out, 8);
	bytes_be16(out, config->channels);
	bytes_be16(out, 16); /* bits */
	bytes_be32(out, 0);
	bytes_be32(out, config->sample_rate > 0xffff ? 0 : config->sample_rate << 16);
	put_esds(out, config);
	mp4_box_end(out, box);
}

static void put_empty_tables(struct bytes *out)
{
	static const char *const tables[] = { "stts", "stsc", "stco" };
	for (size_t i = 0; i < 3; i++) {
		const size_t box = mp4_box_full(out, tables[i], 0, 0);
		bytes_be32(out, 0);
		mp4_box_end(out, box);
	}
	const size_t box = mp4_box_full(out, "stsz", 0, 0);
	put_zeros(out, 8);
	mp4_box_end(out, box);
}

static void put_minf(struct bytes *out, const struct media_config *config)
{
	const bool video = codec_is_video(config->codec);
	const size_t minf = mp4_box(out, "minf");
	const size_t head = mp4_box_full(out, video ? "vmhd" : "smhd", 0, video ? 1 : 0);
	put_zeros(out, video ? 8 : 4);
	mp4_box_end(out, head);
	const size_t dinf = mp4_box(out, "dinf");
	const size_t dref = mp4_box_full(out, "dref", 0, 0);
	bytes_be32(out, 1);
	mp4_box_end(out, mp4_box_full(out, "url ", 0, 1)); /* in this file */
	mp4_box_end(out, dref);
	mp4_box_end(out, dinf);
	const size_t stbl = mp4_box(out, "stbl");
	const size_t stsd = mp4_box_full(out, "stsd", 0, 0);
	bytes_be32(out, 1);
	if (video)
		put_avc1(out, config);
	else
		put_mp4a(out, config);
	mp4_box_end(out, stsd);
	put_empty_tables(out);
	mp4_box_end(out, stbl);
	mp4_box_end(out, minf);
}

static void put_trak(struct bytes *out, const struct media_config *config, uint32_t track)
{
	const bool video = codec_is_video(config->codec);
	const size_t trak = mp4_box(out, "trak");
	put_tkhd(out, config, track);
	const size_t mdia = mp4_box(out, "mdia");
	const size_t mdhd = mp4_box_full(out, "mdhd", 0, 0);
	put_zeros(out, 8);
	bytes_be32(out, timescale_of(config));
	bytes_be32(out, 0);
	bytes_be16(out, 0x55c4); /* "und" */
	bytes_be16(out, 0);
	mp4_box_end(out, mdhd);
	const size_t hdlr = mp4_box_full(out, "hdlr", 0, 0);
	put_zeros(out, 4);
	bytes_text(out, video ? "vide" : "soun");
	put_zeros(out, 12);
	bytes_text(out, "souk");
	bytes_u8(out, 0);
	mp4_box_end(out, hdlr);
	put_minf(out, config);
	mp4_box_end(out, mdia);
	mp4_box_end(out, trak);
}

static void put_trex(struct bytes *out, uint32_t track)
{
	const size_t box = mp4_box_full(out, "trex", 0, 0);
	bytes_be32(out, track);
	bytes_be32(out, 1); /* sample description */
	put_zeros(out, 12);
	mp4_box_end(out, box);
}

struct buf *cmaf_header(const struct cmaf_tracks *tracks)
{
	const struct media_config *video = tracks->video, *audio = tracks->audio;
	if ((!video && !audio) || (audio && audio->header->len > AAC_CONFIG_MAX))
		return NULL;
	struct bytes out;
	bytes_init(&out, HEADER_MAX);
	const size_t ftyp = mp4_box(&out, "ftyp");
	bytes_text(&out, "iso6");
	bytes_be32(&out, 0);
	bytes_text(&out, "iso6cmfcmp41");
	mp4_box_end(&out, ftyp);
	const size_t moov = mp4_box(&out, "moov");
	put_mvhd(&out);
	if (video)
		put_trak(&out, video, CMAF_VIDEO_TRACK);
	if (audio)
		put_trak(&out, audio, CMAF_AUDIO_TRACK);
	const size_t mvex = mp4_box(&out, "mvex");
	if (video)
		put_trex(&out, CMAF_VIDEO_TRACK);
	if (audio)
		put_trex(&out, CMAF_AUDIO_TRACK);
	mp4_box_end(&out, mvex);
	mp4_box_end(&out, moov);
	struct buf *header = bytes_ok(&out) ? buf_from_bytes(&out) : NULL;
	bytes_finish(&out);
	return header;
}

void cmaf_codec_text(const struct media_config *config, char out[CMAF_CODEC_TEXT])
{
	struct aac_config aac;
	if (codec_is_video(config->codec)) {
		snprintf(out, CMAF_CODEC_TEXT, "avc1.%02x%02x%02x", config->profile,
			 config->constraints, config->level);
		return;
	}
	if (aac_config_parse(&aac, config->header->data, config->header->len))
		aac.object_type = AAC_LC;
	snprintf(out, CMAF_CODEC_TEXT, "mp4a.40.%u", aac.object_type);
}

/* The sample as it is stored; its length in *size. */
static void put_sample(struct bytes *out, const struct frame *frame, uint32_t *size)
{
	const size_t before = out->len;
	if (codec_is_video(frame->codec) && frame->stamp)
		h264_time_sei_put(out, frame->capture_us);
	bytes_put(out, frame->data->data, frame->data->len);
	*size = (uint32_t)(out->len - before);
}

static uint64_t video_ticks(int64_t media_us)
{
	return cmaf_ticks(media_us, CMAF_VIDEO_TIMESCALE);
}

static void put_video_samples(struct bytes *out, const struct cmaf_run *run, const uint32_t *sizes)
{
	for (size_t i = 0; i < run->count; i++) {
		const struct frame *frame = run->frames[i];
		const uint64_t at = video_ticks(frame->dts_us);
		const uint64_t next =
			i + 1 < run->count ? video_ticks(run->frames[i + 1]->dts_us) : run->end;
		bytes_be32(out, next > at ? (uint32_t)(next - at) : 0);
		bytes_be32(out, sizes[i]);
		bytes_be32(out, frame->key ? SAMPLE_KEY : SAMPLE_INTER);
		bytes_be32(out, (uint32_t)(video_ticks(frame->media_us) - at)); /* signed */
	}
}

/* Returns where the data offset stands, to be filled when the moof's size is known. */
static size_t put_traf(struct bytes *out, const struct cmaf_run *run, uint32_t track,
		       const uint32_t *sizes)
{
	const bool video = track == CMAF_VIDEO_TRACK;
	const size_t traf = mp4_box(out, "traf");
	const size_t tfhd = mp4_box_full(
		out, "tfhd", 0, TFHD_BASE_IS_MOOF | (video ? 0 : TFHD_DURATION | TFHD_FLAGS));
	bytes_be32(out, track);
	if (!video) {
		bytes_be32(out, run->step);
		bytes_be32(out, SAMPLE_KEY);
	}
	mp4_box_end(out, tfhd);
	const size_t tfdt = mp4_box_full(out, "tfdt", 1, 0);
	bytes_be64(out, run->begin);
	mp4_box_end(out, tfdt);
	const uint32_t fields = video ? TRUN_DURATION | TRUN_FLAGS | TRUN_COMPOSITION : 0;
	const size_t trun = mp4_box_full(out, "trun", 1, TRUN_OFFSET | TRUN_SIZE | fields);
	bytes_be32(out, (uint32_t)run->count);
	const size_t offset_at = out->len;
	bytes_be32(out, 0);
	if (video)
		put_video_samples(out, run, sizes);
	for (size_t i = 0; !video && i < run->count; i++)
		bytes_be32(out, sizes[i]);
	mp4_box_end(out, trun);
	mp4_box_end(out, traf);
	return offset_at;
}

struct samples {
	struct bytes data;
	size_t video_len;
	uint32_t video_sizes[CMAF_RUN_MAX], audio_sizes[CMAF_RUN_MAX];
};

static void put_moof(struct bytes *out, const struct cmaf_fragment *fragment,
		     const struct samples *samples)
{
	const size_t moof = mp4_box(out, "moof");
	const size_t mfhd = mp4_box_full(out, "mfhd", 0, 0);
	bytes_be32(out, fragment->sequence);
	mp4_box_end(out, mfhd);
	size_t video_at = 0, audio_at = 0;
	if (fragment->video.count)
		video_at = put_traf(out, &fragment->video, CMAF_VIDEO_TRACK, samples->video_sizes);
	if (fragment->audio.count)
		audio_at = put_traf(out, &fragment->audio, CMAF_AUDIO_TRACK, samples->audio_sizes);
	mp4_box_end(out, moof);
	const uint32_t data = (uint32_t)(out->len - moof) + MP4_BOX_HEAD;
	if (video_at)
		mp4_patch32(out, video_at, data);
	if (audio_at)
		mp4_patch32(out, audio_at, data + (uint32_t)samples->video_len);
}

static void put_boxes(struct bytes *out, const struct cmaf_fragment *fragment,
		      const struct samples *samples)
{
	if (fragment->starts_segment) {
		const size_t styp = mp4_box(out, "styp");
		bytes_text(out, "msdh");
		bytes_be32(out, 0);
		bytes_text(out, "msdhcmfs");
		mp4_box_end(out, styp);
	}
	for (size_t i = 0; i < fragment->event_count; i++)
		bytes_put(out, fragment->events[i]->data, fragment->events[i]->len);
	put_moof(out, fragment, samples);
	bytes_be32(out, (uint32_t)(MP4_BOX_HEAD + samples->data.len));
	bytes_text(out, "mdat");
}

static struct buf *join(const struct bytes *head, const struct bytes *data)
{
	if (!bytes_ok(head) || !bytes_ok(data))
		return NULL;
	struct buf *whole = buf_create(head->len + data->len);
	if (!whole)
		return NULL;
	memcpy(whole->data, head->data, head->len);
	if (data->len)
		memcpy(whole->data + head->len, data->data, data->len);
	return whole;
}

struct buf *cmaf_fragment(const struct cmaf_fragment *fragment)
{
	const struct cmaf_run *video = &fragment->video, *audio = &fragment->audio;
	if (video->count > CMAF_RUN_MAX || audio->count > CMAF_RUN_MAX)
		return NULL;
	struct samples samples;
	struct bytes head;
	bytes_init(&samples.data, CMAF_FRAGMENT_MAX);
	bytes_init(&head, HEAD_MAX);
	for (size_t i = 0; i < video->count; i++)
		put_sample(&samples.data, video->frames[i], &samples.video_sizes[i]);
	samples.video_len = samples.data.len;
	for (size_t i = 0; i < audio->count; i++)
		put_sample(&samples.data, audio->frames[i], &samples.audio_sizes[i]);
	put_boxes(&head, fragment, &samples);
	struct buf *whole = join(&head, &samples.data);
	bytes_finish(&samples.data);
	bytes_finish(&head);
	return whole;
}

/* ISO 23009-1 §5.10.3.3 */
struct buf *cmaf_event(const struct cmaf_event *event)
{
	struct bytes out;
	bytes_init(&out, HEADER_MAX);
	const size_t box = mp4_box_full(&out, "emsg", 1, 0);
	bytes_be32(&out, CMAF_VIDEO_TIMESCALE);
	bytes_be64(&out, video_ticks(event->media_us));
	bytes_be32(&out, 0xffffffff); /* duration unknown */
	bytes_be32(&out, event->id);
	bytes_text(&out, CMAF_EVENT_SCHEME);
	bytes_u8(&out, 0);
	bytes_text(&out, event->type);
	bytes_u8(&out, 0);
	bytes_put(&out, event->text, event->len);
	mp4_box_end(&out, box);
	struct buf *whole = bytes_ok(&out) ? buf_from_bytes(&out) : NULL;
	bytes_finish(&out);
	return whole;
}
