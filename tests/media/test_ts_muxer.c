/* Transport streams as others read them: ffprobe, GStreamer's tsdemux, and a reader of this file's
 * own. */
#include "media/output/ts_muxer.h"

#include "media/output/cmaf_cutter.h"
#include "server/core/buf.h"
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

enum { PIDS = 0x2000 };

/* What a reader sees of one PID. */
struct seen {
	unsigned packets, units, clocks, keys, jumps;
	int counter; /* of the last one; -1: none yet */
	int64_t shown, decoded; /* of the newest unit; -1: not said */
	int64_t clock;
};

struct reader {
	struct seen pids[PIDS];
};

static int64_t time_at(const uint8_t *at)
{
	return (int64_t)(at[0] >> 1 & 7) << 30 | at[1] << 22 | (at[2] >> 1) << 15 | at[3] << 7 |
	       at[4] >> 1;
}

static void read_field(struct seen *seen, const uint8_t *field)
{
	if (!field[0])
		return;
	seen->keys += field[1] >> 6 & 1;
	seen->jumps += field[1] >> 7;
	if (!(field[1] & 0x10))
		return;
	cr_assert(ge(int, field[0], 7));
	seen->clocks++;
	seen->clock = (int64_t)field[2] << 25 | field[3] << 17 | field[4] << 9 | field[5] << 1 |
		      field[6] >> 7;
}

static void read_unit(struct seen *seen, const uint8_t *at, const uint8_t *end)
{
	seen->units++;
	if (at[0] || at[1] || at[2] != 1)
		return; /* a table */
	cr_assert(at + 9 + at[8] <= end);
	const unsigned fields = at[7] >> 6;
	cr_assert(ge(uint, fields, 2));
	seen->shown = time_at(at + 9);
	seen->decoded = fields == 3 ? time_at(at + 14) : seen->shown;
}

/* Each packet is whole and continues the one before. */
static void read_packets(struct reader *reader, const struct buf *buf)
{
	cr_assert(eq(sz, buf->len % TS_PACKET_LEN, 0));
	for (const uint8_t *at = buf->data; at < buf->data + buf->len; at += TS_PACKET_LEN) {
		cr_assert(eq(int, at[0], 0x47));
		struct seen *seen = &reader->pids[(at[1] & 0x1f) << 8 | at[2]];
		const int counter = at[3] & 0xf;
		const size_t field = at[3] & 0x20 ? 1u + at[4] : 0;
		cr_assert(ne(int, at[3] & 0x10, 0), "no payload");
		cr_assert(lt(sz, field, TS_PACKET_LEN - 4));
		if (seen->packets++)
			cr_assert(eq(int, counter, (seen->counter + 1) & 0xf));
		seen->counter = counter;
		if (field)
			read_field(seen, at + 4);
		if (at[1] & 0x40)
			read_unit(seen, at + 4 + field, at + TS_PACKET_LEN);
	}
}

static struct cmaf_fragment pictures(struct frame *const *frames, size_t count, bool starts)
{
	return (struct cmaf_fragment){ .starts_segment = starts,
				       .video = { .frames = frames, .count = count } };
}

Test(ts_muxer, the_checksum_is_that_of_the_standard)
{
	cr_assert(eq(u32, ts_crc32("123456789", 9), 0x0376e6e7));
	cr_assert(eq(u32, ts_crc32("", 0), 0xffffffff));
}

Test(ts_muxer, the_tables_are_those_of_other_muxers)
{
	/* As ffmpeg writes them. */
	static const uint8_t pat[] = { 0x47, 0x40, 0x00, 0x10, 0x00, 0x00, 0xb0, 0x0d,
				       0x00, 0x01, 0xc1, 0x00, 0x00, 0x00, 0x01, 0xf0,
				       0x00, 0x2a, 0xb1, 0x04, 0xb2, 0xff };
	static const uint8_t pmt[] = { 0x47, 0x50, 0x00, 0x10, 0x00, 0x02, 0xb0, 0x17,
				       0x00, 0x01, 0xc1, 0x00, 0x00, 0xe1, 0x00, 0xf0,
				       0x00, 0x1b, 0xe1, 0x00, 0xf0, 0x00, 0x0f, 0xe1,
				       0x01, 0xf0, 0x00, 0x2f, 0x44, 0xb9, 0x9b, 0xff };
	struct media_config *video = test_video_config(), *audio = test_audio_config();
	const struct cmaf_tracks tracks = { .video = video, .audio = audio };
	struct frame *frame = test_video_frame(video, true, 0, 10);
	const struct cmaf_fragment fragment = pictures(&frame, 1, true);
	struct ts_muxer ts;
	ts_muxer_init(&ts);
	ts_muxer_tracks(&ts, &tracks);
	struct buf *part = ts_muxer_part(&ts, &fragment);
	cr_assert(part && part->len >= 3 * TS_PACKET_LEN);
	cr_assert(eq(int, memcmp(part->data, pat, sizeof(pat)), 0));
	cr_assert(eq(int, memcmp(part->data + TS_PACKET_LEN, pmt, sizeof(pmt)), 0));
	buf_unref(part);
	frame_unref(frame);
	media_config_unref(video);
	media_config_unref(audio);
}

Test(ts_muxer, pictures_of_every_length_fill_whole_packets)
{
	static struct reader reader;
	struct media_config *video = test_video_config();
	const struct cmaf_tracks tracks = { .video = video };
	struct ts_muxer ts;
	ts_muxer_init(&ts);
	ts_muxer_tracks(&ts, &tracks);
	for (size_t len = 1; len < 800; len++) {
		struct frame *frame =
			test_video_frame(video, len % 50 == 1, (int64_t)len * 40000, len);
		const struct cmaf_fragment fragment = pictures(&frame, 1, len % 50 == 1);
		struct buf *part = ts_muxer_part(&ts, &fragment);
		read_packets(&reader, part);
		const struct seen *seen = &reader.pids[TS_VIDEO_PID];
		const int64_t at = (int64_t)(10000000 + len * 40000) * 9 / 100;
		cr_assert(eq(i64, seen->shown, at));
		cr_assert(eq(i64, seen->clock, at - TS_LEAD_TICKS));
		buf_unref(part);
		frame_unref(frame);
	}
	cr_assert(eq(uint, reader.pids[TS_VIDEO_PID].units, 799));
	cr_assert(eq(uint, reader.pids[TS_VIDEO_PID].clocks, 799));
	cr_assert(eq(uint, reader.pids[TS_VIDEO_PID].keys, 16));
	cr_assert(eq(uint, reader.pids[0].packets, 16));
	cr_assert(eq(uint, reader.pids[TS_AUDIO_PID].packets, 0));
	media_config_unref(video);
}

Test(ts_muxer, times_go_round_after_33_bits)
{
	static struct reader reader;
	struct media_config *video = test_video_config();
	const struct cmaf_tracks tracks = { .video = video };
	struct ts_muxer ts;
	ts_muxer_init(&ts);
	ts_muxer_tracks(&ts, &tracks);
	/* 2^33 / 90000 s, less what all times are shown later, less 2 pictures. */
	const int64_t round_us = ((int64_t)1 << 33) * 100 / 9;
	const int64_t before_us = round_us - CMAF_ORIGIN_US - 80000;
	for (int i = 0; i < 4; i++) {
		struct frame *frame = test_video_frame(video, !i, before_us + i * 40000, 300);
		frame->media_us += 80000; /* as with B-frames */
		const struct cmaf_fragment fragment = pictures(&frame, 1, !i);
		struct buf *part = ts_muxer_part(&ts, &fragment);
		read_packets(&reader, part);
		const struct seen *seen = &reader.pids[TS_VIDEO_PID];
		const int64_t round = (int64_t)1 << 33;
		const int64_t decoded = (round - 7200 + (int64_t)i * 3600) % round;
		cr_assert(le(i64, llabs(seen->decoded - decoded), 1));
		cr_assert(le(i64, llabs(seen->shown - (decoded + 7200) % round), 1));
		cr_assert(eq(i64, (seen->decoded - seen->clock + round) % round, TS_LEAD_TICKS));
		buf_unref(part);
		frame_unref(frame);
	}
	media_config_unref(video);
}

Test(ts_muxer, sound_alone_has_the_clock_and_four_frames_a_unit)
{
	static struct reader reader;
	struct media_config *audio = test_audio_config();
	const struct cmaf_tracks tracks = { .audio = audio };
	struct frame *frames[10];
	struct ts_muxer ts;
	ts_muxer_init(&ts);
	ts_muxer_tracks(&ts, &tracks);
	for (int i = 0; i < 10; i++)
		frames[i] = test_audio_frame(audio, i * 21333);
	const struct cmaf_fragment fragment = {
		.starts_segment = true,
		.audio = { .frames = frames, .count = 10, .begin = 480000, .step = 1024 },
	};
	struct buf *part = ts_muxer_part(&ts, &fragment);
	read_packets(&reader, part);
	const struct seen *seen = &reader.pids[TS_AUDIO_PID];
	cr_assert(eq(uint, seen->units, 3));
	cr_assert(eq(uint, seen->clocks, 3));
	cr_assert(eq(i64, seen->shown, 900000 + 8 * 1024 * 90 / 48));
	cr_assert(eq(uint, reader.pids[TS_VIDEO_PID].packets, 0));
	buf_unref(part);
	for (int i = 0; i < 10; i++)
		frame_unref(frames[i]);
	media_config_unref(audio);
}

Test(ts_muxer, what_continues_nothing_says_so_once)
{
	static struct reader reader;
	struct media_config *video = test_video_config();
	const struct cmaf_tracks tracks = { .video = video };
	struct ts_muxer ts;
	ts_muxer_init(&ts);
	for (int i = 0; i < 4; i++) {
		struct frame *frame = test_video_frame(video, true, i * 2000000, 50);
		const struct cmaf_fragment fragment = pictures(&frame, 1, true);
		if (i % 2 == 0)
			ts_muxer_tracks(&ts, &tracks);
		struct buf *part = ts_muxer_part(&ts, &fragment);
		read_packets(&reader, part);
		cr_assert(eq(uint, reader.pids[TS_VIDEO_PID].jumps, i >= 2));
		/* The version of the tables. */
		cr_assert(eq(int, part->data[TS_PACKET_LEN + 10] >> 1 & 0x1f, i / 2));
		buf_unref(part);
		frame_unref(frame);
	}
	media_config_unref(video);
}

Test(ts_muxer, sound_that_adts_cannot_describe_is_left_out)
{
	/* 960 samples a frame */
	static const uint8_t asc[] = { 0x11, 0x94 };
	static struct reader reader;
	struct media_config *audio = media_config_create(CODEC_AAC, buf_copy(asc, sizeof(asc)));
	struct media_config *video = test_video_config();
	audio->sample_rate = 48000;
	const struct cmaf_tracks tracks = { .video = video, .audio = audio };
	struct frame *sound = test_audio_frame(audio, 0),
		     *frame = test_video_frame(video, true, 0, 9);
	struct cmaf_fragment fragment = pictures(&frame, 1, true);
	fragment.audio = (struct cmaf_run){ .frames = &sound, .count = 1, .step = 960 };
	struct ts_muxer ts;
	ts_muxer_init(&ts);
	ts_muxer_tracks(&ts, &tracks);
	struct buf *part = ts_muxer_part(&ts, &fragment);
	read_packets(&reader, part);
	cr_assert(eq(uint, reader.pids[TS_AUDIO_PID].packets, 0));
	cr_assert(eq(uint, reader.pids[TS_VIDEO_PID].units, 1));
	buf_unref(part);
	frame_unref(sound);
	frame_unref(frame);
	media_config_unref(audio);
	media_config_unref(video);
}

struct fixture {
	char path[64];
	FILE *file;
	struct cmaf_cutter *cutter;
	struct ts_muxer ts;
	struct reader *reader;
	size_t parts;
};

static struct cmaf_expected expected(void *arg)
{
	(void)arg;
	return (struct cmaf_expected){ .video = true, .audio = true };
}

static void on_map(void *arg, const struct cmaf_tracks *tracks, struct buf *header)
{
	struct fixture *f = arg;
	(void)header;
	ts_muxer_tracks(&f->ts, tracks);
}

static void on_part(void *arg, const struct cmaf_part *part)
{
	struct fixture *f = arg;
	struct buf *ts = ts_muxer_part(&f->ts, part->content);
	read_packets(f->reader, ts);
	cr_assert(eq(sz, fwrite(ts->data, 1, ts->len, f->file), ts->len));
	f->parts++;
	buf_unref(ts);
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

/* tests/data/media/<name> as transport stream. */
static void write_file(struct fixture *f, const char *name)
{
	static struct reader reader;
	struct flv_file file;
	*f = (struct fixture){ .path = "/tmp/souk-ts-XXXXXX", .reader = &reader };
	const int fd = mkstemp(f->path);
	cr_assert(fd >= 0);
	f->file = fdopen(fd, "wb");
	ts_muxer_init(&f->ts);
	cr_assert(eq(int, cmaf_cutter_create(&f->cutter, &ops, f), 0));
	flv_file_open(&file, name);
	flv_file_ingest(&file, on_frame, f);
	cmaf_cutter_flush(f->cutter);
	flv_file_close(&file);
	cmaf_cutter_destroy(f->cutter);
	cr_assert(eq(int, fclose(f->file), 0));
}

static const char *const files[] = { "zerolatency.flv", "bframes.flv" };

ParameterizedTestParameters(ts_muxer, foreign_readers_take_a_real_stream)
{
	static size_t rows[] = { 0, 1 };
	return cr_make_param_array(size_t, rows, 2);
}

ParameterizedTest(size_t *row, ts_muxer, foreign_readers_take_a_real_stream)
{
	static char theirs[1 << 20], ours[1 << 20];
	char input[512];
	struct fixture f;
	write_file(&f, files[*row]);
	cr_assert(gt(sz, f.parts, 3));
	cr_assert(gt(sz, foreign_check_times(f.path, 'v', 0), 20));
	cr_assert(gt(sz, foreign_check_times(f.path, 'a', 0), 20));
	/* The same pictures and the same sound, decoded, as from the file that they came from. */
	snprintf(input, sizeof(input), "%s/media/%s", getenv("SOUK_TEST_DATA"), files[*row]);
	static const char *const hashes[] = {
		"ffmpeg -v error -i %s -map 0:v -fps_mode passthrough -f framemd5 - 2>&1 | "
		"grep -v '^#' | sed 's/.*, *//'",
		"ffprobe -v error -select_streams a -show_entries packet=size -of csv=p=0 %s 2>&1 "
		"| grep -c .",
	};
	foreign_run(hashes[0], input, theirs, sizeof(theirs));
	foreign_run(hashes[0], f.path, ours, sizeof(ours));
	cr_assert(gt(sz, foreign_lines(ours), 20));
	cr_assert(eq(str, ours, theirs));
	foreign_run(hashes[1], f.path, ours, sizeof(ours));
	cr_assert(gt(int, atoi(ours), 20));
	foreign_run("gst-launch-1.0 -q filesrc location=%s ! tsdemux name=d ! queue ! h264parse ! "
		    "avdec_h264 ! fakesink sync=false d. ! queue ! aacparse ! avdec_aac ! "
		    "fakesink sync=false 2>&1",
		    f.path, ours, sizeof(ours));
	unlink(f.path);
}
