#include "media/rtp/rtp_packet.h"

#include "media/rtp/rtp_image.h"

#include <errno.h>
#include <string.h>

enum { VERSION = 2, ONE_BYTE_PROFILE = 0xbede, TWO_BYTE_PROFILE = 0x1000 };
enum { CAPTURE_AT = RTP_FIXED_HEADER + 4 + 1 }; /* its element comes first */

/* Seconds from 1900 to 1970 (RFC 3550 §4). */
static const int64_t NTP_UNIX_S = 2208988800;

bool rtp_is_rtcp(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	return len >= 2 && bytes[1] >= 192 && bytes[1] <= 223;
}

int rtp_parse(struct rtp_view *out, const void *data, size_t len)
{
	struct bits bits;
	bits_init(&bits, data, len);
	struct rtp_view view = { 0 };
	const uint8_t first = bits_u8(&bits);
	const uint8_t second = bits_u8(&bits);
	view.marker = second & 0x80;
	view.payload_type = second & 0x7f;
	view.seq = bits_be16(&bits);
	view.timestamp = bits_be32(&bits);
	view.ssrc = bits_be32(&bits);
	bits_skip(&bits, (size_t)(first & 0x0f) * 4); /* CSRC */
	bits_init(&view.extensions, data, 0);
	if (first & 0x10) {
		view.extension_profile = bits_be16(&bits);
		const size_t words = bits_be16(&bits);
		view.extensions = bits_sub(&bits, words * 4);
	}
	if (!bits_ok(&bits) || first >> 6 != VERSION)
		return -EBADMSG;
	view.payload_len = bits_left(&bits);
	view.payload = bits_bytes(&bits, view.payload_len);
	if (first & 0x20) {
		/* RFC 3550 §5.1: the last octet counts the padding, itself included. */
		const size_t padding = view.payload_len ? view.payload[view.payload_len - 1] : 0;
		if (padding == 0 || padding > view.payload_len)
			return -EBADMSG;
		view.payload_len -= padding;
	}
	*out = view;
	return 0;
}

static bool two_byte_profile(uint16_t profile)
{
	return (profile & 0xfff0) == TWO_BYTE_PROFILE; /* RFC 8285 §4.3: the low bits are free */
}

bool rtp_extension(const struct rtp_view *view, uint8_t id, struct bits *out)
{
	const bool two_byte = two_byte_profile(view->extension_profile);
	if (!two_byte && view->extension_profile != ONE_BYTE_PROFILE)
		return false;
	struct bits bits = view->extensions;
	while (bits_left(&bits) > 0) {
		const uint8_t head = bits_u8(&bits);
		if (head == 0)
			continue; /* padding */
		uint8_t element = head;
		size_t len;
		if (two_byte) {
			len = bits_u8(&bits);
		} else {
			element = head >> 4;
			len = (size_t)(head & 0x0f) + 1;
			if (element == 15)
				return false; /* RFC 8285 §4.2: stop here */
		}
		struct bits content = bits_sub(&bits, len);
		if (!bits_ok(&bits))
			return false;
		if (element == id) {
			*out = content;
			return true;
		}
	}
	return false;
}

size_t rtp_header_capture_at(const struct rtp_header *header)
{
	return header->abs_capture_id ? CAPTURE_AT : 0;
}

size_t rtp_header_transport_at(const struct rtp_header *header)
{
	if (!header->transport_cc_id)
		return 0;
	return CAPTURE_AT + (header->abs_capture_id ? 9 : 0);
}

size_t rtp_header_playout_at(const struct rtp_header *header)
{
	if (!header->playout_delay_id || header->transport_cc_id)
		return 0;
	return CAPTURE_AT + (header->abs_capture_id ? 9 : 0);
}

static size_t put_element(uint8_t *out, size_t at, uint8_t id, const void *content, size_t len)
{
	out[at] = (uint8_t)(id << 4 | (len - 1));
	memcpy(out + at + 1, content, len);
	return at + 1 + len;
}

static size_t put_name(uint8_t *out, size_t at, uint8_t id, const char *name)
{
	const size_t len = id && name ? strnlen(name, 8) : 0;
	return len ? put_element(out, at, id, name, len) : at;
}

static void put_be32(uint8_t *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (24 - 8 * i));
}

size_t rtp_header_write(uint8_t out[64], const struct rtp_header *header)
{
	static const uint8_t zeros[8];
	memset(out, 0, 64);
	out[0] = VERSION << 6;
	out[1] = header->payload_type & 0x7f;
	put_be32(out + 8, header->ssrc);

	const size_t start = RTP_FIXED_HEADER + 4;
	size_t at = start;
	if (header->abs_capture_id)
		at = put_element(out, at, header->abs_capture_id, zeros, 8);
	if (header->transport_cc_id)
		at = put_element(out, at, header->transport_cc_id, zeros, 2);
	else if (header->playout_delay_id)
		at = put_element(out, at, header->playout_delay_id, zeros, 3);
	at = put_name(out, at, header->mid_id, header->mid);
	at = put_name(out, at, header->rid_id, header->rid);
	if (at == start)
		return RTP_FIXED_HEADER;
	while (at % 4)
		at++;
	out[0] |= 0x10;
	out[12] = ONE_BYTE_PROFILE >> 8;
	out[13] = ONE_BYTE_PROFILE & 0xff;
	out[15] = (uint8_t)((at - start) / 4);
	_Static_assert(RTP_FIXED_HEADER + 4 + 9 + 4 + 9 + 2 <= RTP_HEADER_ROOM, "all elements fit");
	return at;
}

void rtp_header_patch(uint8_t *header, uint16_t seq, uint32_t timestamp, bool marker)
{
	header[1] = (uint8_t)((header[1] & 0x7f) | (marker ? 0x80 : 0));
	header[2] = (uint8_t)(seq >> 8);
	header[3] = (uint8_t)seq;
	put_be32(header + 4, timestamp);
}

void rtp_header_set_padding(uint8_t *header)
{
	header[0] |= 0x20;
}

void rtp_header_set_capture(uint8_t *header, size_t at, int64_t capture_us)
{
	const uint64_t ntp = ntp_from_utc_us(capture_us);
	put_be32(header + at, (uint32_t)(ntp >> 32));
	put_be32(header + at + 4, (uint32_t)ntp);
}

void rtp_header_set_transport(uint8_t *header, size_t at, uint16_t seq)
{
	header[at] = (uint8_t)(seq >> 8);
	header[at + 1] = (uint8_t)seq;
}

void rtp_header_set_playout(uint8_t *header, size_t at, unsigned min_ms, unsigned max_ms)
{
	const unsigned min = min_ms / 10, max = max_ms / 10; /* 12 bits each */
	header[at] = (uint8_t)(min >> 4);
	header[at + 1] = (uint8_t)(min << 4 | max >> 8);
	header[at + 2] = (uint8_t)max;
}

uint64_t ntp_from_utc_us(int64_t utc_us)
{
	int64_t seconds = utc_us / 1000000;
	int64_t rest_us = utc_us % 1000000;
	if (rest_us < 0) {
		rest_us += 1000000;
		seconds--;
	}
	const uint64_t fraction = ((uint64_t)rest_us << 32) / 1000000;
	return (uint64_t)(seconds + NTP_UNIX_S) << 32 | fraction;
}

int64_t ntp_to_utc_us(uint64_t ntp)
{
	const int64_t seconds = (int64_t)(ntp >> 32) - NTP_UNIX_S;
	/* Rounded, so that microseconds survive the way there and back. */
	const uint64_t fraction_us = ((ntp & 0xffffffff) * 1000000 + (1u << 31)) >> 32;
	return seconds * 1000000 + (int64_t)fraction_us;
}
