/*
 * Redundant audio (RFC 2198): a packet that also brings the sound before it, so that one lost
 * packet is heard all the same. Values; any thread.
 */
#ifndef SOUK_MEDIA_RTP_RTP_RED_H
#define SOUK_MEDIA_RTP_RTP_RED_H

#include <stddef.h>
#include <stdint.h>

enum { RED_HEADER = 5, RED_BLOCK_MAX = 1023, RED_AGE_MAX = 16383 };

struct red_block {
	const uint8_t *data;
	size_t len;
};

/* Writes the payload into `out` (of `cap` bytes) and returns its length. `age`: how much older than
 * `newest` the block `former` is, in ticks of the RTP clock. 0 when it cannot be told in this form
 * (too old, too long) or does not fit. */
size_t rtp_red_write(uint8_t *out, size_t cap, uint8_t payload_type, const struct red_block *former,
		     uint32_t age, const struct red_block *newest);

#endif
