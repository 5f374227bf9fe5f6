#include "signaling/rtp_newest.h"

#include "server/core/bits.h"

enum {
	RTP_FIXED = 12, /* RFC 3550 §5.1 */
	AHEAD_MAX = 1 << 14, /* so many packets may have been lost before */
};

bool rtp_seq_read(struct rtp_seq *out, const uint8_t *packet, size_t len)
{
	struct bits bits;
	bits_init(&bits, packet, len < RTP_FIXED ? 0 : len);
	bits_skip(&bits, 2);
	out->seq = (uint16_t)bits_be16(&bits);
	bits_skip(&bits, 4);
	out->ssrc = bits_be32(&bits);
	return bits_ok(&bits);
}

static int find(const struct rtp_newest *newest, uint32_t ssrc)
{
	for (unsigned i = 0; i < newest->count; i++)
		if (newest->of[i].ssrc == ssrc)
			return (int)i;
	return -1;
}

bool rtp_newest_take(struct rtp_newest *newest, const struct rtp_seq *packet)
{
	const int at = find(newest, packet->ssrc);
	if (at < 0) {
		if (newest->count < SRTP_STREAMS_MAX)
			newest->of[newest->count++] = *packet;
		return false;
	}
	const bool newer = (int16_t)(packet->seq - newest->of[at].seq) > 0;
	if (newer)
		newest->of[at].seq = packet->seq;
	return newer;
}

bool rtp_newest_expects(const struct rtp_newest *newest, const struct rtp_seq *packet)
{
	const int at = find(newest, packet->ssrc);
	return at >= 0 && (uint16_t)(packet->seq - newest->of[at].seq - 1) < AHEAD_MAX;
}
