#include "load-tests/micro/drain.h"

#include "load-tests/micro/cores.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	EVENTS = 256,
	READ_MAX = 65536,
	WAIT_US = 200, /* between two looks whether all is there, */
	WAITS_MAX = 10000, /* and how many */
};

static void *read_all(void *arg)
{
	struct drain *drain = arg;
	struct epoll_event events[EVENTS];
	uint8_t *in = xcalloc(1, READ_MAX);
	cores_pin(&drain->cores, true);
	while (!atomic_load(&drain->over)) {
		const int count = epoll_wait(drain->epoll, events, EVENTS, 1);
		for (int i = 0; i < count; i++) {
			ssize_t len;
			while ((len = recv(events[i].data.fd, in, READ_MAX, MSG_DONTWAIT)) > 0)
				atomic_fetch_add(&drain->received, (uint64_t)len);
		}
	}
	free(in);
	return NULL;
}

int drain_open(struct drain *drain)
{
	*drain = (struct drain){ .epoll = epoll_create1(EPOLL_CLOEXEC) };
	(void)sched_getaffinity(0, sizeof(drain->cores), &drain->cores);
	return drain->epoll < 0 ? -errno : 0;
}

int drain_add(struct drain *drain, int socket)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = socket };
	return epoll_ctl(drain->epoll, EPOLL_CTL_ADD, socket, &event) ? -errno : 0;
}

int drain_start(struct drain *drain)
{
	const int err = -pthread_create(&drain->reader, NULL, read_all, drain);
	drain->reading = !err;
	cores_pin(&drain->cores, false);
	return err;
}

void drain_reset(struct drain *drain)
{
	atomic_store(&drain->received, 0);
}

int drain_await(const struct drain *drain, uint64_t bytes)
{
	for (int i = 0; i < WAITS_MAX; i++) {
		if (atomic_load(&drain->received) == bytes)
			return 0;
		usleep(WAIT_US);
	}
	return -ENOBUFS;
}

void drain_close(struct drain *drain)
{
	atomic_store(&drain->over, true);
	if (drain->reading)
		pthread_join(drain->reader, NULL);
	(void)sched_setaffinity(0, sizeof(drain->cores), &drain->cores);
	if (drain->epoll >= 0)
		close(drain->epoll);
}
