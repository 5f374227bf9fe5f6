/*
 * Threads that wait for frames of a broadcast, each told once of what came since it looked. The
 * list is guarded by the broadcast's lock; broadcast_wait() and its like are the way in.
 */
#ifndef SOUK_MEDIA_WAITER_H
#define SOUK_MEDIA_WAITER_H

#include "server/core/list.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct broadcast_waiter {
	struct list link;
	pthread_t thread;
	int fd;
	void (*soon)(void *arg);
	void *arg;
	atomic_uint tracks; /* bits 1 << track */
	atomic_bool told; /* since the reader looked */
};

/* Of the calling thread. */
struct broadcast_waiter *waiter_create(int fd, void (*soon)(void *arg), void *arg);

void waiters_tell(struct list *waiters, unsigned tracks);

#endif
