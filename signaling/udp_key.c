#include "signaling/udp_key.h"

#include <netinet/in.h>
#include <string.h>

enum { TCP_MARK = 0xff }; /* no address family */

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

struct udp_key udp_key_of_path(const struct udp_path *path)
{
	if (!path->tcp)
		return udp_key_of(&path->remote);
	struct udp_key key = { .bytes[0] = TCP_MARK, .len = 1 + sizeof(path->tcp) };
	memcpy(key.bytes + 1, &path->tcp, sizeof(path->tcp));
	return key;
}

uint32_t udp_key_tcp(const struct udp_key *key)
{
	uint32_t tcp = 0;
	if (key->len && key->bytes[0] == TCP_MARK)
		memcpy(&tcp, key->bytes + 1, sizeof(tcp));
	return tcp;
}

bool udp_key_equal(const struct udp_key *a, const struct udp_key *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

bool udp_path_equal(const struct udp_path *a, const struct udp_path *b)
{
	return a->tcp == b->tcp && (a->tcp || addr_equal(&a->remote, &b->remote));
}
