/*
 * Who got which frame when: for each frame, named by a key that all its viewers share, the time
 * from the first to the last of them. A frame is told about once nobody has got it for a while.
 * One thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_FRAME_BOARD_H
#define SOUK_LOAD_TESTS_SWARM_FRAME_BOARD_H

#include <stdint.h>

enum { FRAME_BOARD_SLOTS = 8192, FRAME_BOARD_REST_US = 1000000 };

struct frame_board {
	struct frame_entry {
		uint64_t key;
		int64_t first_us, last_us;
		uint32_t viewers; /* 0: free */
	} slots[FRAME_BOARD_SLOTS];
};

/* Called with a frame that at least two viewers got. */
typedef void (*frame_spread_fn)(void *arg, int64_t spread_us, uint32_t viewers);

void frame_board_add(struct frame_board *board, uint64_t key, int64_t now_us);
/* Takes off what has been at rest. */
void frame_board_sweep(struct frame_board *board, int64_t now_us, frame_spread_fn fn, void *arg);

#endif
