#include "load-tests/micro/burst_cost.h"

#include "load-tests/micro/cores.h"
#include "load-tests/micro/drain.h"
#include "load-tests/micro/meter.h"
#include "load-tests/micro/udp_run.h"
#include "server/core/addr.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
	VIEWERS_MAX = 1000,
	PACKET = 1200,
	RUN_MAX = 40, /* packets of one call: below 64 KiB */
	SPARE_FILES = 64,
	ROOM = 1 << 20, /* asked of the kernel for each receiver */
	PICTURE_NS = 33333333,
};

#define BURSTS "a picture to 1000 sockets on loopback, ns a socket"
#define RHYTHM "a picture of 8 packets every 33 ms, sleep between, ns a socket"

static const struct burst {
	const char *group, *name;
	int viewers;
	unsigned packets;
	bool paced;
} bursts[] = {
	{ BURSTS, "9 packets", VIEWERS_MAX, 9, false },
	{ BURSTS, "20", VIEWERS_MAX, 20, false },
	{ BURSTS, "30", VIEWERS_MAX, 30, false },
	{ BURSTS, "56, two runs", VIEWERS_MAX, 56, false },
	{ RHYTHM, "50 sockets", 50, 8, true },
	{ RHYTHM, "100", 100, 8, true },
	{ RHYTHM, "300", 300, 8, true },
	{ RHYTHM, "1000", VIEWERS_MAX, 8, true },
};

enum { BURST_COUNT = sizeof(bursts) / sizeof(*bursts) };

struct burst_trial {
	const struct burst *burst;
	int sender, timer, receivers[VIEWERS_MAX];
	struct addr to[VIEWERS_MAX];
	uint8_t data[RUN_MAX * PACKET];
	struct drain drain;
};

/* ---- the viewers ---- */

static int open_socket(int *fd, struct addr *addr)
{
	const int room = ROOM;
	const int err = addr_set(addr, "127.0.0.1", 0);
	*fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (err || *fd < 0 || bind(*fd, (const struct sockaddr *)&addr->ss, addr->len) ||
	    getsockname(*fd, (struct sockaddr *)&addr->ss, &addr->len))
		return err ? err : -errno;
	setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt(*fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	return 0;
}

static int open_viewer(struct burst_trial *trial, int i, bool gro)
{
	const int on = 1;
	const int err = open_socket(&trial->receivers[i], &trial->to[i]);
	if (err)
		return err;
	if (gro && setsockopt(trial->receivers[i], IPPROTO_UDP, UDP_GRO, &on, sizeof(on)))
		return -errno;
	return drain_add(&trial->drain, trial->receivers[i]);
}

static int start_timer(struct burst_trial *trial)
{
	const struct timespec picture = { .tv_nsec = PICTURE_NS };
	const struct itimerspec each = { .it_interval = picture, .it_value = picture };
	trial->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	return trial->timer < 0 || timerfd_settime(trial->timer, 0, &each, NULL) ? -errno : 0;
}

static int start(struct burst_trial *trial, bool gro)
{
	struct addr from;
	trial->sender = trial->timer = -1;
	for (int i = 0; i < VIEWERS_MAX; i++)
		trial->receivers[i] = -1;
	cores_allow_files(VIEWERS_MAX + SPARE_FILES);
	int err = drain_open(&trial->drain);
	if (!err)
		err = open_socket(&trial->sender, &from);
	for (int i = 0; i < trial->burst->viewers && !err; i++)
		err = open_viewer(trial, i, gro);
	if (!err && trial->burst->paced)
		err = start_timer(trial);
	return err ? err : drain_start(&trial->drain);
}

static void finish(struct burst_trial *trial)
{
	drain_close(&trial->drain);
	for (int i = 0; i < VIEWERS_MAX; i++)
		if (trial->receivers[i] >= 0)
			close(trial->receivers[i]);
	if (trial->sender >= 0)
		close(trial->sender);
	if (trial->timer >= 0)
		close(trial->timer);
	free(trial);
}

/* ---- the burst ---- */

/* Its own CPU time is part of the price: what a sleeping core costs that is woken. */
static int sleep_until_the_next(const struct burst_trial *trial)
{
	uint64_t pictures;
	return read(trial->timer, &pictures, sizeof(pictures)) == sizeof(pictures) ? 0 : -errno;
}

static int send_all(const struct burst_trial *trial)
{
	int err = trial->burst->paced ? sleep_until_the_next(trial) : 0;
	for (int i = 0; i < trial->burst->viewers && !err; i++)
		for (unsigned left = trial->burst->packets; left && !err;) {
			const unsigned run = left < RUN_MAX ? left : RUN_MAX;
			err = udp_run_send(trial->sender, &trial->to[i], trial->data,
					   (size_t)run * PACKET, PACKET);
			left -= run;
		}
	return err;
}

static int run(void *arg, uint64_t operations, struct stopwatch *watch)
{
	struct burst_trial *trial = arg;
	const uint64_t due = (uint64_t)trial->burst->viewers * trial->burst->packets * PACKET;
	int err = 0;
	for (uint64_t done = 0; done < operations && !err; done += trial->burst->viewers) {
		drain_reset(&trial->drain);
		stopwatch_start(watch);
		err = send_all(trial);
		stopwatch_stop(watch);
		if (!err)
			err = drain_await(&trial->drain, due);
	}
	return err;
}

static void measure(struct meter *meter, const struct burst *burst, bool gro)
{
	static const char *const columns[] = { "send", "send, GRO" };
	struct burst_trial *state = xcalloc(1, sizeof(*state));
	state->burst = burst;
	const int err = start(state, gro);
	const struct trial trial = {
		.group = burst->group,
		.name = burst->name,
		.column = columns[gro],
		.step = burst->viewers,
		.run = run,
		.arg = state,
	};
	if (err)
		meter_skip(meter, burst->group, burst->name, strerror(-err));
	else
		meter_measure(meter, &trial);
	finish(state);
}

void burst_cost(struct meter *meter)
{
	for (int i = 0; i < BURST_COUNT; i++) {
		const bool first = !i || bursts[i].paced != bursts[i - 1].paced;
		for (int gro = 0; gro < 2 && (first || !meter_quick(meter)); gro++)
			measure(meter, &bursts[i], gro);
	}
}
