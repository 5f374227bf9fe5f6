#include "media/rtp/rtcp.h"

#include <errno.h>

enum { VERSION = 2, REMB_NAME = 0x52454d42 /* "REMB" */ };

int rtcp_next(struct bits *datagram, struct rtcp_packet *out)
{
	if (bits_left(datagram) == 0)
		return bits_ok(datagram) ? 0 : -EBADMSG;
	const uint8_t first = bits_u8(datagram);
	const uint8_t type = bits_u8(datagram);
	const size_t len = (size_t)bits_be16(datagram) * 4;
	struct bits body = bits_sub(datagram, len);
	if (!bits_ok(datagram) || first >> 6 != VERSION)
		return -EBADMSG;
	if (first & 0x20) {
		struct bits padding = body;
		if (len > 0)
			bits_skip(&padding, len - 1);
		const uint8_t count = bits_u8(&padding);
		if (count == 0 || count > len)
			return -EBADMSG;
		body = bits_sub(&body, len - count);
	}
	struct rtcp_packet packet = { .type = type, .count = first & 0x1f, .body = body };
	if (bits_left(&packet.body) >= 4)
		packet.ssrc = bits_be32(&packet.body);
	*out = packet;
	return 1;
}

bool rtcp_read_sender_info(struct rtcp_packet *packet, struct rtcp_sender_info *out)
{
	struct bits *body = &packet->body;
	*out = (struct rtcp_sender_info){ .ntp = bits_be64(body) };
	out->rtp = bits_be32(body);
	out->packets = bits_be32(body);
	out->bytes = bits_be32(body);
	return bits_ok(body);
}

bool rtcp_read_report(struct rtcp_packet *packet, struct rtcp_report_block *out)
{
	if (packet->count == 0)
		return false; /* what follows is a profile's extension */
	packet->count--;
	struct bits *body = &packet->body;
	*out = (struct rtcp_report_block){ .ssrc = bits_be32(body) };
	out->fraction_lost = bits_u8(body);
	const uint32_t lost = bits_be24(body);
	out->lost = (int32_t)(lost << 8) >> 8; /* 24 bits with sign */
	out->highest_seq = bits_be32(body);
	out->jitter = bits_be32(body);
	out->lsr = bits_be32(body);
	out->dlsr = bits_be32(body);
	return bits_ok(body);
}

uint32_t rtcp_read_media_ssrc(struct rtcp_packet *packet)
{
	return bits_be32(&packet->body);
}

bool rtcp_read_nack(struct rtcp_packet *packet, uint16_t *seq, uint16_t *following)
{
	if (bits_left(&packet->body) < 4)
		return false;
	*seq = bits_be16(&packet->body);
	*following = bits_be16(&packet->body);
	return bits_ok(&packet->body);
}

bool rtcp_read_fir(struct rtcp_packet *packet, uint32_t *ssrc, uint8_t *request)
{
	if (bits_left(&packet->body) < 8)
		return false;
	*ssrc = bits_be32(&packet->body);
	*request = bits_u8(&packet->body);
	bits_skip(&packet->body, 3);
	return bits_ok(&packet->body);
}

bool rtcp_read_remb(struct rtcp_packet *packet, uint64_t *bits_per_second)
{
	struct bits *body = &packet->body;
	if (bits_be32(body) != REMB_NAME)
		return false;
	bits_skip(body, 1); /* number of SSRCs: one session, one estimate */
	const uint32_t value = bits_be24(body);
	const unsigned exponent = value >> 18;
	const uint64_t mantissa = value & 0x3ffff;
	if (!bits_ok(body) || exponent > 46)
		return false;
	*bits_per_second = mantissa << exponent;
	return true;
}

bool rtcp_bye_names(const struct rtcp_packet *packet, uint32_t ssrc)
{
	if (packet->type != RTCP_BYE || packet->count == 0)
		return false;
	if (packet->ssrc == ssrc)
		return true;
	struct bits body = packet->body;
	for (unsigned i = 1; i < packet->count && bits_left(&body) >= 4; i++) {
		if (bits_be32(&body) == ssrc)
			return true;
	}
	return false;
}

bool rtcp_read_xr(struct rtcp_packet *packet, struct rtcp_xr_block *out)
{
	if (bits_left(&packet->body) < 4)
		return false;
	out->type = bits_u8(&packet->body);
	bits_skip(&packet->body, 1);
	const size_t len = (size_t)bits_be16(&packet->body) * 4;
	out->body = bits_sub(&packet->body, len);
	return bits_ok(&packet->body);
}

bool rtcp_read_rrtr(struct rtcp_xr_block *block, uint64_t *ntp)
{
	*ntp = bits_be64(&block->body);
	return block->type == XR_RRTR && bits_ok(&block->body);
}

bool rtcp_read_dlrr(struct rtcp_xr_block *block, uint32_t *ssrc, uint32_t *lrr, uint32_t *dlrr)
{
	if (block->type != XR_DLRR || bits_left(&block->body) < 12)
		return false;
	*ssrc = bits_be32(&block->body);
	*lrr = bits_be32(&block->body);
	*dlrr = bits_be32(&block->body);
	return bits_ok(&block->body);
}

int64_t rtcp_round_trip_us(uint32_t now, uint32_t echo, uint32_t delay)
{
	if (echo == 0)
		return -1;
	const int32_t trip = (int32_t)(now - echo - delay);
	if (trip < -65) /* 1 ms: beyond what rounding explains */
		return -1;
	return trip < 0 ? 0 : ((int64_t)trip * 1000000) >> 16;
}
