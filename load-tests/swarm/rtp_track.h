/*
 * What a viewer counts of one RTP stream by headers alone, which SRTP leaves readable: loss,
 * repeats, and the report for the sender. One owner.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_RTP_TRACK_H
#define SOUK_LOAD_TESTS_SWARM_RTP_TRACK_H

#include "media/rtp/rtp_reception.h"

struct rtp_track {
	uint32_t ssrc;
	struct rtp_reception reception;
	uint64_t seen[8]; /* bitmap of the newest sequence numbers, by their low bits */
	uint64_t repeated;
};

enum {
	RTP_TRACK_WINDOW = 8 * 64,
	RTP_TRACK_BIAS = 65536, /* on numbers given out, so that none is negative */
};

struct rtp_fixed {
	bool marker;
	uint8_t payload_type;
	uint16_t seq;
	uint32_t timestamp;
	uint32_t ssrc;
};

/* False when it is no RTP packet. */
bool rtp_fixed_read(struct rtp_fixed *out, const uint8_t *packet, size_t len);

/* `rate`: of the RTP clock. Returns the sequence number unwrapped (plus RTP_TRACK_BIAS), or -1 for
 * one that was here before (or is too old to tell). */
int64_t rtp_track_packet(struct rtp_track *track, const struct rtp_fixed *header, uint32_t rate,
			 int64_t now_us);

/* What comes behind the newest packet of this source, on the same scale; -1: it is new. */
int64_t rtp_track_next(const struct rtp_track *track, uint32_t ssrc);

/* Packets from the first to the last, and those of them that did not arrive. */
uint64_t rtp_track_expected(const struct rtp_track *track);
uint64_t rtp_track_lost(const struct rtp_track *track);

#endif
