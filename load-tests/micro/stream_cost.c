#include "load-tests/micro/stream_cost.h"

#include "load-tests/micro/cores.h"
#include "load-tests/micro/drain.h"
#include "load-tests/micro/meter.h"
#include "server/core/addr.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	VIEWERS = 2000,
	VIEWERS_QUICK = 100,
	SPARE_FILES = 64,
	PICTURE = 10500, /* bytes of 2 Mbit/s at 25 a second, with sound and tags */
	PICTURE_US = 40000,
	BATCH = PICTURE * 5 / 2,
	BATCH_US = 100000,
	PIECES = 8, /* of a batch: tag heads, pictures, sound */
	BYTES_MAX = 65536,
};

static const char GROUP[] = "the same bytes to 2000 TCP sockets on loopback, ns a socket";

enum way { WAY_WRITEV, WAY_SEND, WAY_SENDFILE, WAYS };
static const char *const ways[] = { "writev", "send", "sendfile" };

static const struct {
	const char *name;
	size_t len;
	int64_t every_us;
} writes[] = {
	{ "10.5 kB every 40 ms", PICTURE, PICTURE_US },
	{ "26.3 kB every 100 ms", BATCH, BATCH_US },
};

struct stream_trial {
	enum way way;
	size_t len;
	int64_t every_us;
	int file, viewers;
	int senders[VIEWERS], receivers[VIEWERS];
	uint8_t data[BYTES_MAX];
	struct drain drain;
};

/* ---- the viewers ---- */

static int open_viewer(struct stream_trial *trial, int listener, const struct addr *at, int i)
{
	trial->receivers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (trial->receivers[i] < 0 ||
	    connect(trial->receivers[i], (const struct sockaddr *)&at->ss, at->len))
		return -errno;
	trial->senders[i] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return trial->senders[i] < 0 ? -errno : drain_add(&trial->drain, trial->receivers[i]);
}

static int open_viewers(struct stream_trial *trial)
{
	struct addr at;
	int err = addr_set(&at, "127.0.0.1", 0);
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!err && (listener < 0 || bind(listener, (const struct sockaddr *)&at.ss, at.len) ||
		     getsockname(listener, (struct sockaddr *)&at.ss, &at.len) ||
		     listen(listener, VIEWERS)))
		err = -errno;
	for (int i = 0; i < trial->viewers && !err; i++)
		err = open_viewer(trial, listener, &at, i);
	if (listener >= 0)
		close(listener);
	return err;
}

static int open_file(struct stream_trial *trial)
{
	trial->file = memfd_create("batch", MFD_CLOEXEC);
	if (trial->file < 0 || write(trial->file, trial->data, trial->len) != (ssize_t)trial->len)
		return -EIO;
	return 0;
}

static int start(struct stream_trial *trial)
{
	trial->file = -1;
	for (int i = 0; i < VIEWERS; i++)
		trial->senders[i] = trial->receivers[i] = -1;
	cores_allow_files(2 * VIEWERS + SPARE_FILES);
	int err = drain_open(&trial->drain);
	if (!err)
		err = open_viewers(trial);
	if (!err)
		err = open_file(trial);
	return err ? err : drain_start(&trial->drain);
}

static void close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void finish(struct stream_trial *trial)
{
	drain_close(&trial->drain);
	for (int i = 0; i < VIEWERS; i++) {
		close_if(trial->senders[i]);
		close_if(trial->receivers[i]);
	}
	close_if(trial->file);
	free(trial);
}

/* ---- the writes ---- */

static ssize_t write_one(const struct stream_trial *trial, int socket)
{
	struct iovec pieces[PIECES];
	off_t at = 0;
	switch (trial->way) {
	case WAY_SEND:
		return send(socket, trial->data, trial->len, MSG_NOSIGNAL);
	case WAY_SENDFILE:
		return sendfile(socket, trial->file, &at, trial->len);
	default:
		break;
	}
	for (size_t i = 0; i < PIECES; i++) {
		const size_t begin = trial->len * i / PIECES;
		pieces[i].iov_base = (void *)&trial->data[begin];
		pieces[i].iov_len = trial->len * (i + 1) / PIECES - begin;
	}
	const struct msghdr message = { .msg_iov = pieces, .msg_iovlen = PIECES };
	return sendmsg(socket, &message, MSG_NOSIGNAL);
}

static int write_all(const struct stream_trial *trial)
{
	for (int i = 0; i < trial->viewers; i++)
		if (write_one(trial, trial->senders[i]) != (ssize_t)trial->len)
			return -ENOBUFS;
	return 0;
}

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* At the pace of a show: in between the processor's caches are for others, or it sleeps. */
static int run(void *arg, uint64_t operations, struct stopwatch *watch)
{
	struct stream_trial *trial = arg;
	int err = 0;
	for (uint64_t done = 0; done < operations && !err; done += (uint64_t)trial->viewers) {
		const int64_t due_us = now_us() + trial->every_us;
		drain_reset(&trial->drain);
		stopwatch_start(watch);
		err = write_all(trial);
		stopwatch_stop(watch);
		if (!err)
			err = drain_await(&trial->drain, (uint64_t)trial->viewers * trial->len);
		const int64_t left_us = due_us - now_us();
		if (left_us > 0)
			usleep((useconds_t)left_us);
	}
	return err;
}

static void measure(struct meter *meter, int write, enum way way)
{
	struct stream_trial *state = xcalloc(1, sizeof(*state));
	state->way = way;
	state->len = writes[write].len;
	state->every_us = writes[write].every_us;
	state->viewers = meter_quick(meter) ? VIEWERS_QUICK : VIEWERS;
	const int err = start(state);
	const struct trial trial = {
		.group = GROUP,
		.name = writes[write].name,
		.column = ways[way],
		.step = (uint64_t)state->viewers,
		.run = run,
		.arg = state,
	};
	if (err)
		meter_skip(meter, GROUP, writes[write].name, strerror(-err));
	else
		meter_measure(meter, &trial);
	finish(state);
}

void stream_cost(struct meter *meter)
{
	const int writes_max = meter_quick(meter) ? 1 : (int)(sizeof(writes) / sizeof(*writes));
	for (int write = 0; write < writes_max; write++)
		for (int way = 0; way < WAYS; way++)
			measure(meter, write, (enum way)way);
}
