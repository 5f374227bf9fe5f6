/* Who is at the other end, as a map key: family, port and IP without padding, or the number of a
 * TCP connection. Pure; any thread. */
#ifndef SOUK_SIGNALING_UDP_KEY_H
#define SOUK_SIGNALING_UDP_KEY_H

#include "server/core/addr.h"
#include "signaling/udp_sender.h"

#include <stdbool.h>
#include <stdint.h>

enum { UDP_KEY_MAX = 20 };

struct udp_key {
	uint8_t bytes[UDP_KEY_MAX];
	uint8_t len;
};

struct udp_key udp_key_of(const struct addr *addr); /* by UDP */
struct udp_key udp_key_of_path(const struct udp_path *path);
/* The connection's number; 0: by UDP. */
uint32_t udp_key_tcp(const struct udp_key *key);

bool udp_key_equal(const struct udp_key *a, const struct udp_key *b);
/* The same other end. */
bool udp_path_equal(const struct udp_path *a, const struct udp_path *b);

#endif
