#include "server/core/listener.h"

#include "server/core/addr.h"
#include "server/core/loop.h"
#include "tests/support/fake_clock.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 4 };

struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct addr any; /* port 0 on loopback */
	struct addr peer;
	int accepted[CLIENTS];
	int count;
};

static struct fixture f;

static void on_accept(int fd, const struct addr *peer, void *arg)
{
	(void)arg;
	f.peer = *peer;
	f.accepted[f.count++] = fd;
}

static void setup(void)
{
	f = (struct fixture){ 0 };
	fake_clock_init(&f.fake);
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	cr_assert(eq(int, addr_set(&f.any, "127.0.0.1", 0), 0));
}

static void teardown(void)
{
	for (int i = 0; i < f.count; i++)
		close(f.accepted[i]);
	loop_destroy(f.loop);
}

TestSuite(listener, .init = setup, .fini = teardown);

static int dial(const struct addr *addr)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(eq(int, connect(fd, (const struct sockaddr *)&addr->ss, addr->len), 0));
	return fd;
}

static void turn(int wanted)
{
	for (int i = 0; i < 1000 && f.count < wanted; i++) {
		loop_poll(f.loop);
		poll(NULL, 0, f.count < wanted ? 1 : 0);
	}
}

Test(listener, port_0_takes_a_free_one_and_accepts)
{
	struct listener *listener;
	cr_assert(eq(int, listener_create(&listener, f.loop, &f.any, false, on_accept, NULL), 0));
	cr_assert(ne(int, addr_port(listener_addr(listener)), 0));
	const int client = dial(listener_addr(listener));
	turn(1);
	cr_assert(eq(int, f.count, 1));
	char ip[ADDR_TEXT];
	addr_format_ip(&f.peer, ip);
	cr_assert(eq(str, ip, "127.0.0.1"));
	int nodelay = 0;
	socklen_t len = sizeof(nodelay);
	getsockopt(f.accepted[0], IPPROTO_TCP, TCP_NODELAY, &nodelay, &len);
	cr_assert(nodelay != 0);
	cr_assert(ne(int, fcntl(f.accepted[0], F_GETFL) & O_NONBLOCK, 0));
	cr_assert(ne(int, fcntl(f.accepted[0], F_GETFD) & FD_CLOEXEC, 0));
	close(client);
	listener_destroy(listener);
}

Test(listener, workers_share_a_port_only_when_asked)
{
	struct listener *one;
	struct listener *two;
	cr_assert(eq(int, listener_create(&one, f.loop, &f.any, true, on_accept, NULL), 0));
	const struct addr bound = *listener_addr(one);
	cr_assert(eq(int, listener_create(&two, f.loop, &bound, true, on_accept, NULL), 0));
	struct listener *three;
	cr_assert(eq(int, listener_create(&three, f.loop, &bound, false, on_accept, NULL),
		     -EADDRINUSE));
	listener_destroy(one);
	listener_destroy(two);
}

static int turned_away;

static void on_full(int fd, const struct addr *peer, void *arg)
{
	(void)peer;
	(void)arg;
	turned_away++;
	close(fd);
}

Test(listener, the_last_descriptors_are_for_others)
{
	enum { MOST = 60, SPARE = 8 };
	struct listener *listener;
	int held[MOST], count = 0;
	cr_assert(eq(int, listener_create(&listener, f.loop, &f.any, false, on_accept, NULL), 0));
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ MOST, MOST });
	listener_set_spare(listener, SPARE, on_full);
	const int client = dial(listener_addr(listener));
	do
		held[count] = dup(client);
	while (held[count++] < MOST - SPARE - 1);
	for (int i = 0; i < 1000 && !turned_away; i++) {
		loop_poll(f.loop);
		poll(NULL, 0, 1);
	}
	cr_assert(eq(int, turned_away, 1));
	cr_assert(eq(int, f.count, 0));
	while (count)
		close(held[--count]);
	const int other = dial(listener_addr(listener));
	turn(1);
	cr_assert(eq(int, f.count, 1));
	cr_assert(eq(int, turned_away, 1));
	close(client);
	close(other);
	listener_destroy(listener);
}

Test(listener, rests_when_out_of_descriptors)
{
	struct listener *listener;
	cr_assert(eq(int, listener_create(&listener, f.loop, &f.any, false, on_accept, NULL), 0));
	const int client = dial(listener_addr(listener));
	struct rlimit before;
	getrlimit(RLIMIT_NOFILE, &before);
	const struct rlimit none = { .rlim_cur = (rlim_t)client + 1, .rlim_max = before.rlim_max };
	const int last = dup(client); /* the lowest free number is the next one to be refused */
	close(last);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)last, none.rlim_max });
	for (int i = 0; i < 20; i++)
		loop_poll(f.loop);
	cr_assert(eq(int, f.count, 0));
	setrlimit(RLIMIT_NOFILE, &before);
	for (int i = 0; i < 20; i++)
		loop_poll(f.loop);
	cr_assert(eq(int, f.count, 0)); /* still resting */
	fake_clock_advance(&f.fake, f.loop, 110 * 1000);
	turn(1);
	cr_assert(eq(int, f.count, 1));
	close(client);
	listener_destroy(listener);
}
