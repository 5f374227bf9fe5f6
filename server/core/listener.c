#include "server/core/listener.h"

#include "server/core/addr.h"
#include "server/core/alloc.h"
#include "server/core/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* At most this many sockets in one turn of the loop, so that a flood of connections leaves time for
 * those already inside. */
enum { ACCEPTS_A_TURN = 32, BACKLOG = 1024, REST_US = 100 * 1000 };

struct listener {
	struct loop *loop;
	int fd;
	struct event readable;
	struct timer rest;
	struct addr addr;
	listener_accept_fn on_accept;
	listener_accept_fn on_full;
	int full_from; /* the kernel gives the lowest free number, which tells how many are taken */
	void *arg;
};

/* Errors of the new connection that Linux passes on through accept() (accept(2)). */
static bool concerns_one(int error)
{
	return error == ECONNABORTED || error == EINTR || error == EPROTO || error == ENETDOWN ||
	       error == EHOSTUNREACH || error == ENETUNREACH || error == EHOSTDOWN;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct listener *listener = arg;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct addr peer = { .len = sizeof(peer.ss) };
		const int accepted = accept4(fd, (struct sockaddr *)&peer.ss, &peer.len,
					     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (accepted < 0 && concerns_one(errno))
			continue;
		if (accepted < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK) {
				event_del(&listener->readable);
				timer_start(&listener->rest, REST_US);
			}
			return;
		}
		const int on = 1;
		setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (accepted >= listener->full_from)
			listener->on_full(accepted, &peer, listener->arg);
		else
			listener->on_accept(accepted, &peer, listener->arg);
	}
}

static void on_rested(void *arg)
{
	struct listener *listener = arg;
	event_add(&listener->readable, NULL);
}

static int open_socket(struct listener *listener, const struct addr *addr, bool share_port)
{
	const int on = 1;
	listener->fd = socket(addr->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		return -errno;
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (share_port && setsockopt(listener->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)))
		return -errno;
	listener->addr.len = sizeof(listener->addr.ss);
	if (bind(listener->fd, (const struct sockaddr *)&addr->ss, addr->len) ||
	    listen(listener->fd, BACKLOG) ||
	    getsockname(listener->fd, (struct sockaddr *)&listener->addr.ss, &listener->addr.len))
		return -errno;
	return 0;
}

int listener_create(struct listener **out, struct loop *loop, const struct addr *addr,
		    bool share_port, listener_accept_fn on_accept, void *arg)
{
	struct listener *listener = xcalloc(1, sizeof(*listener));
	listener->loop = loop;
	listener->on_accept = on_accept;
	listener->full_from = INT_MAX;
	listener->arg = arg;
	timer_init(&listener->rest, loop, on_rested, listener);
	int err = open_socket(listener, addr, share_port);
	event_assign(&listener->readable, loop_base(loop), listener->fd, EV_READ | EV_PERSIST,
		     on_readable, listener);
	if (!err && event_add(&listener->readable, NULL))
		err = -ENOMEM;
	if (err) {
		listener_destroy(listener);
		return err;
	}
	*out = listener;
	return 0;
}

void listener_set_spare(struct listener *listener, int spare, listener_accept_fn on_full)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > INT_MAX)
		return;
	const int most = (int)limit.rlim_cur;
	listener->full_from = most - (spare < most / 4 ? spare : most / 4);
	listener->on_full = on_full;
}

const struct addr *listener_addr(const struct listener *listener)
{
	return &listener->addr;
}

void listener_destroy(struct listener *listener)
{
	if (!listener)
		return;
	timer_stop(&listener->rest);
	event_del(&listener->readable);
	if (listener->fd >= 0)
		close(listener->fd);
	free(listener);
}
