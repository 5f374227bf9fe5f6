/* What the muxer writes, as others read it: ffprobe and GStreamer's qtdemux. */
#include "media/output/cmaf.h"

#include "media/output/cmaf_cutter.h"
#include "media/output/cmaf_sample.h"
#include "tests/support/flv_file.h"
#include "tests/support/flv_frames.h"
#include "tests/support/foreign.h"
#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
	char path[64];
	FILE *file;
	struct cmaf_cutter *cutter;
	size_t maps, parts;
};

static struct cmaf_expected expected(void *arg)
{
	(void)arg;
	return (struct cmaf_expected){ .video = true, .audio = true };
}

static void on_map(void *arg, const struct cmaf_tracks *tracks, struct buf *header)
{
	struct fixture *f = arg;
	cr_assert(tracks->video != NULL);
	cr_assert(eq(sz, fwrite(header->data, 1, header->len, f->file), header->len));
	f->maps++;
}

static void on_part(void *arg, const struct cmaf_part *part)
{
	struct fixture *f = arg;
	cr_assert(eq(sz, fwrite(part->data->data, 1, part->data->len, f->file), part->data->len));
	f->parts++;
}

static void on_segment(void *arg)
{
	(void)arg;
}

static const struct cmaf_cutter_ops ops = { expected, on_map, on_part, on_segment };

static void on_frame(void *arg, struct frame *frame)
{
	struct fixture *f = arg;
	frame->stamp = frame->key;
	frame->capture_us = 1795226035000000 + frame->media_us;
	cmaf_cutter_push(f->cutter, frame, frame->dts_us);
	frame_unref(frame);
}

/* tests/data/media/<name> as a fragmented MP4 file. */
static void write_file(struct fixture *f, const char *name)
{
	struct flv_file file;
	*f = (struct fixture){ .path = "/tmp/souk-cmaf-XXXXXX" };
	const int fd = mkstemp(f->path);
	cr_assert(fd >= 0);
	f->file = fdopen(fd, "wb");
	cr_assert(eq(int, cmaf_cutter_create(&f->cutter, &ops, f), 0));
	flv_file_open(&file, name);
	flv_file_ingest(&file, on_frame, f);
	cmaf_cutter_flush(f->cutter);
	flv_file_close(&file);
	cmaf_cutter_destroy(f->cutter);
	cr_assert(eq(int, fclose(f->file), 0));
}

static const char *const files[] = { "zerolatency.flv", "bframes.flv" };

ParameterizedTestParameters(cmaf, foreign_readers_take_a_real_stream)
{
	static size_t rows[] = { 0, 1 };
	return cr_make_param_array(size_t, rows, 2);
}

ParameterizedTest(size_t *row, cmaf, foreign_readers_take_a_real_stream)
{
	static char theirs[1 << 20], ours[1 << 20];
	char input[512];
	struct fixture f;
	write_file(&f, files[*row]);
	cr_assert(eq(sz, f.maps, 1));
	cr_assert(gt(sz, f.parts, 3));
	foreign_check_times(f.path, 'v', 0);
	foreign_check_times(f.path, 'a', 1024);
	/* The same pictures, decoded, as from the file that they came from. */
	snprintf(input, sizeof(input), "%s/media/%s", getenv("SOUK_TEST_DATA"), files[*row]);
	const char *hashes = "ffmpeg -v error -i %s -map 0:v -fps_mode passthrough -f framemd5 - "
			     "2>&1 | grep -v '^#' | sed 's/.*, *//'";
	foreign_run(hashes, input, theirs, sizeof(theirs));
	foreign_run(hashes, f.path, ours, sizeof(ours));
	cr_assert(gt(sz, foreign_lines(ours), 20));
	cr_assert(eq(str, ours, theirs));
	/* qtdemux, decoders and all: an error of any element ends with 1. */
	foreign_run(
		"gst-launch-1.0 -q filesrc location=%s ! qtdemux name=d d.video_0 ! queue ! h264parse ! "
		"avdec_h264 ! fakesink sync=false d.audio_0 ! queue ! aacparse ! avdec_aac ! "
		"fakesink sync=false 2>&1",
		f.path, ours, sizeof(ours));
	unlink(f.path);
}

static const uint8_t *find(const struct buf *buf, const char *type)
{
	const uint8_t *at = memmem(buf->data, buf->len, type, 4);
	cr_assert(at != NULL, "no %s", type);
	return at - 4;
}

static uint64_t be64(const uint8_t *at)
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return value;
}

Test(cmaf, a_picture_s_time_is_the_room_s_in_90_kilohertz)
{
	struct media_config *config = test_video_config();
	struct frame *frame = test_video_frame(config, true, 123456789, 20);
	const uint64_t begin = cmaf_ticks(frame->dts_us, CMAF_VIDEO_TIMESCALE);
	const struct cmaf_fragment fragment = {
		.sequence = 1,
		.starts_segment = true,
		.video = { .frames = &frame, .count = 1, .begin = begin, .end = begin + 3000 },
	};
	struct buf *data = cmaf_fragment(&fragment);
	cr_assert(data != NULL);
	cr_assert(eq(u64, be64(find(data, "tfdt") + 12), (123456789 + CMAF_ORIGIN_US) * 9 / 100));
	cr_assert(eq(int, memcmp(data->data + 4, "styp", 4), 0));
	buf_unref(data);
	frame_unref(frame);
	media_config_unref(config);
}

Test(cmaf, sound_made_from_samples_gets_its_samples_back)
{
	for (int64_t n = 0; n < 200000; n += 777) {
		const int64_t media_us = n * 1024 * 1000000 / 44100;
		const uint64_t origin = (uint64_t)CMAF_ORIGIN_US * 44100 / 1000000;
		cr_assert(eq(u64, cmaf_ticks(media_us, 44100), origin + (uint64_t)n * 1024));
	}
}

Test(cmaf, an_event_stands_in_front_of_its_pictures)
{
	const struct cmaf_event event = { .type = "product.pin",
					  .id = 1812,
					  .media_us = 2000000,
					  .text = "{\"v\":1}",
					  .len = 7 };
	struct buf *box = cmaf_event(&event);
	struct media_config *config = test_video_config();
	struct frame *frame = test_video_frame(config, true, 0, 20);
	const struct cmaf_fragment fragment = { .sequence = 1,
						.events = &box,
						.event_count = 1,
						.video = { .frames = &frame, .count = 1 } };
	struct buf *data = cmaf_fragment(&fragment);
	const uint8_t *emsg = find(data, "emsg");
	cr_assert(eq(ptr, (void *)emsg, data->data));
	cr_assert(eq(u64, be64(emsg + 16), (uint64_t)12 * 90000));
	cr_assert(eq(str, (char *)emsg + 32, CMAF_EVENT_SCHEME));
	cr_assert(eq(str, (char *)emsg + 32 + sizeof(CMAF_EVENT_SCHEME), "product.pin"));
	cr_assert(find(data, "moof") > emsg);
	buf_unref(data);
	buf_unref(box);
	frame_unref(frame);
	media_config_unref(config);
}

/* Cut off anywhere, it is found whole or not at all. */
Test(cmaf, the_first_picture_and_its_configuration_are_found_again)
{
	struct media_config *video = test_video_config(), *audio = test_audio_config();
	const struct cmaf_tracks tracks = { .video = video, .audio = audio };
	struct frame *frames[] = { test_video_frame(video, true, 0, 50),
				   test_video_frame(video, false, 40000, 20) };
	struct frame *sound = test_audio_frame(audio, 0);
	const struct cmaf_fragment fragment = {
		.starts_segment = true,
		.video = { .frames = frames, .count = 2 },
		.audio = { .frames = &sound, .count = 1, .step = 1024 },
	};
	struct buf *header = cmaf_header(&tracks), *part = cmaf_fragment(&fragment);
	struct buf *avcc = cmaf_find_avcc(header->data, header->len);
	struct buf *picture = cmaf_first_picture(part->data, part->len);
	cr_assert(eq(sz, avcc->len, video->header->len));
	cr_assert(eq(int, memcmp(avcc->data, video->header->data, avcc->len), 0));
	cr_assert(eq(sz, picture->len, frames[0]->data->len));
	cr_assert(eq(int, memcmp(picture->data, frames[0]->data->data, picture->len), 0));
	for (size_t len = 0; len < part->len; len++) {
		struct buf *found = cmaf_first_picture(part->data, len);
		cr_assert(not(found && found->len != picture->len));
		buf_unref(found);
	}
	for (size_t len = 0; len < header->len; len++) {
		struct buf *found = cmaf_find_avcc(header->data, len);
		cr_assert(not(found && found->len != avcc->len));
		buf_unref(found);
	}
	buf_unref(avcc);
	buf_unref(picture);
	buf_unref(header);
	buf_unref(part);
	for (size_t i = 0; i < 2; i++)
		frame_unref(frames[i]);
	frame_unref(sound);
	media_config_unref(video);
	media_config_unref(audio);
}

Test(cmaf, codecs_are_named_as_players_know_them)
{
	char text[CMAF_CODEC_TEXT];
	struct media_config *video = test_video_config(), *audio = test_audio_config();
	video->constraints = 0xc0;
	video->level = 12;
	cmaf_codec_text(video, text);
	cr_assert(eq(str, text, "avc1.42c00c"));
	cmaf_codec_text(audio, text);
	cr_assert(eq(str, text, "mp4a.40.2"));
	media_config_unref(video);
	media_config_unref(audio);
}
