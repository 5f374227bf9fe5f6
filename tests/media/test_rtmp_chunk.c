#include "media/ingest/rtmp_chunk.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct got {
	uint8_t type;
	uint32_t stream_id, timestamp;
	size_t len;
	uint8_t first, last;
};

struct fixture {
	struct rtmp_chunk_reader reader;
	struct got got[256];
	size_t count;
	int answer;
};

static struct fixture f;

static int note(void *arg, const struct rtmp_message *message)
{
	(void)arg;
	f.got[f.count++ % 256] = (struct got){
		.type = message->type,
		.stream_id = message->stream_id,
		.timestamp = message->timestamp,
		.len = message->len,
		.first = message->len ? message->data[0] : 0,
		.last = message->len ? message->data[message->len - 1] : 0,
	};
	return f.answer;
}

static void setup(void)
{
	memset(&f, 0, sizeof(f));
	rtmp_chunk_reader_init(&f.reader, note, NULL);
}

static void teardown(void)
{
	rtmp_chunk_reader_finish(&f.reader);
}

TestSuite(rtmp_chunk, .init = setup, .fini = teardown);

static int feed(const char *data, size_t len)
{
	return rtmp_chunk_feed(&f.reader, (const uint8_t *)data, len);
}
#define FEED(text) feed(text, sizeof(text) - 1)

Test(rtmp_chunk, reads_the_example_of_the_specification)
{
	/* Adobe RTMP 1.0 §5.3.2.1: four audio messages of 32 bytes, 20 ms apart, on chunk stream 3.
	 * Headers of type 0, 2, 3, 3. */
	char payload[33] = "................................";
	char stream[256];
	size_t len = 0;
	memcpy(stream, "\x03\x00\x03\xe8\x00\x00\x20\x08\x39\x30\x00\x00", 12);
	memcpy(stream + 12, payload, 32);
	len = 44;
	memcpy(stream + len, "\x83\x00\x00\x14", 4);
	memcpy(stream + len + 4, payload, 32);
	len += 36;
	for (int i = 0; i < 2; i++) {
		stream[len] = '\xc3';
		memcpy(stream + len + 1, payload, 32);
		len += 33;
	}
	cr_assert(eq(int, feed(stream, len), 0));
	cr_assert(eq(sz, f.count, 4));
	for (unsigned i = 0; i < 4; i++) {
		cr_assert(eq(u32, f.got[i].timestamp, 1000 + 20 * i));
		cr_assert(eq(u32, f.got[i].stream_id, 12345));
		cr_assert(eq(u8, f.got[i].type, RTMP_AUDIO));
		cr_assert(eq(sz, f.got[i].len, 32));
	}
}

Test(rtmp_chunk, puts_interleaved_messages_together_byte_by_byte)
{
	/* §5.3.2.2: a video message of 307 bytes in three chunks, with a message of another chunk
	 * stream between them, as encoders do. */
	char video[307];
	memset(video, 'v', sizeof(video));
	video[306] = 'z';
	char stream[512];
	size_t len = 0;
	memcpy(stream, "\x04\x00\x03\xe8\x00\x01\x33\x09\x01\x00\x00\x00", 12);
	memcpy(stream + 12, video, 128);
	len = 140;
	memcpy(stream + len,
	       "\x05\x00\x03\xe8\x00\x00\x02\x08\x01\x00\x00\x00"
	       "aa",
	       14);
	len += 14;
	stream[len++] = '\xc4';
	memcpy(stream + len, video + 128, 128);
	len += 128;
	stream[len++] = '\xc4';
	memcpy(stream + len, video + 256, 51);
	len += 51;
	for (size_t i = 0; i < len; i++)
		cr_assert(eq(int, feed(stream + i, 1), 0));
	cr_assert(eq(sz, f.count, 2));
	cr_assert(eq(u8, f.got[0].type, RTMP_AUDIO));
	cr_assert(eq(sz, f.got[1].len, 307));
	cr_assert(eq(u8, f.got[1].first, 'v'));
	cr_assert(eq(u8, f.got[1].last, 'z'));
	cr_assert(eq(sz, f.reader.memory, 0));
}

Test(rtmp_chunk, knows_basic_headers_of_two_and_three_bytes)
{
	cr_assert(eq(int,
		     FEED("\x00\x00\x00\x00\x01\x00\x00\x01\x08\x01\x00\x00\x00"
			  "a"),
		     0));
	cr_assert(eq(int,
		     FEED("\x01\x00\x01\x00\x00\x01\x00\x00\x01\x08\x01\x00\x00\x00"
			  "b"),
		     0));
	cr_assert(eq(sz, f.count, 2));
	cr_assert(eq(sz, f.reader.stream_count, 2));
}

Test(rtmp_chunk, extended_timestamps_with_and_without_their_repetition)
{
	char with[300] = "\x03\xff\xff\xff\x00\x00\x82\x08\x01\x00\x00\x00\x01\x00\x00\x00";
	memset(with + 16, 'a', 128);
	memcpy(with + 144,
	       "\xc3\x01\x00\x00\x00"
	       "ab",
	       7);
	cr_assert(eq(int, feed(with, 151), 0));
	cr_assert(eq(u32, f.got[0].timestamp, 0x01000000));
	cr_assert(eq(sz, f.got[0].len, 130));
	char without[300] = "\x04\xff\xff\xff\x00\x00\x86\x08\x01\x00\x00\x00\x01\x00\x00\x00";
	memset(without + 16, 'a', 128);
	memcpy(without + 144,
	       "\xc4"
	       "bbbbbz",
	       7);
	cr_assert(eq(int, feed(without, 151), 0));
	cr_assert(eq(sz, f.got[1].len, 134));
	cr_assert(eq(u8, f.got[1].last, 'z'));
}

Test(rtmp_chunk, obeys_chunk_size_and_abort)
{
	char stream[300] = "\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00\x00\x00\x00\xc8";
	/* half a message of 300 bytes, given up by an abort */
	memcpy(stream + 16, "\x04\x00\x00\x00\x00\x01\x2c\x09\x01\x00\x00\x00", 12);
	memset(stream + 28, 'v', 200);
	memcpy(stream + 228, "\x02\x00\x00\x00\x00\x00\x04\x02\x00\x00\x00\x00\x00\x00\x00\x04",
	       16);
	memcpy(stream + 244,
	       "\x04\x00\x00\x00\x00\x00\x01\x09\x01\x00\x00\x00"
	       "w",
	       13);
	cr_assert(eq(int, feed(stream, 257), 0));
	cr_assert(eq(u32, f.reader.chunk_size, 200));
	cr_assert(eq(sz, f.count, 1));
	cr_assert(eq(u8, f.got[0].first, 'w'));
}

static const struct {
	const char *data;
	size_t len;
	int err;
} bad[] = {
	/* chunk sizes 127 and 65537 */
	{ "\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\0\0\x7f", 16, -EPROTO },
	{ "\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\x01\0\x01", 16, -EPROTO },
	/* a message of 16 MiB */
	{ "\x03\0\0\0\xff\xff\xff\x09\0\0\0\0", 12, -EMSGSIZE },
	/* a header that refers back to nothing */
	{ "\xc3", 1, -EPROTO },
	{ "\x83\0\0\0", 4, -EPROTO },
};

ParameterizedTestParameters(rtmp_chunk, refuses)
{
	static size_t i[] = { 0, 1, 2, 3, 4 };
	return cr_make_param_array(size_t, i, 5);
}

ParameterizedTest(size_t *i, rtmp_chunk, refuses, .init = setup, .fini = teardown)
{
	cr_assert(eq(int, feed(bad[*i].data, bad[*i].len), bad[*i].err));
	cr_assert(eq(sz, f.count, 0));
}

Test(rtmp_chunk, chunk_streams_have_a_cap)
{
	for (int id = 0; id < RTMP_STREAMS_MAX; id++) {
		char chunk[] = "\x00\x00\x00\x00\x00\x00\x00\x01\x08\x01\x00\x00\x00"
			       "a";
		chunk[1] = (char)id;
		cr_assert(eq(int, feed(chunk, sizeof(chunk) - 1), 0));
	}
	cr_assert(eq(int,
		     FEED("\x03\x00\x00\x00\x00\x00\x01\x08\x01\x00\x00\x00"
			  "a"),
		     -ENOBUFS));
}

Test(rtmp_chunk, memory_has_a_cap_over_all_messages)
{
	f.reader.memory_max = 1024;
	char chunk[140] = "\x03\x00\x00\x00\x00\xff\xff\x09\x01\x00\x00\x00";
	int err = 0;
	int id = 3;
	for (; id < 40 && !err; id++) { /* each holds 128 bytes of a message that never ends */
		chunk[0] = (char)id;
		err = feed(chunk, sizeof(chunk));
	}
	cr_assert(eq(int, err, -ENOBUFS));
	cr_assert(eq(int, id - 3, 9));
}

Test(rtmp_chunk, what_the_handler_answers_ends_the_reading)
{
	f.answer = -ECANCELED;
	cr_assert(eq(int,
		     FEED("\x03\0\0\0\0\0\x01\x08\0\0\0\0"
			  "a"
			  "\x03\0\0\0\0\0\x01\x08\0\0\0\0"
			  "b"),
		     -ECANCELED));
	cr_assert(eq(sz, f.count, 1));
}

Test(rtmp_chunk, writes_what_the_specification_shows)
{
	/* §5.3.2.2, table 4: 12 + 128, 1 + 128, 1 + 51 bytes */
	uint8_t body[307];
	memset(body, 'v', sizeof(body));
	const struct rtmp_message message = {
		.type = RTMP_VIDEO, .stream_id = 12346, .timestamp = 1000, .data = body, .len = 307
	};
	struct bytes out;
	bytes_init(&out, 1024);
	rtmp_chunk_write(&out, 4, &message, 128);
	cr_assert(eq(sz, out.len, 140 + 129 + 52));
	cr_assert(eq(int, memcmp(out.data, "\x04\x00\x03\xe8\x00\x01\x33\x09\x3a\x30\x00\x00", 12),
		     0));
	cr_assert(eq(u8, out.data[140], 0xc4));
	cr_assert(eq(u8, out.data[269], 0xc4));
	bytes_finish(&out);
}
