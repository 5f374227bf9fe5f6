#include "media/output/flv_sink.h"

#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/output/flv_muxer.h"
#include "media/publish.h"
#include "server/core/bytes.h"
#include "server/core/loop.h"
#include "tests/support/fake_clock.h"
#include "tests/support/flv_file.h"
#include "tests/support/flv_frames.h"
#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRAME = 40000, SECOND = 1000000 };

struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct broadcast *broadcast;
	struct fanout *fanout;
	struct publisher *publisher;
	struct media_config *video, *audio;
	struct flv_sink *flv;
	struct bytes out; /* what was handed to the port */
	size_t backlog;
	bool stuck; /* the kernel takes nothing */
	int answer;
	unsigned writes, closes;
	int64_t source_us;
};

static struct fixture f;

static int on_send(void *arg, struct buf *const *bufs, size_t count)
{
	(void)arg;
	if (f.answer)
		return f.answer;
	f.writes++;
	for (size_t i = 0; i < count; i++) {
		bytes_put(&f.out, bufs[i]->data, bufs[i]->len);
		f.backlog += f.stuck ? bufs[i]->len : 0;
	}
	return 0;
}

static size_t on_backlog(void *arg)
{
	(void)arg;
	return f.backlog;
}

static void on_close(void *arg)
{
	(void)arg;
	f.closes++;
}

static void setup(void)
{
	static const struct byte_port_ops ops = { .send = on_send,
						  .backlog = on_backlog,
						  .close = on_close };
	const struct byte_port port = { .ops = &ops };
	const struct publisher_params params = { 0 };
	f = (struct fixture){ 0 };
	fake_clock_init(&f.fake);
	bytes_init(&f.out, 1 << 24);
	f.video = test_video_config();
	f.audio = test_audio_config();
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	cr_assert(eq(int, broadcast_create(&f.broadcast, &f.fake.clock, NULL, NULL), 0));
	cr_assert(eq(int, fanout_create(&f.fanout, f.loop), 0));
	cr_assert(eq(int, broadcast_publish_begin(f.broadcast, &params, &f.publisher), 0));
	cr_assert(eq(int, flv_sink_create(&f.flv, f.loop, f.broadcast, &port), 0));
}

static void teardown(void)
{
	fanout_remove(f.fanout, flv_sink_sink(f.flv));
	flv_sink_destroy(f.flv);
	broadcast_publish_end(f.publisher);
	loop_poll(f.loop);
	fanout_destroy(f.fanout);
	broadcast_unref(f.broadcast);
	loop_destroy(f.loop);
	bytes_finish(&f.out);
	media_config_unref(f.video);
	media_config_unref(f.audio);
}

TestSuite(flv_sink, .init = setup, .fini = teardown);

static void settle(void)
{
	for (int i = 0; i < 4; i++)
		loop_poll(f.loop);
}

static void join(void)
{
	cr_assert(eq(int, fanout_add(f.fanout, f.broadcast, flv_sink_sink(f.flv)), 0));
	settle();
}

static void push_video(bool key, size_t len)
{
	cr_assert(eq(int,
		     broadcast_push(f.publisher, test_video_frame(f.video, key, f.source_us, len)),
		     0));
	f.fake.now_us += FRAME;
	f.source_us += FRAME;
	settle();
}

static void push_audio(int64_t at_us)
{
	cr_assert(eq(int, broadcast_push(f.publisher, test_audio_frame(f.audio, at_us)), 0));
	settle();
}

/* Tags of a type in what was sent; their last body and time. */
static unsigned count_tags(uint8_t type, struct flv_tag *last)
{
	struct flv_file file;
	struct flv_tag tag;
	unsigned count = 0;
	flv_file_wrap(&file, f.out.data, f.out.len);
	while (flv_file_next(&file, &tag)) {
		if (tag.type != type)
			continue;
		count++;
		if (last)
			*last = tag;
	}
	return count;
}

Test(flv_sink, starts_with_headers_and_the_group_in_one_write)
{
	for (int i = 0; i < 10; i++)
		push_video(i == 0, 100);
	join();
	cr_assert(eq(uint, f.writes, 1));
	cr_assert(eq(uint, count_tags(FLV_TAG_SCRIPT, NULL), 1));
	cr_assert(eq(uint, count_tags(FLV_TAG_VIDEO, NULL), 11)); /* with the sequence header */
}

Test(flv_sink, sound_rides_with_the_next_picture)
{
	push_video(true, 100);
	join();
	f.writes = 0;
	push_audio(f.source_us + 1000);
	push_audio(f.source_us + 22000);
	cr_assert(eq(uint, f.writes, 0));
	push_video(false, 100);
	cr_assert(eq(uint, f.writes, 1));
	cr_assert(eq(uint, count_tags(FLV_TAG_AUDIO, NULL), 3)); /* with the sequence header */
}

Test(flv_sink, sound_does_not_wait_for_a_picture_long)
{
	push_video(true, 100);
	join();
	f.writes = 0;
	for (int i = 0; i < 6; i++) { /* each write takes two */
		push_audio(f.source_us + (int64_t)i * 21333);
		fake_clock_advance(&f.fake, f.loop, FANOUT_GATHER_US / 2);
		settle();
	}
	cr_assert(eq(uint, f.writes, 3));
	cr_assert(eq(uint, count_tags(FLV_TAG_AUDIO, NULL), 7)); /* with the sequence header */
}

Test(flv_sink, a_slow_reader_skips_to_a_keyframe)
{
	struct flv_sink_stats stats;
	push_video(true, 100);
	join();
	f.stuck = true;
	for (int i = 0; i < 60; i++) /* 40 kB each: 512 KiB after 13 */
		push_video(false, 40000);
	flv_sink_stats(f.flv, &stats);
	cr_assert(eq(u64, stats.skips, 1));
	cr_assert(gt(u64, stats.skipped_frames, 40));
	cr_assert(lt(sz, f.backlog, FLV_BACKLOG_BYTES + 50000));
	f.stuck = false;
	f.backlog = 0;
	push_video(false, 100);
	push_video(true, 100);
	struct flv_tag last = { 0 };
	count_tags(FLV_TAG_VIDEO, &last);
	cr_assert(eq(u8, last.body[0], 0x17));
	push_video(false, 100);
	flv_sink_stats(f.flv, &stats);
	cr_assert(eq(u32, stats.last_ms, (uint32_t)((1000000 + f.source_us - FRAME) / 1000)));
}

Test(flv_sink, a_second_of_delay_is_too_slow_as_well)
{
	struct flv_sink_stats stats;
	push_video(true, 100);
	join();
	f.stuck = true;
	for (int i = 0; i < 27; i++)
		push_video(false, 10);
	flv_sink_stats(f.flv, &stats);
	cr_assert(eq(u64, stats.skips, 1));
	cr_assert(eq(uint, f.closes, 0));
}

Test(flv_sink, ten_seconds_behind_ends_it)
{
	push_video(true, 100);
	join();
	f.stuck = true;
	for (int i = 0; i < 249; i++)
		push_video(i % 50 == 0, 10);
	cr_assert(eq(uint, f.closes, 0));
	for (int i = 0; i < 10; i++)
		push_video(i % 50 == 0, 10);
	cr_assert(eq(uint, f.closes, 1));
}

Test(flv_sink, a_large_start_is_not_held_against_the_reader)
{
	struct flv_sink_stats stats;
	for (int i = 0; i < 20; i++)
		push_video(i == 0, 50000);
	f.stuck = true;
	join();
	push_video(false, 1000);
	push_video(false, 1000);
	flv_sink_stats(f.flv, &stats);
	cr_assert(eq(u64, stats.skips, 0));
}

Test(flv_sink, a_full_port_means_skipping)
{
	struct flv_sink_stats stats;
	push_video(true, 100);
	join();
	f.answer = -ENOBUFS;
	push_video(false, 100);
	f.answer = 0;
	push_video(false, 100);
	push_video(true, 100);
	flv_sink_stats(f.flv, &stats);
	cr_assert(eq(u64, stats.skipped_frames, 1));
	cr_assert(eq(uint, count_tags(FLV_TAG_VIDEO, NULL), 3));
}

Test(flv_sink, events_go_out_between_frames)
{
	static const char text[] = "{\"v\":1}";
	struct buf *tag = flv_script_tag(text, strlen(text), 0);
	flv_sink_event(f.flv, tag); /* before the start: dropped */
	push_video(true, 100);
	join();
	flv_sink_event(f.flv, tag);
	cr_assert(eq(uint, count_tags(FLV_TAG_SCRIPT, NULL), 2));
	buf_unref(tag);
}

Test(flv_sink, a_republish_brings_sequence_headers_and_no_hole)
{
	struct flv_tag before = { 0 }, after = { 0 };
	push_video(true, 100);
	push_video(false, 100);
	join();
	count_tags(FLV_TAG_VIDEO, &before);
	struct publisher *first = f.publisher;
	const struct publisher_params params = { 0 };
	f.fake.now_us += 20LL * SECOND;
	cr_assert(eq(int, broadcast_publish_begin(f.broadcast, &params, &f.publisher), 0));
	broadcast_publish_end(first);
	media_config_unref(f.video);
	f.video = test_video_config();
	f.source_us = 777LL * SECOND;
	push_video(true, 100);
	cr_assert(eq(uint, count_tags(FLV_TAG_VIDEO, &after), 5));
	cr_assert(eq(u32, after.at_ms - before.at_ms, 40));
}

Test(flv_sink, the_end_of_the_show_closes_the_port)
{
	push_video(true, 100);
	join();
	broadcast_end(f.broadcast);
	settle();
	cr_assert(eq(uint, f.closes, 1));
}

static void on_ingest(void *arg, struct frame *frame)
{
	(void)arg;
	broadcast_push(f.publisher, frame);
	settle();
	if (!flv_sink_sink(f.flv)->channel)
		join();
}

static void read_line(const char *command, char *line, size_t len)
{
	FILE *pipe = popen(command, "r");
	cr_assert(pipe != NULL);
	if (!fgets(line, (int)len, pipe))
		line[0] = '\0';
	pclose(pipe);
}

/* A file with B-frames through ingest and muxer: ffprobe must find the same packets. */
Test(flv_sink, ffprobe_reads_the_same_show)
{
	struct flv_file file;
	char path[] = "/tmp/souk-flv-XXXXXX", command[256], line[256];
	flv_file_open(&file, "bframes.flv");
	flv_file_ingest(&file, on_ingest, NULL);
	flv_file_close(&file);
	fake_clock_advance(&f.fake, f.loop, FANOUT_GATHER_US); /* for the sound after the end */
	settle();
	const int fd = mkstemp(path);
	cr_assert(fd >= 0 && write(fd, f.out.data, f.out.len) == (ssize_t)f.out.len);
	close(fd);
	snprintf(
		command, sizeof(command),
		"ffprobe -v error -count_packets -show_entries "
		"stream=codec_name,width,height,nb_read_packets -of csv=p=0 %s 2>&1 | tr '\\n' ' '",
		path);
	read_line(command, line, sizeof(line));
	cr_assert(eq(str, line, "h264,322,182,60 aac,88 "), "%s", line);
	/* decodes without a complaint */
	snprintf(command, sizeof(command), "ffmpeg -nostdin -v warning -i %s -f null - 2>&1", path);
	read_line(command, line, sizeof(line));
	cr_assert(eq(str, line, ""), "%s", line);
	unlink(path);
}

Test(flv_sink, pictures_share_writes_where_that_is_wanted)
{
	flv_sink_batch(f.flv, 100000);
	push_video(true, 100);
	join();
	f.writes = 0;
	for (int i = 0; i < 9; i++) { /* 40 ms each: a write takes three */
		push_audio(f.source_us);
		push_video(false, 100);
	}
	cr_assert(eq(uint, f.writes, 3));
	push_video(false, 100);
	fake_clock_advance(&f.fake, f.loop, 100000 + FANOUT_GATHER_US);
	settle();
	cr_assert(eq(uint, f.writes, 4)); /* no further picture comes */
	cr_assert(eq(uint, count_tags(FLV_TAG_VIDEO, NULL), 12));
	cr_assert(eq(uint, count_tags(FLV_TAG_AUDIO, NULL), 10));
}

Test(flv_sink, what_a_full_port_was_told_is_told_again)
{
	push_video(true, 100);
	join();
	media_config_unref(f.video);
	f.video = test_video_config(); /* another picture */
	f.answer = -ENOBUFS;
	push_video(true, 100);
	f.answer = 0;
	push_video(true, 100);
	push_video(false, 100);
	cr_assert(eq(uint, count_tags(FLV_TAG_VIDEO, NULL), 5)); /* two configurations */
}

Test(flv_sink, a_port_that_cannot_take_the_start_is_closed)
{
	push_video(true, 100);
	f.answer = -ENOBUFS;
	join();
	cr_assert(eq(uint, f.closes, 1));
}

Test(flv_sink, sound_alone_comes_without_pictures_and_says_so)
{
	flv_sink_sound_alone(f.flv);
	push_video(true, 100);
	push_audio(f.source_us - FRAME);
	join();
	for (int i = 0; i < 10; i++) {
		push_audio(f.source_us);
		push_video(false, 100);
	}
	fake_clock_advance(&f.fake, f.loop, FANOUT_GATHER_US);
	settle();
	cr_assert(eq(uint, count_tags(FLV_TAG_VIDEO, NULL), 0));
	cr_assert(eq(uint, count_tags(FLV_TAG_AUDIO, NULL), 12)); /* the configuration, and all */
	cr_assert(memmem(f.out.data, f.out.len, "audiocodecid", 12) != NULL);
	cr_assert(memmem(f.out.data, f.out.len, "videocodecid", 12) == NULL);
}
