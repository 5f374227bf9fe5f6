#include "media/record_index.h"

#include "media/output/cmaf.h"
#include "media/output/cmaf_rebase.h"
#include "media/output/hls_replay.h"
#include "server/core/buf.h"
#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct bytes text;
static struct record_index record;

static void setup(void)
{
	bytes_init(&text, 1 << 20);
	record = (struct record_index){ 0 };
}

static void teardown(void)
{
	bytes_finish(&text);
	record_index_finish(&record);
}

TestSuite(record_index, .init = setup, .fini = teardown);

static const struct record_track track = {
	.header_len = 1000, .sample_rate = 48000, .video = true, .codecs = "avc1.42c00c,mp4a.40.2"
};

enum { BEGIN_US = 1795226035 };

/* Parts of 300 ms, 100 bytes each, four a segment. */
static void put_parts(size_t from, size_t count)
{
	for (size_t i = from; i < from + count; i++) {
		const struct record_part part = { .offset = 1000 + i * 100,
						  .len = 100,
						  .media_us = (int64_t)i * 300000 - 1000,
						  .capture_us = BEGIN_US * 1000000LL +
								(int64_t)i * 300000,
						  .duration_us = 300000,
						  .starts_segment = i % 4 == 0,
						  .independent = i % 4 == 0 };
		record_put_part(&text, &part);
	}
}

static void put_pin(const char *type, const char *title, int64_t at_us)
{
	char message[512];
	const int len = snprintf(message, sizeof(message),
				 "{\"v\":1,\"type\":\"%s\",\"seq\":1,\"id\":\"x\",\"at_us\":%lld,"
				 "\"data\":{\"sku\":\"A1\",\"title\":\"%s\"}}",
				 type, (long long)at_us, title);
	record_put_event(&text, message, (size_t)len);
}

static int parse(uint64_t file_len)
{
	record_index_finish(&record);
	return record_index_parse(&record, text.data, text.len, file_len);
}

Test(record_index, what_was_put_is_read)
{
	record_put_track(&text, &track);
	put_parts(0, 5);
	put_pin("product.pin", "Tea", 7);
	record_put_end(&text);
	cr_assert(eq(int, parse(2000), 0));
	cr_assert(eq(sz, record.part_count, 5));
	cr_assert(eq(sz, record.event_count, 1));
	cr_assert(record.over);
	cr_assert(eq(u32, record.track.sample_rate, 48000));
	cr_assert(eq(str, record.track.codecs, (char *)track.codecs));
	cr_assert(eq(i64, record.parts[0].media_us, -1000));
	cr_assert(record.parts[4].independent);
	cr_assert(not(record.parts[3].starts_segment));
	cr_assert(eq(i64, record_index_end_us(&record), BEGIN_US * 1000000LL + 1500000));
}

Test(record_index, a_line_that_was_cut_off_is_not_there_wherever_the_cut_is)
{
	record_put_track(&text, &track);
	const size_t head = text.len;
	put_parts(0, 1);
	const size_t one = text.len;
	put_parts(1, 1);
	const size_t all = text.len;
	for (text.len = head; text.len < all; text.len++) {
		cr_assert(eq(int, parse(2000), 0));
		cr_assert(eq(sz, record.part_count, text.len >= one));
	}
	for (text.len = 0; text.len < head; text.len++)
		cr_assert(eq(int, parse(2000), -EINVAL));
}

Test(record_index, parts_that_the_file_does_not_have_are_left_out)
{
	record_put_track(&text, &track);
	put_parts(0, 5);
	cr_assert(eq(int, parse(1250), 0));
	cr_assert(eq(sz, record.part_count, 2));
	cr_assert(eq(int, parse(999), -EINVAL));
}

Test(record_index, nonsense_ends_it)
{
	static const char *const lines[] = { "P 1 2 999999999999999999 4 5 --\n",
					     "P 1 2 3 -999999999999999999 5 --\n",
					     "P 1 2 3 4 3600000001 --\n",
					     "P 1 2 3\n",
					     "P a b c d e sk\n",
					     "P 1000 0 0 0 0 sk\n",
					     "P -5 5 0 0 0 sk\n",
					     "X\n",
					     "\n",
					     "E !!!\n",
					     "P 1000 100 0 0 -1 sk\n",
					     "P 1000 100 0 0 0 skk\n" };
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		bytes_clear(&text);
		record_put_track(&text, &track);
		bytes_text(&text, lines[i]);
		put_parts(0, 1);
		cr_assert(eq(int, parse(2000), 0));
		cr_assert(eq(sz, record.part_count, 0), "%s", lines[i]);
	}
}

static const char *replay(const struct hls_replay_file *files, size_t count, bool over,
			  void (*put)(const struct hls_replay *replay, struct bytes *out))
{
	const struct hls_replay show = {
		.show_us = 77, .prefix = "T/", .files = files, .count = count, .over = over
	};
	bytes_clear(&text);
	put(&show, &text);
	return bytes_string(&text);
}

static bool has(const char *all, const char *what)
{
	return strstr(all, what);
}

static struct hls_replay_file make_file(int64_t begin_us, size_t from, size_t parts)
{
	struct hls_replay_file file = { .begin_us = begin_us };
	bytes_clear(&text);
	record_put_track(&text, &track);
	put_parts(from, parts);
	put_pin("product.pin", "A < B\\n& C",
		BEGIN_US * 1000000LL + (int64_t)from * 300000 + 400000);
	cr_assert(eq(int, record_index_parse(&file.index, text.data, text.len, 1 << 20), 0));
	return file;
}

Test(record_index, a_show_is_one_playlist_of_its_files)
{
	struct hls_replay_file files[] = { make_file(5, 0, 8), make_file(6, 20, 6) };
	const char *all = replay(files, 2, true, hls_replay_put);
	cr_assert(has(all,
		      "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP:URI=\"T/replay-77-5-0-1000.mp4\"\n"));
	cr_assert(has(all, "#EXTINF:1.20000,\nT/replay-77-5-1400-400.m4s\n#EXT-X-DISCONTINUITY\n"
			   "#EXT-X-MAP:URI=\"T/replay-77-6-0-1000.mp4\"\n"));
	cr_assert(has(all, "#EXTINF:0.60000,\nT/replay-77-6-3400-200.m4s\n"));
	cr_assert(has(all, "X-SOUK-TYPE=\"product.pin\""));
	cr_assert(has(all, "#EXT-X-ENDLIST\n"));
	/* What may still grow is left for later. */
	all = replay(files, 2, false, hls_replay_put);
	cr_assert(has(all, "#EXT-X-PLAYLIST-TYPE:EVENT\n"));
	cr_assert(not(has(all, "replay-77-6-3400")));
	cr_assert(not(has(all, "ENDLIST")));
	record_index_finish(&files[0].index);
	record_index_finish(&files[1].index);
}

Test(record_index, chapters_are_in_the_time_of_the_playlist)
{
	/* 2.4 s, a hole, 1.8 s */
	struct hls_replay_file files[] = { make_file(5, 0, 8), make_file(6, 20, 6) };
	const char *all = replay(files, 2, true, hls_replay_put_chapters);
	cr_assert(eq(str, (char *)all,
		     "WEBVTT\n\n00:00:00.400 --> 00:00:02.800\nA &lt; B &amp; C\n\n"
		     "00:00:02.800 --> 00:00:04.200\nA &lt; B &amp; C\n\n"));
	record_index_finish(&files[0].index);
	record_index_finish(&files[1].index);
}

static uint64_t time_of(const uint8_t *data, size_t len, size_t nth)
{
	const uint8_t *at = data;
	for (size_t i = 0; at && i <= nth; i++)
		at = memmem(at + (i > 0), len - (size_t)(at + (i > 0) - data), "tfdt", 4);
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | at[8 + i];
	return value;
}

Test(record_index, a_clip_begins_at_its_own_zero_both_tracks_alike)
{
	struct media_config *video = test_video_config(), *audio = test_audio_config();
	struct frame *picture = test_video_frame(video, true, 5000000, 20);
	struct frame *sound = test_audio_frame(audio, 4990000);
	const struct cmaf_fragment fragment = {
		.sequence = 1,
		.video = { .frames = &picture, .count = 1, .begin = cmaf_ticks(5000000, 90000) },
		.audio = { .frames = &sound,
			   .count = 1,
			   .begin = cmaf_ticks(4990000, 48000),
			   .step = 1024 },
	};
	struct buf *data = cmaf_fragment(&fragment);
	cr_assert(eq(int, cmaf_rebase(data->data, data->len, 48000), 0));
	cr_assert(eq(u64, time_of(data->data, data->len, 0), 900)); /* 10 ms */
	cr_assert(eq(u64, time_of(data->data, data->len, 1), 0));
	for (size_t len = 1; len < data->len; len++) { /* cut off anywhere: refused, and no more */
		struct buf *cut = buf_copy(data->data, len);
		(void)!cmaf_rebase(cut->data, len, 48000);
		buf_unref(cut);
	}
	cr_assert(eq(int, cmaf_rebase((uint8_t *)text.data, 0, 48000), -EINVAL));
	buf_unref(data);
	frame_unref(picture);
	frame_unref(sound);
	media_config_unref(video);
	media_config_unref(audio);
}
