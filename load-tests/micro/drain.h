/*
 * Sockets that a thread on the last of the caller's cores empties, while the caller sends to them
 * from the first. One owner; the thread is its own.
 */
#ifndef SOUK_LOAD_TESTS_MICRO_DRAIN_H
#define SOUK_LOAD_TESTS_MICRO_DRAIN_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct drain {
	int epoll;
	pthread_t reader;
	bool reading;
	cpu_set_t cores; /* the caller's */
	_Atomic uint64_t received; /* bytes */
	atomic_bool over;
};

/* All three: 0 or -errno. drain_close() is for a drain that could not be opened, too. */
int drain_open(struct drain *drain);
int drain_add(struct drain *drain, int socket); /* which stays the caller's */
int drain_start(struct drain *drain); /* the caller is pinned until drain_close() */

/* From now on what comes counts. */
void drain_reset(struct drain *drain);
/* Until so many bytes have come. -ENOBUFS: they did not, then the price is not that of a delivery.
 */
int drain_await(const struct drain *drain, uint64_t bytes);

void drain_close(struct drain *drain);

#endif
