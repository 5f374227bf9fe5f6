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
