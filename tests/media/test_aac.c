#include "media/codec/aac.h"
#include "media/frame.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>

static const struct {
	uint8_t data[8];
	size_t len;
	uint32_t rate;
	uint8_t channels;
	bool short_frames;
} good[] = {
	{ { 0x12, 0x10 }, 2, 44100, 2, false }, /* LC, the usual one */
	{ { 0x11, 0x88 }, 2, 48000, 1, false },
	{ { 0x12, 0x10, 0x56, 0xe5, 0x00 }, 5, 44100, 2, false }, /* ffmpeg, no SBR said */
	{ { 0x2b, 0x11, 0x88, 0x00 }, 4, 24000, 2, false }, /* SBR on top of LC 24 kHz */
	{ { 0x17, 0x80, 0x5d, 0xc0, 0x10 }, 5, 48000, 2, false }, /* rate in 24 bits */
	{ { 0x11, 0x94 }, 2, 48000, 2, true }, /* 960 samples */
};

ParameterizedTestParameters(aac, reads_configurations)
{
	static size_t i[] = { 0, 1, 2, 3, 4, 5 };
	return cr_make_param_array(size_t, i, 6);
}

ParameterizedTest(size_t *i, aac, reads_configurations)
{
	struct aac_config config;
	cr_assert(eq(int, aac_config_parse(&config, good[*i].data, good[*i].len), 0));
	cr_assert(eq(u8, config.object_type, AAC_LC));
	cr_assert(eq(u32, config.sample_rate, good[*i].rate));
	cr_assert(eq(u8, config.channels, good[*i].channels));
	cr_assert(eq(int, config.short_frames, good[*i].short_frames));
}

static const struct {
	uint8_t data[4];
	size_t len;
} bad[] = {
	{ { 0 }, 0 },
	{ { 0x12 }, 1 },
	{ { 0x16, 0x90 }, 2 }, /* rate index 13 */
	{ { 0x12, 0x00 }, 2 }, /* channels in a program element */
	{ { 0xf8, 0xe6, 0x20 }, 3 }, /* object type 39 */
};

ParameterizedTestParameters(aac, refuses_configurations)
{
	static size_t i[] = { 0, 1, 2, 3, 4 };
	return cr_make_param_array(size_t, i, 5);
}

ParameterizedTest(size_t *i, aac, refuses_configurations)
{
	struct aac_config config;
	cr_assert(eq(int, aac_config_parse(&config, bad[*i].data, bad[*i].len), -EINVAL));
}

Test(aac, builds_what_it_reads)
{
	static const uint32_t rates[] = { 8000, 44100, 48000, 96000 };
	for (size_t i = 0; i < 4; i++) {
		uint8_t out[2];
		struct aac_config config;
		cr_assert(eq(int, aac_config_build(out, rates[i], 2), 0));
		cr_assert(eq(int, aac_config_parse(&config, out, 2), 0));
		cr_assert(eq(u32, config.sample_rate, rates[i]));
	}
	uint8_t usual[2];
	cr_assert(eq(int, aac_config_build(usual, 44100, 2), 0));
	cr_assert(eq(u8, usual[0], 0x12));
	cr_assert(eq(u8, usual[1], 0x10));
	cr_assert(eq(int, aac_config_build(usual, 44101, 2), -EINVAL));
	cr_assert(eq(int, aac_config_build(usual, 44100, 7), -EINVAL));
}

Test(aac, media_config_keeps_the_bytes)
{
	struct media_config *config = aac_media_config_create(good[0].data, good[0].len);
	cr_assert(config != NULL);
	cr_assert(eq(sz, config->header->len, 2));
	cr_assert(eq(u32, config->sample_rate, 44100));
	media_config_unref(config);
	cr_assert(aac_media_config_create(bad[1].data, bad[1].len) == NULL);
}

Test(aac, silence_is_for_one_and_two_channels)
{
	struct buf *mono = aac_silence(1), *stereo = aac_silence(2);
	cr_assert(eq(sz, mono->len, 4));
	cr_assert(eq(sz, stereo->len, 6));
	cr_assert(eq(ptr, aac_silence(6), NULL));
	buf_unref(mono);
	buf_unref(stereo);
}
