#include "media/codec/opus.h"

#include "media/frame.h"
#include "server/core/bits.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* RFC 6716 §3.1: the first byte tells duration and number of the frames in a packet. */
int64_t opus_packet_us(const uint8_t *data, size_t len)
{
	static const uint16_t silk_ms[] = { 10, 20, 40, 60 };
	static const uint16_t celt_us[] = { 2500, 5000, 10000, 20000 };
	static const uint8_t counts[] = { 1, 2, 2, 0 };
	if (!len)
		return 0;
	const unsigned mode = data[0] >> 3;
	int64_t each_us;
	if (mode < 12)
		each_us = silk_ms[mode & 3] * INT64_C(1000);
	else if (mode < 16)
		each_us = silk_ms[mode & 1] * INT64_C(1000);
	else
		each_us = celt_us[mode & 3];
	const unsigned code = data[0] & 3;
	const unsigned count = code < 3 ? counts[code] : len > 1 ? data[1] & 0x3f : 0;
	return each_us * count;
}

/* RFC 6716 §3.2.1 */
static size_t write_frame_len(uint8_t *out, size_t len)
{
	enum { ONE_BYTE_MAX = 251, TWO_BYTES_FROM = 252 };
	if (len <= ONE_BYTE_MAX) {
		out[0] = (uint8_t)len;
		return 1;
	}
	out[0] = (uint8_t)(TWO_BYTES_FROM + (len & 3));
	out[1] = (uint8_t)((len - out[0]) / 4);
	return 2;
}

enum {
	CODE_EQUAL = 1,
	CODE_TWO = 2,
	CODE_MANY = 3,
	CODE_MASK = 3,
	MANY_VBR = 0x80,
	FRAME_MAX = 1275,
	HEAD_MAX = 2 + 2 * (OPUS_JOIN_MAX - 1),
};

static bool are_equally_long(const struct opus_packet *packets, unsigned count)
{
	for (unsigned i = 1; i < count; i++)
		if (packets[i].len != packets[0].len)
			return false;
	return true;
}

/* RFC 6716 §3.2.3 to §3.2.5: what stands before the frames. */
static size_t write_head(uint8_t *out, const struct opus_packet *packets, unsigned count)
{
	const bool equal = are_equally_long(packets, count);
	const uint8_t mode = packets[0].data[0];
	size_t len = 0;
	if (count == 2) {
		out[len++] = mode | (equal ? CODE_EQUAL : CODE_TWO);
	} else {
		out[len++] = mode | CODE_MANY;
		out[len++] = (uint8_t)(count | (equal ? 0 : MANY_VBR));
	}
	for (unsigned i = 0; !equal && i + 1 < count; i++)
		len += write_frame_len(out + len, packets[i].len - 1);
	return len;
}

size_t opus_join(uint8_t *out, size_t cap, const struct opus_packet *packets, unsigned count)
{
	size_t frames = 0;
	if (count < 2 || count > OPUS_JOIN_MAX)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		const struct opus_packet *packet = &packets[i];
		if (!packet->len || packet->len - 1 > FRAME_MAX ||
		    packet->data[0] != packets[0].data[0] || packet->data[0] & CODE_MASK)
			return 0;
		frames += packet->len - 1;
	}
	uint8_t head[HEAD_MAX];
	size_t len = write_head(head, packets, count);
	if (len + frames > cap)
		return 0;
	memcpy(out, head, len);
	for (unsigned i = 0; i < count; i++) {
		memcpy(out + len, packets[i].data + 1, packets[i].len - 1);
		len += packets[i].len - 1;
	}
	return len;
}

struct media_config *opus_media_config_create(unsigned channels)
{
	struct media_config *config = media_config_create(CODEC_OPUS, NULL);
	config->sample_rate = OPUS_RATE;
	config->channels = (uint8_t)channels;
	return config;
}

/* RFC 7845 §5.1 */
int opus_head_channels(const uint8_t *data, size_t len)
{
	struct bits bits;
	bits_init(&bits, data, len);
	const uint8_t *magic = bits_bytes(&bits, 8);
	const uint8_t version = bits_u8(&bits);
	const uint8_t channels = bits_u8(&bits);
	if (!bits_ok(&bits) || memcmp(magic, "OpusHead", 8) != 0 || version >> 4)
		return -EINVAL;
	return channels == 1 || channels == 2 ? channels : -EINVAL;
}
