/*
 * Names to addresses without blocking (RFC 1035, /etc/hosts, /etc/resolv.conf). A resolver belongs
 * to a loop's thread, as do its questions.
 */
#ifndef SOUK_CORE_RESOLVE_H
#define SOUK_CORE_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

struct addr;
struct loop;
struct resolve;
struct resolver;

enum { RESOLVE_ADDRS_MAX = 8 };

/* The addresses with the port that was asked for, as many as are wanted at most; 0: there are none,
 * or nobody could say. The question is gone when it is called. */
typedef void (*resolve_fn)(void *arg, const struct addr *addrs, size_t count);

int resolver_create(struct resolver **out, struct loop *loop) __attribute__((warn_unused_result));

/* A name or an IP. fn comes from the loop, never inside the call. */
void resolve_start(struct resolve **out, struct resolver *resolver, const char *host, uint16_t port,
		   resolve_fn fn, void *arg);

/* fn is not called any more. Takes NULL. */
void resolve_cancel(struct resolve *resolve);

void resolver_destroy(struct resolver *resolver); /* no question may be left; takes NULL */

#endif
