/*
 * Packets on their way, from a pool with a cap. A packet has one owner: who read it, a lane, or the
 * pool. One thread.
 */
#ifndef SOUK_LOAD_TESTS_NETIMP_PACKET_H
#define SOUK_LOAD_TESTS_NETIMP_PACKET_H

#include <stdint.h>

struct packet {
	struct packet *next; /* in the pool or in the queue of a rate */
	int64_t due_us;
	uint64_t order; /* of packets that are due at the same time */
	uint32_t len;
	uint8_t data[]; /* the pool's packet size */
};

struct packet_pool {
	struct packet *idle;
	uint32_t size; /* bytes a packet can hold */
	uint32_t count; /* made so far */
	uint32_t max;
};

/* All packets together stay within this; 1 Gbit/s for a second. */
enum { PACKET_POOL_BYTES = 128 * 1024 * 1024 };

void packet_pool_init(struct packet_pool *pool, uint32_t packet_size);
void packet_pool_finish(struct packet_pool *pool); /* all packets must be back */

struct packet *packet_take(struct packet_pool *pool); /* NULL at the cap */
void packet_give(struct packet_pool *pool, struct packet *packet);

#endif
