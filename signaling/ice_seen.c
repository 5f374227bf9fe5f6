#include "signaling/ice_seen.h"

#include "server/core/alloc.h"
#include "signaling/udp_key.h"

#include <stdlib.h>

enum { FIRST_SIZE = 32, TRANSACTION = 12 };

/* Short, as there may be thousands: two that fall together cost one check its effect. */
struct ice_seen_entry {
	uint32_t transaction;
	uint32_t from;
};

/* FNV-1a */
static uint32_t digest(const uint8_t *data, size_t len)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ data[i]) * 16777619u;
	return hash;
}

static void remember(struct ice_seen *seen, struct ice_seen_entry entry)
{
	if (seen->count == seen->size && seen->size < ICE_SEEN_MAX) {
		seen->size = seen->size ? 2 * seen->size : FIRST_SIZE;
		seen->ring = xrealloc(seen->ring, seen->size * sizeof(*seen->ring));
	}
	if (seen->count < seen->size) {
		seen->ring[seen->count++] = entry;
		return;
	}
	seen->ring[seen->next] = entry;
	seen->next = (seen->next + 1) % ICE_SEEN_MAX;
}

enum ice_seen_verdict ice_seen_take(struct ice_seen *seen, const uint8_t transaction[12],
				    const struct udp_path *from)
{
	const struct udp_key key = udp_key_of_path(from);
	const struct ice_seen_entry entry = { digest(transaction, TRANSACTION),
					      digest(key.bytes, key.len) };
	for (size_t i = 0; i < seen->count; i++)
		if (seen->ring[i].transaction == entry.transaction)
			return seen->ring[i].from == entry.from ? ICE_SEEN_HERE
								: ICE_SEEN_ELSEWHERE;
	remember(seen, entry);
	return ICE_SEEN_NEVER;
}

void ice_seen_clear(struct ice_seen *seen)
{
	free(seen->ring);
	*seen = (struct ice_seen){ 0 };
}
