#include "signaling/udp_key.h"

#include <netinet/in.h>
#include <string.h>

struct udp_key udp_key_of(const struct addr *addr)
{
	struct udp_key key = { .len = 7 };
	const uint16_t port = addr_port(addr);
	key.bytes[0] = (uint8_t)addr->ss.ss_family;
	memcpy(key.bytes + 1, &port, sizeof(port));
	if (addr->ss.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&addr->ss;
		memcpy(key.bytes + 3, &in6->sin6_addr, 16);
		key.len = 19;
	} else {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&addr->ss;
		memcpy(key.bytes + 3, &in->sin_addr, 4);
	}
	return key;
}
