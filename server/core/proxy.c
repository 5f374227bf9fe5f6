#include "server/core/proxy.h"

#include "server/core/addr.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What was passed on the way, the nearest last. */
struct hops {
	char nodes[PROXY_HOPS_MAX][ADDR_TEXT]; /* empty: not an address */
	size_t count;
	bool bad; /* the field cannot be read */
};

static void ip_of(const struct addr *addr, uint8_t ip[16])
{
	struct addr mapped = *addr;
	addr_map(&mapped);
	memcpy(ip, &((const struct sockaddr_in6 *)&mapped.ss)->sin6_addr, 16);
}

static bool bit(const uint8_t ip[16], unsigned at)
{
	return ip[at / 8] >> (7 - at % 8) & 1;
}

int proxies_add(struct proxies *proxies, const char *text)
{
	const char *slash = strchr(text, '/');
	const size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct network network = { .bits = 128 };
	char ip[ADDR_TEXT] = "";
	struct addr addr;
	if (proxies->count == PROXY_NETWORKS_MAX)
		return -ENOBUFS;
	if (len >= sizeof(ip))
		return -EINVAL;
	snprintf(ip, sizeof(ip), "%.*s", (int)len, text);
	if (addr_set(&addr, ip, 0))
		return -EINVAL;
	const unsigned skip = addr.ss.ss_family == AF_INET ? 96 : 0;
	if (slash) {
		const size_t digits = strspn(slash + 1, "0123456789");
		if (!digits || digits > 3 || slash[1 + digits])
			return -EINVAL;
		network.bits = skip + (unsigned)strtoul(slash + 1, NULL, 10);
	}
	ip_of(&addr, network.ip);
	for (unsigned at = network.bits; at < 128; at++)
		if (bit(network.ip, at))
			return -EINVAL;
	if (network.bits > 128)
		return -EINVAL;
	proxies->networks[proxies->count++] = network;
	return 0;
}

bool proxies_trust(const struct proxies *proxies, const struct addr *addr)
{
	uint8_t ip[16];
	ip_of(addr, ip);
	for (size_t i = 0; i < proxies->count; i++) {
		const struct network *network = &proxies->networks[i];
		unsigned same = 0;
		while (same < network->bits && bit(ip, same) == bit(network->ip, same))
			same++;
		if (same == network->bits)
			return true;
	}
	return false;
}

static void add_hop(struct hops *hops, const char *text, size_t len)
{
	if (hops->count == PROXY_HOPS_MAX) {
		hops->bad = true;
		return;
	}
	char *node = hops->nodes[hops->count++];
	const size_t kept = len < ADDR_TEXT ? len : 0;
	memcpy(node, text, kept);
	node[kept] = '\0';
}

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t");
}

/* Addresses with commas between them. */
static void read_plain(struct hops *hops, const char *at)
{
	while (*at) {
		at = skip_space(at);
		size_t len = strcspn(at, ",");
		const char *next = at + len + (at[len] == ',');
		while (len && strchr(" \t", at[len - 1]))
			len--;
		if (len) /* RFC 9110 §5.6.1.2: empty members of a list count for nothing */
			add_hop(hops, at, len);
		at = next;
	}
}

static size_t token_len(const char *at)
{
	return strspn(at, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
			  "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* RFC 7239 §4: token "=" (token | quoted-string). Where it ends, or NULL; `*node` is that of "for",
 * with nothing escaped in it. */
static const char *read_pair(const char *at, const char **node, size_t *node_len)
{
	const size_t name = token_len(at);
	const bool is_for = name == 3 && !strncasecmp(at, "for", 3);
	if (!name || at[name] != '=' || (is_for && *node))
		return NULL;
	at += name + 1;
	const bool quoted = *at == '"';
	at += quoted;
	size_t len = quoted ? strcspn(at, "\"\\") : token_len(at);
	if (is_for) {
		*node = at;
		*node_len = len;
	}
	while (quoted && at[len] == '\\' && at[len + 1])
		len += 2 + strcspn(at + len + 2, "\"\\");
	if (quoted && at[len] != '"')
		return NULL;
	return quoted ? at + len + 1 : len ? at + len : NULL;
}

/* One element, up to its comma; NULL when it cannot be read. */
static const char *read_element(struct hops *hops, const char *at)
{
	const char *node = NULL;
	size_t node_len = 0;
	for (;;) {
		at = read_pair(at, &node, &node_len);
		if (!at || *at != ';')
			break;
		at++;
	}
	if (at)
		add_hop(hops, node ? node : "", node_len);
	return at;
}

static void read_forwarded(struct hops *hops, const char *at)
{
	while (at && *(at = skip_space(at)) && !hops->bad) {
		if (*at != ',')
			at = read_element(hops, at);
		if (at)
			at = skip_space(at);
		if (at && *at)
			at = *at == ',' ? at + 1 : NULL;
	}
	hops->bad = hops->bad || !at;
}

static void collect(struct hops *hops, const struct http1 *http, const char *name,
		    void (*read)(struct hops *hops, const char *value))
{
	hops->count = 0;
	hops->bad = false;
	for (size_t i = 0; i < http->header_count; i++)
		if (!strcasecmp(http->headers[i].name, name))
			read(hops, http->headers[i].value);
}

/* An address, perhaps with a port or in brackets, as several proxies write it. */
static int read_node(const char *node, struct addr *out)
{
	char ip[ADDR_TEXT];
	struct addr addr;
	const size_t len = strlen(node);
	const bool bracketed = node[0] == '[' && len > 2 && node[len - 1] == ']';
	if (bracketed) {
		memcpy(ip, node + 1, len - 2);
		ip[len - 2] = '\0';
	}
	if (addr_set(&addr, bracketed ? ip : node, 0) && addr_parse(&addr, node))
		return -EINVAL;
	addr_unmap(&addr);
	addr_set_port(&addr, 0);
	*out = addr;
	return 0;
}

static void walk(const struct proxies *proxies, const struct hops *hops, struct addr *client)
{
	for (size_t i = hops->count; !hops->bad && i && proxies_trust(proxies, client); i--)
		if (read_node(hops->nodes[i - 1], client))
			return;
}

void proxies_find_client(const struct proxies *proxies, const struct addr *peer,
			 const struct http1 *http, struct addr *out)
{
	struct hops plain, forwarded;
	struct addr direct = *peer;
	addr_unmap(&direct);
	addr_set_port(&direct, 0);
	*out = direct;
	if (!proxies || !proxies_trust(proxies, &direct))
		return;
	collect(&plain, http, "X-Forwarded-For", read_plain);
	collect(&forwarded, http, "Forwarded", read_forwarded);
	struct addr other = direct;
	walk(proxies, &plain, out);
	walk(proxies, &forwarded, &other);
	if (!plain.count && !plain.bad)
		*out = other;
	else if ((forwarded.count || forwarded.bad) && !addr_equal(out, &other))
		*out = direct;
}
