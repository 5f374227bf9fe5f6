/* A remote address as a map key: family, port and IP without padding. Pure; any thread. */
#ifndef SOUK_SIGNALING_UDP_KEY_H
#define SOUK_SIGNALING_UDP_KEY_H

#include "server/core/addr.h"

#include <stdint.h>

enum { UDP_KEY_MAX = 20 };

struct udp_key {
	uint8_t bytes[UDP_KEY_MAX];
	uint8_t len;
};

struct udp_key udp_key_of(const struct addr *addr);

#endif
