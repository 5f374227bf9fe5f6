/*
 * Whose word about a client's address counts: networks of proxies that are trusted, and what they
 * say in X-Forwarded-For or Forwarded (RFC 7239). Pure; any thread.
 */
#ifndef SOUK_CORE_PROXY_H
#define SOUK_CORE_PROXY_H

#include "server/core/http1.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr;

enum {
	PROXY_NETWORKS_MAX = 64,
	PROXY_HOPS_MAX = 32, /* a field of more is not believed */
};

struct network {
	uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;
};

struct proxies {
	struct network networks[PROXY_NETWORKS_MAX];
	size_t count;
};

/* "10.0.0.0/8", "2001:db8::/32", or one address. -EINVAL for anything else, for bits set behind the
 * prefix too; -ENOBUFS when there are too many. */
int proxies_add(struct proxies *proxies, const char *text) __attribute__((warn_unused_result));

bool proxies_trust(const struct proxies *proxies, const struct addr *addr);

/* The rightmost address on the way that is not a trusted proxy's, or the farthest of theirs: the
 * peer's own when nobody is trusted, or what a proxy says cannot be read. When both fields are
 * there and differ one of them is the client's own invention: then it is the peer's. Without a
 * port. */
void proxies_find_client(const struct proxies *proxies, const struct addr *peer,
			 const struct http1 *http, struct addr *out);

#endif
