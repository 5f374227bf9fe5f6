#include "media/rtp/rtp_red.h"

#include <stdbool.h>
#include <string.h>

enum { BLOCK_HEADER = 4, LAST_HEADER = 1 };

static bool fits(const struct red_block *former, unsigned count, size_t room)
{
	for (unsigned i = 0; i < count; i++) {
		const struct red_block *block = &former[i];
		if (block->age == 0 || block->age > RED_AGE_MAX || block->len == 0 ||
		    block->len > RED_BLOCK_MAX || block->len + BLOCK_HEADER > room)
			return false;
		room -= block->len + BLOCK_HEADER;
	}
	return count > 0 && count <= RED_FORMER_MAX;
}

size_t rtp_red_write(uint8_t *out, size_t cap, uint8_t payload_type, const struct red_block *former,
		     unsigned count, const struct red_block *newest)
{
	if (newest->len + LAST_HEADER > cap ||
	    !fits(former, count, cap - newest->len - LAST_HEADER))
		return 0;
	uint8_t *at = out;
	/* RFC 2198 §3: F, payload type, 14 bits of age, 10 bits of length; at last F and type. */
	for (unsigned i = 0; i < count; i++) {
		const uint32_t head = 1u << 31 | (uint32_t)payload_type << 24 |
				      former[i].age << 10 | (uint32_t)former[i].len;
		*at++ = (uint8_t)(head >> 24);
		*at++ = (uint8_t)(head >> 16);
		*at++ = (uint8_t)(head >> 8);
		*at++ = (uint8_t)head;
	}
	*at++ = payload_type;
	for (unsigned i = 0; i < count; i++) {
		memcpy(at, former[i].data, former[i].len);
		at += former[i].len;
	}
	memcpy(at, newest->data, newest->len);
	return (size_t)(at - out) + newest->len;
}
