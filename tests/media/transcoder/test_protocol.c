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
		.progress = { .frames_in = 1, .decode_errors = 2, .silence_us = 3 },
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
		     PROTOCOL_HEADER_LEN + 24));
	cr_assert(eq(u64, read.progress.silence_us, 3));
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
	{ "an unknown type at its first byte", { 5 }, 1 },
	{ "a length over the cap, before the data has come", { 3, 0, 1, 0, 0 }, 5 },
	{ "a frame without data", { 3, 0, 0, 0, 16, 0 }, 21 },
	{ "hello of no length", { 1, 0, 0, 0, 0 }, 5 },
	{ "progress that is too short", { 4, 0, 0, 0, 23 }, 28 },
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
	cr_assert(eq(int, protocol_write(&wire, &frame), -ENOBUFS));
	cr_assert(eq(sz, wire.len, len));
	cr_assert(bytes_ok(&wire));
}
