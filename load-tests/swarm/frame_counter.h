/*
 * Whole frames of an RTP stream by its headers alone, which SRTP leaves readable: a frame is there
 * when all packets from the one behind the marker before it up to its own marker are. Frames are
 * told in order; one that is not whole in time is passed over. Zeroed is empty. One owner.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_FRAME_COUNTER_H
#define SOUK_LOAD_TESTS_SWARM_FRAME_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

enum {
	/* A join brings a whole group of pictures at once, and all of it may wait for one packet.
	 */
	FRAME_COUNTER_SLOTS = 128,
	/* How long a frame is waited for: what the reordering window of the full reader allows. */
	FRAME_COUNTER_WAIT_US = 500000,
};

struct frame_counter {
	bool started;
	int64_t next; /* first sequence number of the frame to be told next, unwrapped */
	bool waits; /* a later frame is whole */
	uint64_t frames; /* whole and told */
	uint64_t passed_over; /* times that frames were given up */
	uint32_t told; /* timestamp of the newest frame told; what follows with it is padding */
	unsigned used; /* slots */
	unsigned newest; /* slot */
	struct frame_slot {
		bool used, marked;
		uint32_t timestamp;
		int64_t first_us; /* arrival of its first packet */
		int64_t low, high; /* sequence numbers seen; `high` is the end once marked */
		uint32_t packets;
	} slots[FRAME_COUNTER_SLOTS];
};

struct frame_packet {
	int64_t seq; /* unwrapped */
	uint32_t timestamp;
	bool marker;
};

/* A packet that was not here before. Returns how many frames became showable by it. */
unsigned frame_counter_packet(struct frame_counter *counter, const struct frame_packet *packet,
			      int64_t now_us);

#endif
