#include "load-tests/micro/udp_cost.h"

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
#include <unistd.h>

enum {
	RECEIVERS = 64,
	PACKET = 1200,
	SEGMENTS_MAX = 40,
	MESSAGES = 32, /* of sendmmsg */
	DATAGRAM_MAX = 65536,
	ROOM = 1 << 20, /* asked of the kernel for each receiver */
};

static const char GROUP[] = "UDP on loopback, ns a packet of 1200 B";

enum how { SENDTO, SENDMMSG, SEGMENT };

static const struct {
	const char *name;
	enum how how;
	int segments;
} ways[] = {
	{ "sendto", SENDTO, 1 },
	{ "sendmmsg, 32 at once", SENDMMSG, 1 },
	{ "UDP_SEGMENT, 2 a run", SEGMENT, 2 },
	{ "UDP_SEGMENT, 4", SEGMENT, 4 },
	{ "UDP_SEGMENT, 8", SEGMENT, 8 },
	{ "UDP_SEGMENT, 16", SEGMENT, 16 },
	{ "UDP_SEGMENT, 40", SEGMENT, 40 },
};

enum { WAYS = sizeof(ways) / sizeof(*ways) };

struct udp_trial {
	enum how how;
	int segments;
	bool gro; /* receivers take many packets at once */
	bool receive; /* the price of receiving */
	int sender, receivers[RECEIVERS];
	struct addr to[RECEIVERS];
	uint8_t data[SEGMENTS_MAX * PACKET];
	uint8_t in[DATAGRAM_MAX];
};

static int open_socket(int *fd, struct addr *addr)
{
	const int room = ROOM;
	int err = addr_set(addr, "127.0.0.1", 0);
	*fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (err || *fd < 0 || bind(*fd, (const struct sockaddr *)&addr->ss, addr->len) ||
	    getsockname(*fd, (struct sockaddr *)&addr->ss, &addr->len))
		return err ? err : -errno;
	setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return 0;
}

static void finish(struct udp_trial *trial)
{
	if (trial->sender >= 0)
		close(trial->sender);
	for (int i = 0; i < RECEIVERS; i++)
		if (trial->receivers[i] >= 0)
			close(trial->receivers[i]);
	free(trial);
}

static int start(struct udp_trial *trial)
{
	struct addr from;
	const int on = 1;
	trial->sender = -1;
	for (int i = 0; i < RECEIVERS; i++)
		trial->receivers[i] = -1;
	int err = open_socket(&trial->sender, &from);
	for (int i = 0; i < RECEIVERS && !err; i++) {
		err = open_socket(&trial->receivers[i], &trial->to[i]);
		if (!err && trial->gro &&
		    setsockopt(trial->receivers[i], IPPROTO_UDP, UDP_GRO, &on, sizeof(on)))
			err = -errno;
	}
	return err;
}

/* ---- sending ---- */

static int send_each(struct udp_trial *trial)
{
	for (int i = 0; i < RECEIVERS; i++)
		if (sendto(trial->sender, trial->data, PACKET, 0,
			   (const struct sockaddr *)&trial->to[i].ss, trial->to[i].len) != PACKET)
			return -errno;
	return 0;
}

static int send_many(struct udp_trial *trial)
{
	struct mmsghdr messages[MESSAGES];
	struct iovec part = { trial->data, PACKET };
	for (int at = 0; at < RECEIVERS; at += MESSAGES) {
		memset(messages, 0, sizeof(messages));
		for (int i = 0; i < MESSAGES; i++)
			messages[i].msg_hdr = (struct msghdr){
				.msg_name = &trial->to[at + i].ss,
				.msg_namelen = trial->to[at + i].len,
				.msg_iov = &part,
				.msg_iovlen = 1,
			};
		if (sendmmsg(trial->sender, messages, MESSAGES, 0) != MESSAGES)
			return -errno;
	}
	return 0;
}

static int send_runs(struct udp_trial *trial)
{
	const size_t len = (size_t)trial->segments * PACKET;
	int err = 0;
	for (int i = 0; i < RECEIVERS && !err; i++)
		err = udp_run_send(trial->sender, &trial->to[i], trial->data, len, PACKET);
	return err;
}

/* ---- a turn: to everybody, and everybody takes it ---- */

/* -ENOBUFS: something was lost, then the price is not that of a delivery. */
static int drain(struct udp_trial *trial)
{
	for (int i = 0; i < RECEIVERS; i++) {
		ssize_t got = 0, len;
		while ((len = recv(trial->receivers[i], trial->in, sizeof(trial->in), 0)) > 0)
			got += len;
		if (got != (ssize_t)trial->segments * PACKET)
			return -ENOBUFS;
	}
	return 0;
}

static int send_all(struct udp_trial *trial)
{
	static int (*const sends[])(struct udp_trial *) = {
		[SENDTO] = send_each,
		[SENDMMSG] = send_many,
		[SEGMENT] = send_runs,
	};
	return sends[trial->how](trial);
}

static int run(void *arg, uint64_t operations, struct stopwatch *watch)
{
	struct udp_trial *trial = arg;
	const uint64_t turn = (uint64_t)RECEIVERS * (uint64_t)trial->segments;
	int err = 0;
	for (uint64_t done = 0; done < operations && !err; done += turn) {
		if (!trial->receive)
			stopwatch_start(watch);
		err = send_all(trial);
		if (trial->receive)
			stopwatch_start(watch);
		else
			stopwatch_stop(watch);
		if (!err)
			err = drain(trial);
		if (trial->receive)
			stopwatch_stop(watch);
	}
	return err;
}

static void measure(struct meter *meter, int way, bool gro, bool receive)
{
	static const char *const columns[2][2] = { { "send", "receive" },
						   { "send, GRO", "recv, GRO" } };
	struct udp_trial *state = xcalloc(1, sizeof(*state));
	state->how = ways[way].how;
	state->segments = ways[way].segments;
	state->gro = gro;
	state->receive = receive;
	const int err = start(state);
	const struct trial trial = {
		.group = GROUP,
		.name = ways[way].name,
		.column = columns[gro][receive],
		.step = (uint64_t)RECEIVERS * (uint64_t)state->segments,
		.run = run,
		.arg = state,
	};
	if (err)
		meter_skip(meter, GROUP, ways[way].name, strerror(-err));
	else
		meter_measure(meter, &trial);
	finish(state);
}

void udp_cost(struct meter *meter)
{
	for (int way = 0; way < WAYS; way++)
		for (int gro = 0; gro < 2; gro++) {
			measure(meter, way, gro, false);
			measure(meter, way, gro, true);
		}
}
