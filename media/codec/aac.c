#include "media/codec/aac.h"

#include "media/frame.h"
#include "server/core/bits.h"

#include <errno.h>

/* ISO 14496-3 table 1.18 */
static const uint32_t rates[] = { 96000, 88200, 64000, 48000, 44100, 32000, 24000,
				  22050, 16000, 12000, 11025, 8000,  7350 };
enum { RATES = sizeof(rates) / sizeof(rates[0]), RATE_ESCAPE = 15 };

/* Table 1.19; index 7 is 7.1 */
static const uint8_t channel_counts[] = { 0, 1, 2, 3, 4, 5, 6, 8 };

static unsigned read_object_type(struct bits *bits)
{
	const unsigned type = bits_u(bits, 5);
	return type == 31 ? 32 + bits_u(bits, 6) : type;
}

static uint32_t read_rate(struct bits *bits)
{
	const unsigned index = bits_u(bits, 4);
	if (index == RATE_ESCAPE)
		return bits_u(bits, 24);
	return index < RATES ? rates[index] : 0;
}

int aac_config_parse(struct aac_config *out, const void *data, size_t len)
{
	if (len > AAC_CONFIG_MAX)
		return -EINVAL;
	struct bits bits;
	bits_init(&bits, data, len);
	unsigned type = read_object_type(&bits);
	struct aac_config config = { .sample_rate = read_rate(&bits) };
	const unsigned channels = bits_u(&bits, 4);
	if (type == AAC_SBR || type == AAC_PS) {
		read_rate(&bits); /* of the extension */
		type = read_object_type(&bits);
	}
	/* GASpecificConfig, §4.4.1 */
	config.short_frames = bits_u(&bits, 1);
	if (!bits_ok(&bits) || type < 1 || type > 4 || !channels || channels > 7 ||
	    config.sample_rate < 7350 || config.sample_rate > 96000)
		return -EINVAL;
	config.object_type = (uint8_t)type;
	config.channels = channel_counts[channels];
	*out = config;
	return 0;
}

int aac_config_build(uint8_t out[2], uint32_t sample_rate, unsigned channels)
{
	unsigned index = 0;
	while (index < RATES && rates[index] != sample_rate)
		index++;
	if (index == RATES || channels < 1 || channels > 8 || channels == 7)
		return -EINVAL;
	const unsigned configuration = channels == 8 ? 7 : channels;
	out[0] = (uint8_t)(AAC_LC << 3 | index >> 1);
	out[1] = (uint8_t)((index & 1) << 7 | configuration << 3);
	return 0;
}

struct buf *aac_silence(unsigned channels)
{
	/* A channel (pair) element without a spectrum, and the end (ISO 14496-3 §4.4.2). */
	static const uint8_t mono[] = { 0x01, 0x18, 0x20, 0x07 };
	static const uint8_t stereo[] = { 0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c };
	if (channels != 1 && channels != 2)
		return NULL;
	return channels == 1 ? buf_copy(mono, sizeof(mono)) : buf_copy(stereo, sizeof(stereo));
}

struct media_config *aac_media_config_create(const void *data, size_t len)
{
	struct aac_config parsed;
	if (aac_config_parse(&parsed, data, len))
		return NULL;
	struct buf *header = buf_copy(data, len);
	if (!header)
		return NULL;
	struct media_config *config = media_config_create(CODEC_AAC, header);
	config->sample_rate = parsed.sample_rate;
	config->channels = parsed.channels;
	return config;
}
