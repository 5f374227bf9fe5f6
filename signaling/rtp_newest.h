/*
 * The newest sequence number of each SSRC that authenticated (max_seq of RFC 3550 §A.1): what is
 * newer is no copy, so that a publisher's session may follow it to where it came from. Embedded,
 * zeroed is empty. Owned by its session's thread.
 */
#ifndef SOUK_SIGNALING_RTP_NEWEST_H
#define SOUK_SIGNALING_RTP_NEWEST_H

#include "signaling/srtp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which packet it is. */
struct rtp_seq {
	uint32_t ssrc;
	uint16_t seq;
};

struct rtp_newest {
	struct rtp_seq of[SRTP_STREAMS_MAX];
	unsigned count;
};

/* From the fixed header, which SRTP leaves readable. False: too short for RTP. */
bool rtp_seq_read(struct rtp_seq *out, const uint8_t *packet, size_t len);

/* An authentic packet: whether it is newer than all before of its SSRC. The first is not; those of
 * more than SRTP_STREAMS_MAX SSRCs never are. */
bool rtp_newest_take(struct rtp_newest *newest, const struct rtp_seq *packet);

/* Whether a packet from a new address may be this session's: its SSRC is known and its number a
 * little ahead. Cheap; proves nothing. */
bool rtp_newest_expects(const struct rtp_newest *newest, const struct rtp_seq *packet);

#endif
