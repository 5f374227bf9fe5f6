#include "load-tests/netimp/packet.h"

#include "server/core/alloc.h"

#include <stdlib.h>

void packet_pool_init(struct packet_pool *pool, uint32_t packet_size)
{
	*pool = (struct packet_pool){ .size = packet_size, .max = PACKET_POOL_BYTES / packet_size };
}

void packet_pool_finish(struct packet_pool *pool)
{
	while (pool->idle) {
		struct packet *packet = pool->idle;
		pool->idle = packet->next;
		free(packet);
	}
}

struct packet *packet_take(struct packet_pool *pool)
{
	struct packet *packet = pool->idle;
	if (packet) {
		pool->idle = packet->next;
		return packet;
	}
	if (pool->count == pool->max)
		return NULL;
	pool->count++;
	return xcalloc(1, sizeof(*packet) + pool->size);
}

void packet_give(struct packet_pool *pool, struct packet *packet)
{
	packet->next = pool->idle;
	pool->idle = packet;
}
