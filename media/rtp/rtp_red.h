/*
 * Redundant audio (RFC 2198): a packet that also brings the sound before it, so that a lost packet
 * or two are heard all the same. Values; any thread.
 */
#ifndef SOUK_MEDIA_RTP_RTP_RED_H
#define SOUK_MEDIA_RTP_RTP_RED_H

#include <stddef.h>
#include <stdint.h>

enum {
	RED_FORMER_MAX = 2, /* blocks before the newest */
	RED_BLOCK_MAX = 1023,
	RED_AGE_MAX = 16383,
};

struct red_block {
	const uint8_t *data;
	size_t len;
	uint32_t age; /* how much older than the newest, in ticks of the RTP clock */
};

/* Writes the payload into `out` (of `cap` bytes) and returns its length. `former`: the oldest
 * first, RED_FORMER_MAX at most. 0 when one of them cannot be told in this form (too old, too
 * long) or they do not fit. */
size_t rtp_red_write(uint8_t *out, size_t cap, uint8_t payload_type, const struct red_block *former,
		     unsigned count, const struct red_block *newest);

#endif
