/* What the kernel threw away because our own UDP sockets were not read in time: the last column of
 * /proc/net/udp. Linux only. A value; one thread. */
#ifndef SOUK_LOAD_TESTS_SWARM_DROPS_H
#define SOUK_LOAD_TESTS_SWARM_DROPS_H

#include <stdint.h>

enum { DROPS_PORTS = 65536 };

struct drops {
	uint64_t ports[DROPS_PORTS / 64]; /* bitmap of ours */
};

void drops_begin(struct drops *drops);
void drops_watch(struct drops *drops, uint16_t port); /* 0: none */
uint64_t drops_count(const struct drops *drops);

#endif
