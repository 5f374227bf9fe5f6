#include "load-tests/publish/ice_servers.h"

#include <gio/gio.h>

/* IPv4 where there is one: libnice asks a STUN server of one family only. */
static bool look_up(struct addr *out, const char *host, uint16_t port)
{
	if (!addr_set(out, host, port))
		return true;
	GList *found = g_resolver_lookup_by_name(g_resolver_get_default(), host, NULL, NULL);
	bool done = false;
	for (const GList *at = found; at; at = at->next) {
		g_autofree char *ip = g_inet_address_to_string(at->data);
		const bool v4 = g_inet_address_get_family(at->data) == G_SOCKET_FAMILY_IPV4;
		if ((!done || v4) && !addr_set(out, ip, port))
			done = true;
		if (done && v4)
			break;
	}
	g_resolver_free_addresses(found);
	return done;
}

unsigned ice_servers_add(struct ice_servers *servers, const struct link_server *links,
			 unsigned count)
{
	const unsigned before = servers->count;
	for (unsigned i = 0; i < count && servers->count < ICE_SERVERS_MAX; i++) {
		struct link_server *link = &servers->links[servers->count];
		struct ice_server *server = &servers->servers[servers->count];
		struct addr addr;
		if (links[i].tls || !look_up(&addr, links[i].host, links[i].port))
			continue;
		*link = links[i];
		*server = (struct ice_server){
			.addr = addr,
			.relay = link->relay,
			.tcp = link->tcp,
			.username = link->username,
			.credential = link->credential,
		};
		servers->count++;
	}
	return servers->count - before;
}
