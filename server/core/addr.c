#include "server/core/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sockaddr_in *v4(const struct addr *addr)
{
	return (struct sockaddr_in *)&addr->ss;
}

static struct sockaddr_in6 *v6(const struct addr *addr)
{
	return (struct sockaddr_in6 *)&addr->ss;
}

static bool is_v6(const struct addr *addr)
{
	return addr->ss.ss_family == AF_INET6;
}

int addr_set(struct addr *out, const char *ip, uint16_t port)
{
	struct addr addr = { 0 };
	if (inet_pton(AF_INET, ip, &v4(&addr)->sin_addr) == 1) {
		addr.ss.ss_family = AF_INET;
		addr.len = sizeof(struct sockaddr_in);
	} else if (inet_pton(AF_INET6, ip, &v6(&addr)->sin6_addr) == 1) {
		addr.ss.ss_family = AF_INET6;
		addr.len = sizeof(struct sockaddr_in6);
	} else {
		return -EINVAL;
	}
	addr_set_port(&addr, port);
	*out = addr;
	return 0;
}

int addr_parse(struct addr *out, const char *text)
{
	const char *colon = strrchr(text, ':');
	char ip[ADDR_TEXT];
	if (!colon || (size_t)(colon - text) >= sizeof(ip) || !colon[1] || strlen(colon + 1) > 5 ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return -EINVAL;
	const long port = strtol(colon + 1, NULL, 10);
	if (port > 65535)
		return -EINVAL;
	const bool bracketed = text[0] == '[' && colon > text && colon[-1] == ']';
	const char *start = bracketed ? text + 1 : text;
	const size_t len = (size_t)(colon - start) - (bracketed ? 1 : 0);
	memcpy(ip, start, len);
	ip[len] = '\0';
	if (!bracketed && strchr(ip, ':'))
		return -EINVAL;
	return addr_set(out, ip, (uint16_t)port);
}

void addr_format_ip(const struct addr *addr, char out[ADDR_TEXT])
{
	const void *ip = is_v6(addr) ? (const void *)&v6(addr)->sin6_addr
				     : (const void *)&v4(addr)->sin_addr;
	if (!inet_ntop(addr->ss.ss_family, ip, out, ADDR_TEXT))
		snprintf(out, ADDR_TEXT, "?");
}

void addr_format(const struct addr *addr, char out[ADDR_TEXT])
{
	char ip[ADDR_TEXT];
	addr_format_ip(addr, ip);
	snprintf(out, ADDR_TEXT, is_v6(addr) ? "[%.46s]:%u" : "%.46s:%u", ip, addr_port(addr));
}

void addr_format_site(const struct addr *addr, char out[ADDR_TEXT])
{
	struct addr site = *addr;
	char ip[ADDR_TEXT];
	addr_unmap(&site);
	if (is_v6(&site))
		memset(v6(&site)->sin6_addr.s6_addr + 8, 0, 8);
	addr_format_ip(&site, ip);
	snprintf(out, ADDR_TEXT, "%.46s%s", ip, is_v6(&site) ? "/64" : "");
}

uint16_t addr_port(const struct addr *addr)
{
	return ntohs(is_v6(addr) ? v6(addr)->sin6_port : v4(addr)->sin_port);
}

void addr_set_port(struct addr *addr, uint16_t port)
{
	if (is_v6(addr))
		v6(addr)->sin6_port = htons(port);
	else
		v4(addr)->sin_port = htons(port);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	if (a->ss.ss_family != b->ss.ss_family || addr_port(a) != addr_port(b))
		return false;
	if (is_v6(a))
		return !memcmp(&v6(a)->sin6_addr, &v6(b)->sin6_addr, sizeof(struct in6_addr));
	return v4(a)->sin_addr.s_addr == v4(b)->sin_addr.s_addr;
}

bool addr_is_any(const struct addr *addr)
{
	if (is_v6(addr))
		return IN6_IS_ADDR_UNSPECIFIED(&v6(addr)->sin6_addr);
	return v4(addr)->sin_addr.s_addr == INADDR_ANY;
}

bool addr_is_loopback(const struct addr *addr)
{
	if (is_v6(addr))
		return IN6_IS_ADDR_LOOPBACK(&v6(addr)->sin6_addr);
	return ntohl(v4(addr)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

struct range {
	uint8_t bits[4]; /* the first bytes */
	unsigned len; /* how many bits of them count */
};

static bool within(const uint8_t *ip, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool same = true;
		for (unsigned bit = 0; bit < ranges[i].len && same; bit += 8) {
			const unsigned left = ranges[i].len - bit;
			const uint8_t mask = left >= 8 ? 0xff : (uint8_t)(0xff00 >> left);
			same = (ip[bit / 8] & mask) == ranges[i].bits[bit / 8];
		}
		if (same)
			return true;
	}
	return false;
}

static bool v4_is_public(const uint8_t ip[4])
{
	static const struct range special[] = {
		{ { 0 }, 8 },
		{ { 10 }, 8 },
		{ { 100, 64 }, 10 },
		{ { 127 }, 8 },
		{ { 169, 254 }, 16 },
		{ { 172, 16 }, 12 },
		{ { 192, 0, 0 }, 24 },
		{ { 192, 0, 2 }, 24 },
		{ { 192, 168 }, 16 },
		{ { 198, 18 }, 15 },
		{ { 198, 51, 100 }, 24 },
		{ { 203, 0, 113 }, 24 },
		{ { 224 }, 3 },
	};
	return !within(ip, special, sizeof(special) / sizeof(*special));
}

bool addr_is_public(const struct addr *addr)
{
	/* Global unicast is 2000::/3; of it 2001::/23 (Teredo and the like), documentation. */
	static const struct range global[] = { { { 0x20 }, 3 } };
	static const struct range special[] = { { { 0x20, 0x01, 0x00 }, 23 },
						{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 } };
	static const struct range six_to_four[] = { { { 0x20, 0x02 }, 16 } };
	struct addr plain = *addr;
	addr_unmap(&plain);
	if (!is_v6(&plain))
		return v4_is_public((const uint8_t *)&v4(&plain)->sin_addr);
	const uint8_t *ip = v6(&plain)->sin6_addr.s6_addr;
	if (within(ip, six_to_four, 1)) /* RFC 3056: IPv4 follows */
		return v4_is_public(ip + 2);
	return within(ip, global, 1) && !within(ip, special, 2);
}

void addr_unmap(struct addr *addr)
{
	if (!is_v6(addr) || !IN6_IS_ADDR_V4MAPPED(&v6(addr)->sin6_addr))
		return;
	struct addr plain = { .ss.ss_family = AF_INET, .len = sizeof(struct sockaddr_in) };
	v4(&plain)->sin_port = v6(addr)->sin6_port;
	memcpy(&v4(&plain)->sin_addr, v6(addr)->sin6_addr.s6_addr + 12, 4);
	*addr = plain;
}

void addr_map(struct addr *addr)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
	if (addr->ss.ss_family != AF_INET)
		return;
	struct addr mapped = { .ss.ss_family = AF_INET6, .len = sizeof(struct sockaddr_in6) };
	v6(&mapped)->sin6_port = v4(addr)->sin_port;
	memcpy(v6(&mapped)->sin6_addr.s6_addr, prefix, sizeof(prefix));
	memcpy(v6(&mapped)->sin6_addr.s6_addr + 12, &v4(addr)->sin_addr, 4);
	*addr = mapped;
}
