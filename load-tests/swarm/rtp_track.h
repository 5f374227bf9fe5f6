/*
 * What a viewer counts of one RTP stream by headers alone, which SRTP leaves readable: loss,
 * repeats, silences, and the report for the sender. One owner.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_RTP_TRACK_H
#define SOUK_LOAD_TESTS_SWARM_RTP_TRACK_H

#include "media/rtp/rtp_reception.h"

struct rtp_track {
	uint32_t ssrc;
	struct rtp_reception reception;
	uint64_t seen; /* bitmap of the 64 newest sequence numbers, bit 0 the highest */
	uint64_t repeated;
	int64_t last_us;
	int64_t silence_us; /* the longest time without a packet */
};

struct rtp_fixed {
	uint8_t payload_type;
	uint16_t seq;
	uint32_t timestamp;
	uint32_t ssrc;
};

/* False when it is no RTP packet. */
bool rtp_fixed_read(struct rtp_fixed *out, const uint8_t *packet, size_t len);

/* `rate`: of the RTP clock. */
void rtp_track_packet(struct rtp_track *track, const struct rtp_fixed *header, uint32_t rate,
		      int64_t now_us);

/* Packets that did not arrive between the first and the last. */
uint64_t rtp_track_lost(const struct rtp_track *track);

#endif
