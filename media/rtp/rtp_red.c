#include "media/rtp/rtp_red.h"

#include <string.h>

size_t rtp_red_write(uint8_t *out, size_t cap, uint8_t payload_type, const struct red_block *former,
		     uint32_t age, const struct red_block *newest)
{
	if (age == 0 || age > RED_AGE_MAX || former->len == 0 || former->len > RED_BLOCK_MAX ||
	    former->len + newest->len + RED_HEADER > cap)
		return 0;
	/* RFC 2198 §3: F, payload type, 14 bits of age, 10 bits of length; at last F and type. */
	const uint32_t head =
		1u << 31 | (uint32_t)payload_type << 24 | age << 10 | (uint32_t)former->len;
	out[0] = (uint8_t)(head >> 24);
	out[1] = (uint8_t)(head >> 16);
	out[2] = (uint8_t)(head >> 8);
	out[3] = (uint8_t)head;
	out[4] = payload_type;
	memcpy(out + RED_HEADER, former->data, former->len);
	memcpy(out + RED_HEADER + former->len, newest->data, newest->len);
	return RED_HEADER + former->len + newest->len;
}
