/*
 * Listening TCP socket. Accepted sockets are non-blocking, close-on-exec and without Nagle's delay.
 * Out of descriptors it rests 100 ms instead of spinning. Owner thread: the loop's.
 */
#ifndef SOUK_CORE_LISTENER_H
#define SOUK_CORE_LISTENER_H

#include <stdbool.h>

struct addr;
struct listener;
struct loop;

/* Owns `fd` from now on. */
typedef void (*listener_accept_fn)(int fd, const struct addr *peer, void *arg);

/* `share_port`: each worker listens on the same address and the kernel spreads connections
 * (SO_REUSEPORT). Port 0 takes any free one, see listener_addr(). Errors of bind() as -errno. */
int listener_create(struct listener **out, struct loop *loop, const struct addr *addr,
		    bool share_port, listener_accept_fn on_accept, void *arg)
	__attribute__((warn_unused_result));

/* The last `spare` descriptors that the process may have, a quarter of them at most, are for
 * others: what would take one of them goes to `on_full`, which also owns it. */
void listener_set_spare(struct listener *listener, int spare, listener_accept_fn on_full);

const struct addr *listener_addr(const struct listener *listener); /* as bound */

/* Inside on_accept only by loop_defer(). Takes NULL. */
void listener_destroy(struct listener *listener);

#endif
