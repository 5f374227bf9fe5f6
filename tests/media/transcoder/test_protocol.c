#include "media/transcoder/protocol.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

static struct bytes wire;

static void setup(void)
{
	bytes_init(&wire, PROTOCOL_MESSAGE_MAX);
}

static void teardown(void)
{
	bytes_finish(&wire);
}

TestSuite(protocol, .init = setup, .fini = teardown);

static const uint8_t asc[] = { 0x12, 0x10 };

static const struct protocol_message config = {
	.type = PROTOCOL_CONFIG,
	.config = {
		.from = PROTOCOL_AAC,
		.to = PROTOCOL_OPUS,
		.sample_rate = 44100,
		.channels = 2,
		.resume = true,
		.resume_us = -7,
		.asc = asc,
		.asc_len = sizeof(asc),
	},
};

Test(protocol, config_has_these_bytes_on_the_wire)
{
	static const uint8_t expected[] = { 2,    0,    0,    0,    19,   1,    2,    1,
					    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf9,
					    0,    0,    0xac, 0x44, 2,    2,    0x12, 0x10 };
	cr_assert(eq(int, protocol_write(&wire, &config), 0));
	cr_assert(eq(sz, wire.len, sizeof(expected)));
	cr_assert(memcmp(wire.data, expected, sizeof(expected)) == 0);
	struct protocol_message read;
	cr_assert(eq(int, protocol_parse(wire.data, wire.len, &read), (int)wire.len));
	cr_assert(eq(i64, read.config.resume_us, -7));
	cr_assert(eq(sz, read.config.asc_len, 2));
	cr_assert(eq(u32, read.config.sample_rate, 44100));
}

Test(protocol, frame_and_progress_come_back_as_they_were)
{
	const struct protocol_message frame = {
		.type = PROTOCOL_FRAME,
		.frame = { .media_us = 1LL << 52,
			   .duration_us = 20000,
			   .epoch = 9,
			   .data = (const uint8_t *)"abc",
			   .len = 3 },
	};
	const struct protocol_message progress = {
		.type = PROTOCOL_PROGRESS,
		.progress = { .frames_in = 1, .decode_errors = 2, .silence_us = 3, .cpu_us = 4 },
	};
	struct protocol_message read;
	cr_assert(eq(int, protocol_write(&wire, &frame), 0));
	const size_t first_len = wire.len;
	cr_assert(eq(int, protocol_write(&wire, &progress), 0));
	cr_assert(eq(int, protocol_parse(wire.data, wire.len, &read), (int)first_len));
	cr_assert(eq(i64, read.frame.media_us, 1LL << 52));
	cr_assert(eq(u32, read.frame.epoch, 9));
	cr_assert(memcmp(read.frame.data, "abc", read.frame.len) == 0);
	cr_assert(eq(int, protocol_parse(wire.data + first_len, wire.len - first_len, &read),
		     PROTOCOL_HEADER_LEN + 32));
	cr_assert(eq(u64, read.progress.silence_us, 3));
	cr_assert(eq(u64, read.progress.cpu_us, 4));
}

Test(protocol, rungs_have_these_bytes_on_the_wire)
{
	static const uint8_t expected[] = { 6, 0,    0, 0,    23,   0, 0,    0x82, 0x35, 2,
					    1, 5,    0, 2,    0xd0, 0, 0x1e, 0x84, 0x80, 3,
					    2, 0x80, 1, 0x68, 0,    9, 0x27, 0xc0 };
	const struct protocol_message rungs = {
		.type = PROTOCOL_RUNGS,
		.rungs = { .frame_us = 33333,
			   .count = 2,
			   .rungs = { { .slot = 1, .width = 1280, .height = 720, .bps = 2000000 },
				      { .slot = 3, .width = 640, .height = 360, .bps = 600000 } } },
	};
	cr_assert(eq(int, protocol_write(&wire, &rungs), 0));
	cr_assert(eq(sz, wire.len, sizeof(expected)));
	cr_assert(memcmp(wire.data, expected, sizeof(expected)) == 0);
	struct protocol_message read;
	cr_assert(eq(int, protocol_parse(wire.data, wire.len, &read), (int)wire.len));
	cr_assert(eq(int, read.rungs.count, 2));
	cr_assert(eq(int, read.rungs.rungs[1].slot, 3));
	cr_assert(eq(int, read.rungs.rungs[1].height, 360));
	cr_assert(eq(u32, read.rungs.rungs[1].bps, 600000));
}

Test(protocol, stills_and_jpegs_come_back_as_they_were)
{
	const struct protocol_message still = {
		.type = PROTOCOL_STILL,
		.still = { .side = 640,
			   .avcc = (const uint8_t *)"abc",
			   .avcc_len = 3,
			   .data = (const uint8_t *)"defg",
			   .len = 4 },
	};
	const struct protocol_message none = { .type = PROTOCOL_JPEG };
	struct protocol_message read;
	cr_assert(eq(int, protocol_write(&wire, &still), 0));
	cr_assert(eq(int, protocol_parse(wire.data, wire.len, &read), (int)wire.len));
	cr_assert(eq(int, read.still.side, 640));
	cr_assert(eq(sz, read.still.avcc_len, 3));
	cr_assert(eq(int, memcmp(read.still.data, "defg", read.still.len), 0));
	wire.data[8] = 9; /* the configuration is said to be longer than all of it */
	cr_assert(eq(int, protocol_parse(wire.data, wire.len, &read), -EPROTO));
	bytes_clear(&wire);
	cr_assert(eq(int, protocol_write(&wire, &none), 0));
	cr_assert(eq(int, protocol_parse(wire.data, wire.len, &read), (int)wire.len));
	cr_assert(eq(sz, read.jpeg.len, 0));
}

Test(protocol, pictures_and_frames_of_rungs_come_back_as_they_were)
{
	const struct protocol_message picture = {
		.type = PROTOCOL_PICTURE,
		.picture = { .media_us = -5,
			     .epoch = 3,
			     .key = true,
			     .decode_only = true,
			     .force = 0xa,
			     .data = (const uint8_t *)"abcd",
			     .len = 4 },
	};
	const struct protocol_message frame = {
		.type = PROTOCOL_RUNG_FRAME,
		.rung_frame = { .slot = 3,
				.key = true,
				.media_us = 1LL << 52,
				.epoch = 9,
				.data = (const uint8_t *)"xyz",
				.len = 3 },
	};
	struct protocol_message read;
	cr_assert(eq(int, protocol_write(&wire, &picture), 0));
	const size_t first_len = wire.len;
	cr_assert(eq(int, protocol_write(&wire, &frame), 0));
	cr_assert(eq(int, protocol_parse(wire.data, wire.len, &read), (int)first_len));
	cr_assert(eq(i64, read.picture.media_us, -5));
	cr_assert(read.picture.key && read.picture.decode_only);
	cr_assert(eq(int, read.picture.force, 0xa));
	cr_assert(memcmp(read.picture.data, "abcd", read.picture.len) == 0);
	cr_assert(eq(int, protocol_parse(wire.data + first_len, wire.len - first_len, &read),
		     (int)(wire.len - first_len)));
	cr_assert(eq(int, read.rung_frame.slot, 3));
	cr_assert(eq(u32, read.rung_frame.epoch, 9));
	cr_assert(memcmp(read.rung_frame.data, "xyz", read.rung_frame.len) == 0);
}

Test(protocol, a_message_that_is_not_all_there_waits)
{
	struct protocol_message read;
	cr_assert(eq(int, protocol_write(&wire, &config), 0));
	for (size_t len = 0; len < wire.len; len++)
		cr_assert(eq(int, protocol_parse(wire.data, len, &read), 0));
}

static const struct {
	const char *what;
	uint8_t data[32];
	size_t len;
} nonsense[] = {
	{ "type 0", { 0, 0, 0, 0, 1, 1 }, 6 },
	{ "an unknown type at its first byte", { 12 }, 1 },
	{ "a length over the cap, before the data has come", { 3, 0, 1, 0, 0 }, 5 },
	{ "a frame without data", { 3, 0, 0, 0, 16, 0 }, 21 },
	{ "hello of no length", { 1, 0, 0, 0, 0 }, 5 },
	{ "hello that can half encode", { 1, 0, 0, 0, 2, 2, 2 }, 7 },
	{ "progress that is too short", { 4, 0, 0, 0, 31 }, 5 },
	{ "a source without parameter sets", { 5, 0, 0, 0, 0 }, 5 },
	{ "parameter sets over the cap", { 5, 0, 0, 0x44, 1 }, 5 },
	{ "rungs without end", { 6, 0, 0, 0, 5, 0, 0, 1, 0, 5 }, 10 },
	{ "rungs of no time", { 6, 0, 0, 0, 5, 0, 0, 0, 0, 0 }, 10 },
	{ "a rung in no slot", { 6, 0, 0, 0, 14, 0, 0, 1, 0, 1, 4, 0, 2, 0, 2, 0, 0, 0, 1 }, 19 },
	{ "a rung of an odd size",
	  { 6, 0, 0, 0, 14, 0, 0, 1, 0, 1, 1, 0, 3, 0, 2, 0, 0, 0, 1 },
	  19 },
	{ "a rung without bits", { 6, 0, 0, 0, 14, 0, 0, 1, 0, 1, 1, 0, 2, 0, 2, 0, 0, 0, 0 }, 19 },
	{ "a slot twice",
	  { 6, 0, 0, 0, 23, 0, 0, 1, 0, 2, 1, 0, 2, 0, 2, 0, 0, 0, 1, 1, 0, 2, 0, 2, 0, 0, 0, 1 },
	  28 },
	{ "a picture over the cap", { 7, 0, 0x40, 0, 15 }, 5 },
	{ "a picture with unknown flags",
	  { 7, 0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1 },
	  20 },
	{ "a keyframe for no slot",
	  { 7, 0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 1 },
	  20 },
	{ "a frame of no slot",
	  { 9, 0, 0, 0, 15, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
	  20 },
	{ "AAC to AAC",
	  { 2, 0, 0, 0, 18, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 7 },
	  23 },
	{ "AAC without config", { 2, 0, 0, 0, 17, 1, 2 }, 22 },
	{ "Opus with a config",
	  { 2, 0, 0, 0, 18, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 7 },
	  23 },
	{ "a config shorter than it says",
	  { 2, 0, 0, 0, 18, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 7 },
	  23 },
};

Test(protocol, nonsense_is_refused)
{
	struct protocol_message read;
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
		cr_expect(
			eq(int, protocol_parse(nonsense[i].data, nonsense[i].len, &read), -EPROTO),
			"%s", nonsense[i].what);
}

Test(protocol, what_does_not_fit_is_not_written)
{
	static const uint8_t data[PROTOCOL_DATA_MAX + 1];
	struct protocol_message frame = { .type = PROTOCOL_FRAME };
	frame.frame.data = data;
	frame.frame.len = PROTOCOL_DATA_MAX + 1;
	cr_assert(eq(int, protocol_write(&wire, &frame), -EINVAL));
	frame.frame.len = PROTOCOL_DATA_MAX;
	cr_assert(eq(int, protocol_write(&wire, &frame), 0));
	const size_t len = wire.len;
	wire.cap = len + 100;
	cr_assert(eq(int, protocol_write(&wire, &frame), -ENOBUFS));
	cr_assert(eq(sz, wire.len, len));
	cr_assert(bytes_ok(&wire));
}
