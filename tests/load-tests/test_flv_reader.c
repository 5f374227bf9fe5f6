#include "load-tests/swarm/flv_reader.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STREAM_MAX = 1024, KEY = 0x17, INTER = 0x27, NALU = 1, CONFIG = 0 };

struct stream {
	uint8_t data[STREAM_MAX];
	size_t len;
};

static void begin(struct stream *stream)
{
	static const uint8_t header[] = { 'F', 'L', 'V', 1, 5, 0, 0, 0, 9, 0, 0, 0, 0 };
	memcpy(stream->data, header, sizeof(header));
	stream->len = sizeof(header);
}

static void add_tag(struct stream *stream, uint8_t type, uint32_t ms, uint8_t first, uint8_t second)
{
	const uint8_t tag[] = { type,
				0,
				0,
				4,
				(uint8_t)(ms >> 16),
				(uint8_t)(ms >> 8),
				(uint8_t)ms,
				(uint8_t)(ms >> 24),
				0,
				0,
				0,
				first,
				second,
				9,
				9,
				0,
				0,
				0,
				15 };
	memcpy(stream->data + stream->len, tag, sizeof(tag));
	stream->len += sizeof(tag);
}

static void feed(struct flv_reader *reader, const struct stream *stream, size_t step)
{
	flv_reader_init(reader, NULL, NULL);
	for (size_t at = 0; at < stream->len; at += step)
		flv_reader_feed(reader, stream->data + at,
				stream->len - at < step ? stream->len - at : step);
}

Test(flv_reader, counts_frames_whatever_the_cuts)
{
	struct stream stream;
	begin(&stream);
	add_tag(&stream, 18, 0, 2, 0);
	add_tag(&stream, 9, 1000, KEY, CONFIG);
	add_tag(&stream, 9, 1000, KEY, NALU);
	add_tag(&stream, 8, 1005, 0xaf, 1);
	add_tag(&stream, 9, 1040, INTER, NALU);
	for (size_t step = 1; step <= stream.len; step++) {
		struct flv_reader reader;
		feed(&reader, &stream, step);
		cr_assert(eq(u64, reader.video, 2));
		cr_assert(eq(u64, reader.keyframes, 1));
		cr_assert(eq(u64, reader.audio, 1));
		cr_assert(eq(u64, reader.scripts, 1));
		cr_assert(eq(u64, reader.gaps + reader.backward, 0));
		cr_assert(reader.began_with_key);
		cr_assert(not(reader.bad));
	}
}

Test(flv_reader, notices_gaps_and_time_that_goes_back)
{
	struct stream stream;
	struct flv_reader reader;
	begin(&stream);
	add_tag(&stream, 9, 0xfffffff0, INTER, NALU);
	add_tag(&stream, 9, 0x10, INTER, NALU); /* 32 ms later: the time wraps */
	add_tag(&stream, 9, 0x10 + FLV_READER_GAP_MS + 1, INTER, NALU);
	add_tag(&stream, 9, 0x10, INTER, NALU);
	add_tag(&stream, 8, 50, 0xaf, 1);
	add_tag(&stream, 8, 49, 0xaf, 1);
	feed(&reader, &stream, stream.len);
	cr_assert(eq(u64, reader.gaps, 1));
	cr_assert(eq(u64, reader.backward, 2));
	cr_assert(not(reader.began_with_key));
}

Test(flv_reader, stops_at_what_is_no_flv)
{
	struct stream stream;
	struct flv_reader reader;
	begin(&stream);
	add_tag(&stream, 7, 0, 0, 0);
	add_tag(&stream, 9, 0, KEY, NALU);
	feed(&reader, &stream, 5);
	cr_assert(reader.bad);
	cr_assert(eq(u64, reader.video, 0));
	flv_reader_init(&reader, NULL, NULL);
	flv_reader_feed(&reader, (const uint8_t *)"<html><body>hello", 17);
	cr_assert(reader.bad);
}

/* A stream that ffmpeg wrote: 50 frames of 25 fps with AAC. */
Test(flv_reader, agrees_with_ffmpeg)
{
	char path[] = "/tmp/souk-flv-XXXXXX.flv";
	char command[512];
	uint8_t data[4096];
	struct flv_reader reader;
	size_t len;
	close(mkstemps(path, 4));
	snprintf(
		command, sizeof(command),
		"ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=size=128x96:rate=25 -f lavfi "
		"-i sine=sample_rate=48000 -t 2 -c:v libx264 -preset ultrafast -bf 0 -g 25 -c:a aac "
		"%s",
		path);
	if (system(command)) // NOLINT(cert-env33-c): a fixed command line
		cr_skip("no ffmpeg");
	FILE *file = fopen(path, "rb");
	cr_assert(ne(ptr, file, NULL));
	flv_reader_init(&reader, NULL, NULL);
	while ((len = fread(data, 1, sizeof(data), file)) > 0)
		flv_reader_feed(&reader, data, len);
	fclose(file);
	unlink(path);
	cr_assert(eq(u64, reader.video, 50));
	cr_assert(eq(u64, reader.keyframes, 2));
	cr_assert(ge(u64, reader.audio, 94));
	cr_assert(eq(u64, reader.gaps + reader.backward, 0));
	cr_assert(not(reader.bad));
}
