/*
 * The checks of one session that have authenticated, by transaction: whoever can listen can send
 * one again from elsewhere, and MESSAGE-INTEGRITY would still be right (RFC 8445 §19.2). Grows as
 * they come, the oldest of ICE_SEEN_MAX goes: three hours at Chromium's pace. Embedded, zeroed is
 * empty. Owned by its session's thread.
 */
#ifndef SOUK_SIGNALING_ICE_SEEN_H
#define SOUK_SIGNALING_ICE_SEEN_H

#include "signaling/udp_sender.h"

#include <stddef.h>
#include <stdint.h>

enum { ICE_SEEN_MAX = 4096 };

struct ice_seen {
	struct ice_seen_entry *ring;
	size_t count, size;
	size_t next; /* once the ring is full */
};

enum ice_seen_verdict {
	ICE_SEEN_NEVER, /* and is remembered now */
	ICE_SEEN_HERE, /* from the same address: sent again because our answer was lost */
	ICE_SEEN_ELSEWHERE, /* a copy */
};

enum ice_seen_verdict ice_seen_take(struct ice_seen *seen, const uint8_t transaction[12],
				    const struct udp_path *from);
/* The credentials have changed: what was seen will not authenticate again. */
void ice_seen_clear(struct ice_seen *seen);

#endif
