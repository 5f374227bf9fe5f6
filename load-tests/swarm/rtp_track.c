#include "load-tests/swarm/rtp_track.h"

#include "media/rtp/rtp_packet.h"
#include "server/core/bits.h"

bool rtp_fixed_read(struct rtp_fixed *out, const uint8_t *packet, size_t len)
{
	struct bits bits;
	bits_init(&bits, packet, len);
	const uint8_t version = bits_u8(&bits) >> 6;
	out->payload_type = bits_u8(&bits) & 0x7f;
	out->seq = bits_be16(&bits);
	out->timestamp = bits_be32(&bits);
	out->ssrc = bits_be32(&bits);
	return bits_ok(&bits) && version == 2;
}

/* Marks the packet; false when it has been here before (or is too old to tell). */
static bool mark(struct rtp_track *track, int64_t ahead)
{
	if (ahead > 0) {
		track->seen = ahead < 64 ? track->seen << ahead | 1 : 1;
		return true;
	}
	const uint64_t bit = ahead > -64 ? 1ull << -ahead : 0;
	if (!bit || track->seen & bit)
		return false;
	track->seen |= bit;
	return true;
}

void rtp_track_packet(struct rtp_track *track, const struct rtp_fixed *header, uint32_t rate,
		      int64_t now_us)
{
	if (track->ssrc != header->ssrc || !track->reception.started) {
		*track = (struct rtp_track){ .ssrc = header->ssrc, .last_us = now_us };
		rtp_reception_init(&track->reception, rate);
		track->seen = 1;
	} else if (!mark(track,
			 (int16_t)(uint16_t)(header->seq - (uint16_t)track->reception.highest))) {
		track->repeated++;
		return;
	}
	rtp_reception_packet(&track->reception, header->seq, header->timestamp, now_us);
	if (now_us - track->last_us > track->silence_us)
		track->silence_us = now_us - track->last_us;
	track->last_us = now_us;
}

uint64_t rtp_track_lost(const struct rtp_track *track)
{
	const struct rtp_reception *reception = &track->reception;
	const int64_t expected = reception->started ? reception->highest - reception->base + 1 : 0;
	const int64_t lost = expected - (int64_t)reception->received;
	return lost > 0 ? (uint64_t)lost : 0;
}
