#include "media/waiter.h"

#include "media/broadcast.h"
#include "server/core/alloc.h"

#include <sys/eventfd.h>

struct broadcast_waiter *waiter_create(int fd, void (*soon)(void *arg), void *arg)
{
	struct broadcast_waiter *waiter = xcalloc(1, sizeof(*waiter));
	waiter->thread = pthread_self();
	waiter->fd = fd;
	waiter->soon = soon;
	waiter->arg = arg;
	list_init(&waiter->link);
	atomic_init(&waiter->tracks, 0);
	atomic_init(&waiter->told, false);
	return waiter;
}

void waiters_tell(struct list *waiters, unsigned tracks)
{
	list_for_each (link, waiters) {
		struct broadcast_waiter *waiter = list_entry(link, struct broadcast_waiter, link);
		if (!(atomic_load_explicit(&waiter->tracks, memory_order_relaxed) & tracks))
			continue;
		if (atomic_exchange_explicit(&waiter->told, true, memory_order_acq_rel))
			continue;
		if (pthread_equal(waiter->thread, pthread_self()))
			waiter->soon(waiter->arg);
		else
			eventfd_write(waiter->fd, 1);
	}
}

void broadcast_wait_for(struct broadcast_waiter *waiter, unsigned tracks)
{
	atomic_store_explicit(&waiter->tracks, tracks, memory_order_relaxed);
}

bool broadcast_wait_clear(struct broadcast_waiter *waiter)
{
	/* A read-modify-write, so that what was pushed before the last telling is seen after it. */
	return atomic_exchange_explicit(&waiter->told, false, memory_order_acq_rel);
}
