#include "server/core/resolve.h"

#include "server/core/addr.h"
#include "server/core/alloc.h"
#include "server/core/loop.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct resolver {
	struct loop *loop;
	struct evdns_base *dns;
};

struct resolve {
	struct resolver *resolver;
	uint16_t port;
	resolve_fn fn; /* NULL: cancelled, libevent still has it */
	void *arg;
	struct evdns_getaddrinfo_request *request; /* NULL: not under way */
	bool answered;
	struct deferred telling; /* libevent may answer inside the question */
	struct addr addrs[RESOLVE_ADDRS_MAX];
	size_t count;
};

static void on_telling(void *arg)
{
	struct resolve *resolve = arg;
	resolve->fn(resolve->arg, resolve->addrs, resolve->count);
	free(resolve);
}

static void keep(struct resolve *resolve, const struct evutil_addrinfo *answers)
{
	for (const struct evutil_addrinfo *at = answers; at; at = at->ai_next) {
		if (resolve->count == RESOLVE_ADDRS_MAX)
			return;
		struct addr *addr = &resolve->addrs[resolve->count++];
		*addr = (struct addr){ .len = (socklen_t)at->ai_addrlen };
		memcpy(&addr->ss, at->ai_addr, at->ai_addrlen);
		addr_set_port(addr, resolve->port);
	}
}

static void on_answer(int result, struct evutil_addrinfo *answers, void *arg)
{
	struct resolve *resolve = arg;
	if (!result)
		keep(resolve, answers);
	if (answers)
		evutil_freeaddrinfo(answers);
	resolve->request = NULL;
	resolve->answered = true;
	if (resolve->fn)
		loop_defer(resolve->resolver->loop, &resolve->telling);
	else
		free(resolve);
}

int resolver_create(struct resolver **out, struct loop *loop)
{
	struct resolver *resolver = xcalloc(1, sizeof(*resolver));
	resolver->loop = loop;
	resolver->dns = evdns_base_new(loop_base(loop), EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (!resolver->dns) {
		free(resolver);
		return -ENOMEM;
	}
	/* Without that file questions fail one by one, and numbers go on working. */
	evdns_base_resolv_conf_parse(resolver->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf");
	*out = resolver;
	return 0;
}

void resolve_start(struct resolve **out, struct resolver *resolver, const char *host, uint16_t port,
		   resolve_fn fn, void *arg)
{
	const struct evutil_addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP,
	};
	struct resolve *resolve = xcalloc(1, sizeof(*resolve));
	resolve->resolver = resolver;
	resolve->port = port;
	resolve->fn = fn;
	resolve->arg = arg;
	deferred_init(&resolve->telling, on_telling, resolve);
	*out = resolve;
	struct evdns_getaddrinfo_request *request =
		evdns_getaddrinfo(resolver->dns, host, NULL, &hints, on_answer, resolve);
	if (!resolve->answered)
		resolve->request = request;
}

void resolve_cancel(struct resolve *resolve)
{
	if (!resolve)
		return;
	deferred_cancel(&resolve->telling);
	if (!resolve->request) {
		free(resolve);
		return;
	}
	resolve->fn = NULL;
	evdns_getaddrinfo_cancel(resolve->request); /* on_answer() follows */
}

void resolver_destroy(struct resolver *resolver)
{
	if (!resolver)
		return;
	evdns_base_free(resolver->dns, 1);
	free(resolver);
}
