#include "media/ingest/flv_ingest.h"

#include "media/codec/h264.h"
#include "media/frame.h"
#include "tests/support/flv_file.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_MAX = 512 };

struct fixture {
	struct flv_ingest ingest;
	struct frame *kept[KEPT_MAX];
	size_t count;
};

static struct fixture f;

static void keep(void *arg, struct frame *frame)
{
	(void)arg;
	cr_assert(f.count < KEPT_MAX);
	f.kept[f.count++] = frame;
}

static void setup(void)
{
	memset(&f, 0, sizeof(f));
	flv_ingest_init(&f.ingest, keep, NULL);
}

static void teardown(void)
{
	for (size_t i = 0; i < f.count; i++)
		frame_unref(f.kept[i]);
	flv_ingest_finish(&f.ingest);
}

TestSuite(flv_ingest, .init = setup, .fini = teardown);

static void take_file(const char *name)
{
	struct flv_file file;
	struct flv_tag tag;
	flv_file_open(&file, name);
	while (flv_file_next(&file, &tag)) {
		if (tag.type == 9)
			cr_assert(eq(int, flv_ingest_video(&f.ingest, tag.at_ms, tag.body, tag.len),
				     0));
		else if (tag.type == 8)
			cr_assert(eq(int, flv_ingest_audio(&f.ingest, tag.at_ms, tag.body, tag.len),
				     0));
	}
	flv_file_close(&file);
}

static const struct frame *nth(enum codec codec, size_t n)
{
	for (size_t i = 0; i < f.count; i++) {
		if (f.kept[i]->codec == codec && n-- == 0)
			return f.kept[i];
	}
	cr_fail("no such frame");
	return NULL;
}

static size_t count_of(enum codec codec)
{
	size_t count = 0;
	for (size_t i = 0; i < f.count; i++)
		count += f.kept[i]->codec == codec;
	return count;
}

Test(flv_ingest, times_are_those_that_ffprobe_shows)
{
	take_file("bframes.flv");
	cr_assert(eq(sz, count_of(CODEC_H264), 60));
	cr_assert(eq(sz, count_of(CODEC_AAC), 88));
	static const int64_t dts[] = { 0, 34000, 67000, 100000 };
	static const int64_t pts[] = { 67000, 200000, 134000, 100000 };
	for (size_t i = 0; i < 4; i++) {
		cr_assert(eq(i64, nth(CODEC_H264, i)->dts_us, dts[i]));
		cr_assert(eq(i64, nth(CODEC_H264, i)->media_us, pts[i]));
	}
	cr_assert(nth(CODEC_H264, 0)->key);
	cr_assert(not(nth(CODEC_H264, 1)->key));
	cr_assert(nth(CODEC_H264, 0)->config->reorders);
	cr_assert(eq(u16, nth(CODEC_H264, 0)->config->width, 322));
}

Test(flv_ingest, audio_is_exact_by_its_samples)
{
	take_file("bframes.flv");
	const int64_t start = nth(CODEC_AAC, 0)->media_us;
	cr_assert(eq(i64, start, 44000));
	for (size_t n = 0; n < 88; n++) {
		const struct frame *frame = nth(CODEC_AAC, n);
		cr_assert(eq(i64, frame->media_us, start + (int64_t)n * 1024 * 1000000 / 44100));
		cr_assert(eq(i64, frame->duration_us, 23219));
	}
}

Test(flv_ingest, frames_hold_pictures_alone)
{
	take_file("zerolatency.flv");
	for (size_t n = 0; n < count_of(CODEC_H264); n++) {
		const struct frame *frame = nth(CODEC_H264, n);
		struct h264_reader reader;
		struct h264_nal nal;
		bool idr = false;
		h264_read_avcc(&reader, frame->data->data, frame->data->len, 4);
		while (h264_next(&reader, &nal)) {
			const enum h264_nal_type type = h264_nal_type(&nal);
			cr_assert(type == H264_NAL_SLICE || type == H264_NAL_IDR ||
				  type == H264_NAL_SEI);
			idr = idr || type == H264_NAL_IDR;
		}
		cr_assert(not(reader.bad));
		cr_assert(eq(int, idr, frame->key));
	}
	cr_assert(not(nth(CODEC_H264, 49)->config->reorders));
	cr_assert(eq(ptr, nth(CODEC_H264, 0)->config, nth(CODEC_H264, 49)->config));
}

/* The first audio and video configuration and picture of the file. */
static void take_start(const char *name)
{
	struct flv_file file;
	struct flv_tag tag;
	flv_file_open(&file, name);
	for (int i = 0; i < 5 && flv_file_next(&file, &tag); i++) {
		if (tag.type == 9)
			(void)flv_ingest_video(&f.ingest, 0, tag.body, tag.len);
		else if (tag.type == 8)
			(void)flv_ingest_audio(&f.ingest, 0, tag.body, tag.len);
	}
	flv_file_close(&file);
}

static int picture(uint32_t at_ms, uint8_t composition_ms)
{
	const uint8_t body[] = { 0x27, 1, 0, 0, composition_ms, 0, 0, 0, 2, 0x41, 0x9a };
	return flv_ingest_video(&f.ingest, at_ms, body, sizeof(body));
}

static int sound(uint32_t at_ms)
{
	static const uint8_t body[] = { 0xaf, 1, 0x21, 0x10 };
	return flv_ingest_audio(&f.ingest, at_ms, body, sizeof(body));
}

Test(flv_ingest, a_composition_time_tells_of_b_frames)
{
	take_start("zerolatency.flv");
	cr_assert(not(f.kept[0]->config->reorders));
	cr_assert(eq(int, picture(40, 0), 0));
	cr_assert(eq(int, picture(80, 40), 0));
	const struct frame *last = f.kept[f.count - 1];
	cr_assert(last->config->reorders);
	cr_assert(eq(i64, last->media_us - last->dts_us, 40000));
	cr_assert(eq(u16, last->config->width, 320));
}

Test(flv_ingest, a_group_may_begin_with_a_recovery_point)
{
	/* SEI: pic_timing (type 1, one byte), recovery_point (6); then a slice that is no IDR's. */
	static const uint8_t body[] = { 0x17, 1, 0, 0,    0,    0, 0, 0, 8, 0x06, 1,   1,
					0,    6, 1, 0xc4, 0x80, 0, 0, 0, 2, 0x41, 0x9a };
	take_start("zerolatency.flv");
	cr_assert(eq(int, flv_ingest_video(&f.ingest, 40, body, sizeof(body)), 0));
	const struct frame *last = f.kept[f.count - 1];
	cr_assert(last->key);
	cr_assert(last->config->reorders, "WebRTC cannot begin there");
	cr_assert(eq(int, picture(80, 0), 0));
	cr_assert(not(f.kept[f.count - 1]->key));
}

Test(flv_ingest, timestamps_go_on_beyond_32_bits)
{
	take_start("zerolatency.flv");
	(void)picture(0xffffffff - 9, 0);
	const int64_t before = f.kept[f.count - 1]->dts_us;
	(void)picture(30, 0);
	cr_assert(eq(i64, f.kept[f.count - 1]->dts_us - before, 40000));
}

Test(flv_ingest, jitter_of_stamps_does_not_reach_the_sound)
{
	take_start("zerolatency.flv"); /* 48 kHz: 21.33 ms a frame */
	f.ingest.audio_anchored = false;
	static const uint32_t stamps[] = { 1000, 1030, 1035, 1064, 1080, 1107 };
	const size_t first = f.count;
	for (size_t i = 0; i < 6; i++)
		cr_assert(eq(int, sound(stamps[i]), 0));
	for (size_t i = 0; i < 6; i++)
		cr_assert(eq(i64, f.kept[first + i]->media_us,
			     1000000 + (int64_t)i * 1024 * 1000000 / 48000));
}

Test(flv_ingest, a_gap_in_the_sound_is_kept)
{
	take_start("zerolatency.flv");
	f.ingest.audio_anchored = false;
	(void)sound(1000);
	(void)sound(1021);
	(void)sound(1500);
	(void)sound(1521);
	cr_assert(eq(i64, f.kept[f.count - 2]->media_us, 1500000));
	cr_assert(eq(i64, f.kept[f.count - 1]->media_us, 1521333));
}

Test(flv_ingest, unknown_codecs_are_skipped_and_counted)
{
	static const uint8_t mp3[] = { 0x2f, 1, 2, 3 };
	static const uint8_t h263[] = { 0x22, 1, 2, 3 };
	static const uint8_t hevc[] = { 0x90, 'h', 'v', 'c', '1', 1 };
	cr_assert(eq(int, flv_ingest_audio(&f.ingest, 0, mp3, sizeof(mp3)), -ENOTSUP));
	cr_assert(eq(int, flv_ingest_video(&f.ingest, 0, h263, sizeof(h263)), -ENOTSUP));
	cr_assert(eq(int, flv_ingest_video(&f.ingest, 0, hevc, sizeof(hevc)), -ENOTSUP));
	cr_assert(eq(u64, f.ingest.skipped, 3));
	take_file("zerolatency.flv");
	cr_assert(eq(sz, count_of(CODEC_H264), 50));
}

Test(flv_ingest, takes_avc_in_the_enhanced_form_too)
{
	struct flv_file file;
	struct flv_tag tag;
	flv_file_open(&file, "zerolatency.flv");
	while (flv_file_next(&file, &tag)) {
		if (tag.type != 9)
			continue;
		/* 0x80 | frame type | packet type, FourCC, and without composition time */
		uint8_t *body = malloc(tag.len);
		const bool config = tag.body[1] == 0;
		body[0] = (uint8_t)(0x80 | (tag.body[0] & 0x70) | (config ? 0 : 3));
		memcpy(body + 1, "avc1", 4);
		memcpy(body + 5, tag.body + 5, tag.len - 5);
		if (tag.body[1] < 2)
			cr_assert(
				eq(int, flv_ingest_video(&f.ingest, tag.at_ms, body, tag.len), 0));
		free(body);
	}
	flv_file_close(&file);
	cr_assert(eq(sz, count_of(CODEC_H264), 50));
}

Test(flv_ingest, malformed_bodies_are_refused)
{
	static const uint8_t config[] = { 0x17, 0, 0, 0, 0, 1, 100 };
	static const uint8_t no_time[] = { 0x17, 1, 0, 0 };
	cr_assert(eq(int, flv_ingest_video(&f.ingest, 0, config, sizeof(config)), -EINVAL));
	cr_assert(eq(int, flv_ingest_video(&f.ingest, 0, no_time, sizeof(no_time)), -EINVAL));
	cr_assert(eq(int, picture(0, 0), -EINVAL)); /* before any configuration */
	cr_assert(eq(int, sound(0), -EINVAL));
	take_start("zerolatency.flv");
	static const uint8_t beyond[] = { 0x27, 1, 0, 0, 0, 0, 0, 0, 9, 0x41, 0x9a };
	cr_assert(eq(int, flv_ingest_video(&f.ingest, 0, beyond, sizeof(beyond)), -EINVAL));
	cr_assert(eq(int, flv_ingest_video(&f.ingest, 0, NULL, 0), 0));
}

Test(flv_ingest, a_hosts_own_time_sei_is_left_out)
{
	static const uint8_t body[] = { 0x27, 1,   0,   0,    0, 0, 0, 0, 6,    0x06, 0xf2,
					2,    '{', '}', 0x80, 0, 0, 0, 2, 0x41, 0x9a };
	take_start("zerolatency.flv");
	cr_assert(eq(int, flv_ingest_video(&f.ingest, 0, body, sizeof(body)), 0));
	cr_assert(eq(sz, f.kept[f.count - 1]->data->len, 6));
}

Test(flv_ingest, another_parameter_set_is_another_configuration)
{
	take_start("zerolatency.flv");
	struct media_config *before = f.ingest.video;
	take_start("bframes.flv");
	cr_assert(ne(ptr, f.ingest.video, before));
	cr_assert(eq(u16, f.ingest.video->width, 322));
}

static const uint8_t opus_head[] = "\x90"
				   "OpusOpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0";

static int take_audio(uint32_t at_ms, const char *tag, size_t len)
{
	return flv_ingest_audio(&f.ingest, at_ms, (const uint8_t *)tag, len);
}

Test(flv_ingest, opus_comes_with_exact_times)
{
	cr_assert(eq(int, flv_ingest_audio(&f.ingest, 0, opus_head, sizeof(opus_head) - 1), 0));
	for (uint32_t i = 0; i < 5; i++) /* one frame of 20 ms each, CELT */
		cr_assert(eq(int,
			     take_audio(i * 20 + i % 2,
					"\x91"
					"Opus\xfcxx",
					8),
			     0));
	cr_assert(eq(sz, count_of(CODEC_OPUS), 5));
	cr_assert(eq(i64, nth(CODEC_OPUS, 3)->media_us, 60000));
	cr_assert(eq(i64, nth(CODEC_OPUS, 3)->duration_us, 20000));
	cr_assert(eq(sz, nth(CODEC_OPUS, 3)->data->len, 3));
	cr_assert(eq(uint, nth(CODEC_OPUS, 0)->config->channels, 2));
}

Test(flv_ingest, opus_without_or_with_a_bad_header_is_refused)
{
	static const char heads[][20] = { "\x90"
					  "OpusOpusHeed\x01\x02",
					  "\x90"
					  "OpusOpusHead\x11\x02",
					  "\x90"
					  "OpusOpusHead\x01",
					  "\x90"
					  "OpusOpusHead\x01\x08" };
	cr_assert(eq(int,
		     take_audio(0,
				"\x91"
				"Opus\xfcxx",
				8),
		     -EINVAL));
	for (size_t i = 0; i < 4; i++)
		cr_assert(eq(int, take_audio(0, heads[i], strlen(heads[i])), -EINVAL));
	cr_assert(eq(int, flv_ingest_audio(&f.ingest, 0, opus_head, sizeof(opus_head) - 1), 0));
	cr_assert(eq(int,
		     take_audio(0,
				"\x91"
				"Opus",
				5),
		     -EINVAL));
	cr_assert(eq(int, take_audio(0, "\xaf\1xx", 4), -EINVAL)); /* AAC without its own */
	cr_assert(eq(sz, f.count, 0));
	cr_assert(eq(int,
		     take_audio(0,
				"\x90"
				"Opus",
				5),
		     0)); /* mono or stereo */
	cr_assert(eq(int,
		     take_audio(0,
				"\x91"
				"Opus\xfcxx",
				8),
		     0));
}
