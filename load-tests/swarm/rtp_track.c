#include "load-tests/swarm/rtp_track.h"

#include "media/rtp/rtp_packet.h"
#include "server/core/bits.h"

bool rtp_fixed_read(struct rtp_fixed *out, const uint8_t *packet, size_t len)
{
	struct bits bits;
	bits_init(&bits, packet, len);
	const uint8_t version = bits_u8(&bits) >> 6;
	const uint8_t second = bits_u8(&bits);
	out->marker = second & 0x80;
	out->payload_type = second & 0x7f;
	out->seq = bits_be16(&bits);
	out->timestamp = bits_be32(&bits);
	out->ssrc = bits_be32(&bits);
	return bits_ok(&bits) && version == 2;
}

static uint64_t *word_of(struct rtp_track *track, int64_t seq)
{
	return &track->seen[(uint64_t)seq / 64 % (RTP_TRACK_WINDOW / 64)];
}

/* Marks the packet; false when it has been here before (or is too old to tell). */
static bool mark(struct rtp_track *track, int64_t seq)
{
	const int64_t highest = track->reception.highest;
	const uint64_t bit = 1ull << ((uint64_t)seq % 64);
	if (seq <= highest - RTP_TRACK_WINDOW + 64)
		return false;
	if (seq > highest) { /* words that are entered anew hold what is long past */
		const int64_t from =
			seq - highest > RTP_TRACK_WINDOW ? seq - RTP_TRACK_WINDOW : highest;
		for (int64_t word = from / 64 + 1; word <= seq / 64; word++)
			*word_of(track, word * 64) = 0;
	}
	if (*word_of(track, seq) & bit)
		return false;
	*word_of(track, seq) |= bit;
	return true;
}

int64_t rtp_track_packet(struct rtp_track *track, const struct rtp_fixed *header, uint32_t rate,
			 int64_t now_us)
{
	struct rtp_reception *reception = &track->reception;
	if (track->ssrc != header->ssrc || !reception->started) {
		*track = (struct rtp_track){ .ssrc = header->ssrc };
		rtp_reception_init(reception, rate);
		rtp_reception_packet(reception, header->seq, header->timestamp, now_us);
		mark(track, reception->highest);
		return reception->highest + RTP_TRACK_BIAS;
	}
	const int64_t seq = reception->highest +
			    (int16_t)(uint16_t)(header->seq - (uint16_t)reception->highest);
	if (!mark(track, seq)) {
		track->repeated++;
		return -1;
	}
	rtp_reception_packet(reception, header->seq, header->timestamp, now_us);
	return seq + RTP_TRACK_BIAS;
}

int64_t rtp_track_next(const struct rtp_track *track, uint32_t ssrc)
{
	if (!track->reception.started || track->ssrc != ssrc)
		return -1;
	return track->reception.highest + 1 + RTP_TRACK_BIAS;
}

uint64_t rtp_track_expected(const struct rtp_track *track)
{
	const struct rtp_reception *reception = &track->reception;
	return reception->started ? (uint64_t)(reception->highest - reception->base + 1) : 0;
}

uint64_t rtp_track_lost(const struct rtp_track *track)
{
	const int64_t lost =
		(int64_t)rtp_track_expected(track) - (int64_t)track->reception.received;
	return lost > 0 ? (uint64_t)lost : 0;
}
