#include "load-tests/swarm/frame_counter.h"

#include <stddef.h>

static struct frame_slot *slot_of(struct frame_counter *counter, uint32_t timestamp)
{
	struct frame_slot *newest = &counter->slots[counter->newest];
	if (newest->used && newest->timestamp == timestamp)
		return newest;
	for (unsigned i = 0; i < FRAME_COUNTER_SLOTS; i++)
		if (counter->slots[i].used && counter->slots[i].timestamp == timestamp)
			return &counter->slots[i];
	return NULL;
}

/* A free slot, or the one of the oldest frame. */
static struct frame_slot *take_slot(struct frame_counter *counter)
{
	unsigned chosen = 0;
	for (unsigned i = 0; i < FRAME_COUNTER_SLOTS; i++) {
		if (!counter->slots[i].used) {
			chosen = i;
			break;
		}
		if (counter->slots[i].low < counter->slots[chosen].low)
			chosen = i;
	}
	counter->newest = chosen;
	counter->used += !counter->slots[chosen].used;
	return &counter->slots[chosen];
}

static bool is_whole(const struct frame_slot *slot)
{
	return slot->used && slot->marked && slot->packets == slot->high - slot->low + 1;
}

/* The frame that begins at counter->next and is whole. */
static struct frame_slot *find_next(struct frame_counter *counter)
{
	struct frame_slot *newest = &counter->slots[counter->newest];
	if (is_whole(newest) && newest->low == counter->next)
		return newest;
	for (unsigned i = 0; i < FRAME_COUNTER_SLOTS; i++)
		if (is_whole(&counter->slots[i]) && counter->slots[i].low == counter->next)
			return &counter->slots[i];
	return NULL;
}

/* Where a marker before it says that a frame begins; without one its first packets may be missing.
 */
static bool begins(const struct frame_counter *counter, const struct frame_slot *slot)
{
	for (unsigned i = 0; i < FRAME_COUNTER_SLOTS; i++) {
		const struct frame_slot *before = &counter->slots[i];
		if (before->used && before->marked && before->high == slot->low - 1)
			return true;
	}
	return false;
}

static struct frame_slot *find_later(struct frame_counter *counter)
{
	struct frame_slot *found = NULL;
	for (unsigned i = 0; i < FRAME_COUNTER_SLOTS; i++) {
		struct frame_slot *slot = &counter->slots[i];
		if (is_whole(slot) && slot->low > counter->next &&
		    (!found || slot->low < found->low) && begins(counter, slot))
			found = slot;
	}
	return found;
}

/* When it showed that something in front was missing: the first packet behind it came. */
static int64_t gap_since(const struct frame_counter *counter, int64_t now_us)
{
	int64_t since_us = now_us;
	for (unsigned i = 0; i < FRAME_COUNTER_SLOTS; i++) {
		const struct frame_slot *slot = &counter->slots[i];
		if (slot->used && slot->low > counter->next && slot->first_us < since_us)
			since_us = slot->first_us;
	}
	return since_us;
}

static unsigned tell(struct frame_counter *counter, int64_t now_us)
{
	unsigned told = 0;
	while (counter->used) {
		struct frame_slot *slot = find_next(counter);
		if (!slot) {
			slot = find_later(counter);
			counter->waits = slot != NULL;
			if (!slot || now_us - gap_since(counter, now_us) < FRAME_COUNTER_WAIT_US)
				break;
			counter->passed_over++;
		}
		counter->next = slot->high + 1;
		counter->waits = false;
		counter->frames++;
		counter->told = slot->timestamp;
		counter->used--;
		slot->used = false;
		told++;
	}
	return told;
}

unsigned frame_counter_packet(struct frame_counter *counter, const struct frame_packet *packet,
			      int64_t now_us)
{
	if (!counter->started) {
		counter->started = true;
		counter->next = packet->seq;
	}
	if (packet->seq < counter->next)
		return 0;
	if (counter->frames && packet->timestamp == counter->told && packet->seq == counter->next) {
		counter->next++;
		return 0;
	}
	struct frame_slot *slot = slot_of(counter, packet->timestamp);
	if (!slot) {
		slot = take_slot(counter);
		*slot = (struct frame_slot){ .used = true,
					     .timestamp = packet->timestamp,
					     .first_us = now_us,
					     .low = packet->seq,
					     .high = packet->seq };
	}
	slot->packets++;
	slot->low = packet->seq < slot->low ? packet->seq : slot->low;
	slot->high = packet->seq > slot->high ? packet->seq : slot->high;
	slot->marked |= packet->marker;
	/* In order, nothing can have become whole before the marker. */
	return slot->marked || counter->waits ? tell(counter, now_us) : 0;
}
