/*
 * ClientHellos that arrive before the first check of their address: kept for 2 s, so that a client
 * which starts DTLS together with ICE does not wait for its retransmission timer (1 s). Bounded:
 * 1,024 addresses with 2 datagrams each; the oldest goes. Owned by a udp_port.
 */
#ifndef SOUK_SIGNALING_UDP_HELLO_H
#define SOUK_SIGNALING_UDP_HELLO_H

#include "server/core/addr.h"
#include "server/core/list.h"
#include "server/core/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UDP_HELLO_ADDRS = 1024, UDP_HELLO_DATAGRAMS = 2, UDP_HELLO_US = 2000000 };

struct buf;

struct udp_hellos {
	struct map by_addr;
	struct list by_age; // hello.link, oldest first
};

void udp_hellos_init(struct udp_hellos *hellos);
void udp_hellos_finish(struct udp_hellos *hellos);

/* Keeps the datagram if it is (a fragment of) a ClientHello and there is room; true if kept. */
bool udp_hellos_keep(struct udp_hellos *hellos, const struct addr *from, const uint8_t *data,
		     size_t len, int64_t now_us);

/* Hands over the datagrams of an address, in order, with their references; returns their number. */
size_t udp_hellos_take(struct udp_hellos *hellos, const struct addr *from, int64_t now_us,
		       struct buf *out[UDP_HELLO_DATAGRAMS]);

/* Forgets what is older than UDP_HELLO_US. */
void udp_hellos_expire(struct udp_hellos *hellos, int64_t now_us);

#endif
