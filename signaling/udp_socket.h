/* A bound UDP socket as the ports need it: for both families, with large buffers. No owner. */
#ifndef SOUK_SIGNALING_UDP_SOCKET_H
#define SOUK_SIGNALING_UDP_SOCKET_H

#include <stdbool.h>

struct addr;

/* IPv4 or IPv6, :: is both. On the wildcard address each packet tells where it came to. `gro`:
 * several packets of one sender come at once. -errno when it cannot be bound. */
int udp_socket_open(const struct addr *bind_addr, bool gro);

#endif
