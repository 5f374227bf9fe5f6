#include "load-tests/swarm/frame_board.h"

#include <stddef.h>

enum { PROBES = 16 };

/* Fibonacci hashing: keys are times, whose low bits are alike. */
static unsigned slot_of(uint64_t key)
{
	return (unsigned)((key * 0x9e3779b97f4a7c15ull) >> 48) % FRAME_BOARD_SLOTS;
}

void frame_board_add(struct frame_board *board, uint64_t key, int64_t now_us)
{
	const unsigned home = slot_of(key);
	struct frame_entry *unused = NULL;
	for (unsigned i = 0; i < PROBES; i++) {
		struct frame_entry *entry = &board->slots[(home + i) % FRAME_BOARD_SLOTS];
		if (entry->viewers && entry->key == key) {
			entry->viewers++;
			entry->last_us = now_us;
			return;
		}
		if (!entry->viewers && !unused)
			unused = entry;
	}
	if (unused)
		*unused = (struct frame_entry){ key, now_us, now_us, 1 };
}

void frame_board_sweep(struct frame_board *board, int64_t now_us, frame_spread_fn fn, void *arg)
{
	for (unsigned i = 0; i < FRAME_BOARD_SLOTS; i++) {
		struct frame_entry *entry = &board->slots[i];
		if (!entry->viewers || now_us - entry->last_us < FRAME_BOARD_REST_US)
			continue;
		if (entry->viewers > 1)
			fn(arg, entry->last_us - entry->first_us, entry->viewers);
		entry->viewers = 0;
	}
}
