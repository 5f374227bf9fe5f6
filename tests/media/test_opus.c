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

static void joined_sounds_the_same(void)
{
	static int16_t apart[2 * SAMPLES * CHANNELS], joined[2 * SAMPLES * CHANNELS];
	OpusDecoder *one = opus_decoder_create(OPUS_RATE, CHANNELS, NULL);
	OpusDecoder *two = opus_decoder_create(OPUS_RATE, CHANNELS, NULL);
	encode();
	for (int i = 0; i < PACKETS; i += 2) {
		uint8_t packet[2 * OPUS_PACKET_MAX];
		const size_t len = opus_join(packet, sizeof(packet), packets[i], lens[i],
					     packets[i + 1], lens[i + 1]);
		cr_assert(gt(sz, len, 0));
		cr_assert(eq(i64, opus_packet_us(packet, len), 40000));
		decode(one, packets[i], lens[i], apart, SAMPLES);
		decode(one, packets[i + 1], lens[i + 1], apart + SAMPLES * CHANNELS, SAMPLES);
		decode(two, packet, len, joined, 2 * SAMPLES);
		cr_assert(eq(int, memcmp(apart, joined, sizeof(apart)), 0), "packet %d", i);
	}
	opus_decoder_destroy(one);
	opus_decoder_destroy(two);
}

Test(opus, packets_of_any_length_are_joined)
{
	joined_sounds_the_same();
	bool with_long_length = false;
	for (int i = 0; i < PACKETS; i += 2)
		with_long_length |= lens[i] - 1 > 251 && lens[i] != lens[i + 1];
	cr_assert(with_long_length);
}

Test(opus, packets_of_equal_length_are_joined)
{
	opus_encoder_ctl(encoder, OPUS_SET_VBR(0));
	joined_sounds_the_same();
	cr_assert(eq(sz, lens[0], lens[1]));
}

Test(opus, what_is_not_two_frames_of_one_mode_is_left_alone)
{
	static const uint8_t music[] = { 0xfc, 1, 2, 3 }, mono[] = { 0xf8, 1 };
	static const uint8_t two[] = { 0xfd, 1, 2 };
	static const uint8_t giant[1 + 1276] = { 0xfc };
	uint8_t out[2 * OPUS_PACKET_MAX];
	cr_assert(eq(sz, opus_join(out, sizeof(out), music, 0, music, 4), 0));
	cr_assert(eq(sz, opus_join(out, sizeof(out), music, 4, music, 0), 0));
	cr_assert(eq(sz, opus_join(out, sizeof(out), music, 4, mono, 2), 0));
	cr_assert(eq(sz, opus_join(out, sizeof(out), two, 3, two, 3), 0));
	cr_assert(eq(sz, opus_join(out, sizeof(out), giant, sizeof(giant), music, 4), 0));
	cr_assert(eq(sz, opus_join(out, 7, music, 4, music, 3), 0));
	cr_assert(eq(sz, opus_join(out, 8, music, 4, music, 3), 1 + 1 + 3 + 2));
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
