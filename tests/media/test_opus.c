#include "media/codec/opus.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <opus/opus.h> /* the codec itself: what is joined must sound the same */
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 2, SAMPLES = 960, PACKETS = 50 };

static OpusEncoder *encoder;
static uint8_t packets[PACKETS][OPUS_PACKET_MAX];
static size_t lens[PACKETS];

static void setup(void)
{
	int err;
	encoder = opus_encoder_create(OPUS_RATE, CHANNELS, OPUS_APPLICATION_AUDIO, &err);
	cr_assert(eq(int, err, OPUS_OK));
	opus_encoder_ctl(encoder, OPUS_SET_BITRATE(160000));
}

static void teardown(void)
{
	opus_encoder_destroy(encoder);
}

TestSuite(opus, .init = setup, .fini = teardown);

/* Noise that swells: packets of all lengths. */
static void encode(void)
{
	int16_t pcm[SAMPLES * CHANNELS];
	srand(7);
	for (int i = 0; i < PACKETS; i++) {
		for (int s = 0; s < SAMPLES * CHANNELS; s++)
			pcm[s] = (int16_t)(rand() % (1 + i * 300));
		const int len = opus_encode(encoder, pcm, SAMPLES, packets[i], OPUS_PACKET_MAX);
		cr_assert(gt(int, len, 0));
		lens[i] = (size_t)len;
	}
}

static void decode(OpusDecoder *decoder, const uint8_t *packet, size_t len, int16_t *pcm,
		   int samples)
{
	cr_assert(eq(int, opus_decode(decoder, packet, (opus_int32)len, pcm, samples, 0), samples));
}

static size_t join(uint8_t *out, size_t cap, int first, unsigned count)
{
	struct opus_packet parts[OPUS_JOIN_MAX + 1];
	for (unsigned i = 0; i < count; i++)
		parts[i] = (struct opus_packet){ packets[first + (int)i], lens[first + (int)i] };
	return opus_join(out, cap, parts, count);
}

static void joined_sounds_the_same(unsigned count)
{
	enum { ONE = SAMPLES * CHANNELS };
	static int16_t apart[OPUS_JOIN_MAX * ONE], joined[OPUS_JOIN_MAX * ONE];
	OpusDecoder *one = opus_decoder_create(OPUS_RATE, CHANNELS, NULL);
	OpusDecoder *many = opus_decoder_create(OPUS_RATE, CHANNELS, NULL);
	encode();
	for (int i = 0; i + (int)count <= PACKETS; i += (int)count) {
		uint8_t packet[OPUS_JOIN_MAX * OPUS_PACKET_MAX];
		const size_t len = join(packet, sizeof(packet), i, count);
		cr_assert(gt(sz, len, 0));
		cr_assert(eq(i64, opus_packet_us(packet, len), 20000 * (int64_t)count));
		for (unsigned k = 0; k < count; k++)
			decode(one, packets[i + (int)k], lens[i + (int)k], apart + k * ONE,
			       SAMPLES);
		decode(many, packet, len, joined, SAMPLES * (int)count);
		cr_assert(eq(int, memcmp(apart, joined, count * ONE * sizeof(*apart)), 0),
			  "packet %d", i);
	}
	opus_decoder_destroy(one);
	opus_decoder_destroy(many);
}

Test(opus, packets_of_any_length_are_joined)
{
	for (unsigned count = 2; count <= OPUS_JOIN_MAX; count++)
		joined_sounds_the_same(count);
	bool with_long_length = false;
	for (int i = 0; i < PACKETS; i += 2)
		with_long_length |= lens[i] - 1 > 251 && lens[i] != lens[i + 1];
	cr_assert(with_long_length);
}

Test(opus, packets_of_equal_length_are_joined)
{
	opus_encoder_ctl(encoder, OPUS_SET_VBR(0));
	for (unsigned count = 2; count <= OPUS_JOIN_MAX; count++)
		joined_sounds_the_same(count);
	cr_assert(eq(sz, lens[0], lens[1]));
}

static size_t join_two(size_t cap, struct opus_packet first, struct opus_packet second)
{
	uint8_t out[2 * OPUS_PACKET_MAX];
	return opus_join(out, cap, (struct opus_packet[]){ first, second }, 2);
}

Test(opus, what_is_not_two_frames_of_one_mode_is_left_alone)
{
	static const uint8_t music[] = { 0xfc, 1, 2, 3 }, mono[] = { 0xf8, 1 };
	static const uint8_t two[] = { 0xfd, 1, 2 };
	static const uint8_t giant[1 + 1276] = { 0xfc };
	const struct opus_packet one = { music, 4 }, none = { music, 0 };
	const size_t cap = 2 * OPUS_PACKET_MAX;
	cr_assert(eq(sz, join_two(cap, none, one), 0));
	cr_assert(eq(sz, join_two(cap, one, none), 0));
	cr_assert(eq(sz, join_two(cap, one, (struct opus_packet){ mono, 2 }), 0));
	cr_assert(eq(sz,
		     join_two(cap, (struct opus_packet){ two, 3 }, (struct opus_packet){ two, 3 }),
		     0));
	cr_assert(eq(sz, join_two(cap, (struct opus_packet){ giant, sizeof(giant) }, one), 0));
	cr_assert(eq(sz, join_two(6, one, (struct opus_packet){ music, 3 }), 0));
	cr_assert(eq(sz, join_two(7, one, (struct opus_packet){ music, 3 }), 1 + 1 + 3 + 2));
}

Test(opus, no_more_are_joined_than_may_be)
{
	uint8_t out[(OPUS_JOIN_MAX + 1) * OPUS_PACKET_MAX];
	encode();
	cr_assert(eq(sz, join(out, sizeof(out), 0, 1), 0));
	cr_assert(eq(sz, join(out, sizeof(out), 0, OPUS_JOIN_MAX + 1), 0));
}

Test(opus, the_first_byte_tells_how_long_it_sounds)
{
	static const uint8_t celt[] = { 0x78, 0 }, silk[] = { 0x18 }, many[] = { 0x7b, 3 };
	cr_assert(eq(i64, opus_packet_us(celt, 2), 20000));
	cr_assert(eq(i64, opus_packet_us(silk, 1), 60000));
	cr_assert(eq(i64, opus_packet_us(many, 2), 60000));
	cr_assert(eq(i64, opus_packet_us(many, 1), 0));
	cr_assert(eq(i64, opus_packet_us(NULL, 0), 0));
}
