#include "server/core/stream.h"

#include "server/core/alloc.h"
#include "server/core/backlog.h"
#include "server/core/buf.h"
#include "server/core/loop.h"
#include "server/core/page_share.h"
#include "server/core/tls.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	READ_SIZE = 32 * 1024,
	READS_A_TURN = 4, /* then other sockets get theirs */
	FLUSH_IOVS = 64,
	TLS_RECORD = 16 * 1024, /* RFC 8446 §5.1 */
	FLUSH_STALL_US = 10 * 1000 * 1000, /* a finishing peer that takes nothing */
	LINGER_US = 1000 * 1000, /* for the peer's end after ours */
};

/* What each write touches stands together in front: of thousands of streams it is in no cache. */
struct stream {
	int fd;
	int err; /* what `failing` tells; the stream is dead */
	struct tls *tls;
	struct page_share *share; /* NULL: everything is copied */
	size_t backlog_cap;
	bool over; /* the last closed() was made */
	bool finishing;
	bool shaking; /* TLS handshake not through */
	bool read_wants_write;
	bool paused;
	bool eof;
	bool shut; /* our direction is closed */
	bool destroyed;
	unsigned busy; /* callbacks on the stack */
	struct backlog backlog;
	struct loop *loop;
	const struct stream_ops *ops;
	void *arg;
	struct event readable;
	struct event writable;
	struct deferred failing; /* tells an error found inside a call of the owner */
	struct deferred more; /* reads on: TLS may hold decrypted bytes that no event tells */
	struct timer limit; /* of stream_finish() */
};

static void stream_free(struct stream *stream)
{
	backlog_finish(&stream->backlog);
	tls_destroy(stream->tls);
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream);
}

/* Callbacks are bracketed, so that an owner may destroy the stream inside. false: it is gone. */
static void enter(struct stream *stream)
{
	stream->busy++;
}

static bool leave(struct stream *stream)
{
	stream->busy--;
	if (!stream->destroyed)
		return true;
	if (!stream->busy)
		stream_free(stream);
	return false;
}

static void quiet(struct stream *stream)
{
	event_del(&stream->readable);
	event_del(&stream->writable);
	timer_stop(&stream->limit);
	deferred_cancel(&stream->failing);
	deferred_cancel(&stream->more);
}

/* No way on: tells the owner. The caller must not touch the stream afterwards. */
static void die(struct stream *stream, int err)
{
	if (stream->over)
		return;
	stream->over = true;
	stream->err = err ? err : -EPIPE;
	quiet(stream);
	enter(stream);
	stream->ops->closed(stream->arg, err);
	leave(stream);
}

static void on_failing(void *arg)
{
	struct stream *stream = arg;
	die(stream, stream->err);
}

static void on_limit(void *arg)
{
	struct stream *stream = arg;
	die(stream, stream->shut ? 0 : -ETIMEDOUT);
}

static void fail_later(struct stream *stream, int err)
{
	if (stream->over || stream->err)
		return;
	stream->err = err;
	event_del(&stream->readable);
	event_del(&stream->writable);
	deferred_cancel(&stream->more);
	loop_defer(stream->loop, &stream->failing);
}

static void want_write(struct stream *stream, bool wanted)
{
	const bool armed = event_pending(&stream->writable, EV_WRITE, NULL) != 0;
	if (wanted && !armed)
		event_add(&stream->writable, NULL);
	else if (!wanted && armed)
		event_del(&stream->writable);
}

static void want_read(struct stream *stream)
{
	const bool wanted = stream->shaking || (!stream->paused && !stream->eof);
	const bool armed = event_pending(&stream->readable, EV_READ, NULL) != 0;
	if (wanted && !armed)
		event_add(&stream->readable, NULL);
	else if (!wanted && armed)
		event_del(&stream->readable);
}

/* Bytes that the kernel took; -EAGAIN, or another error. */
static ssize_t send_iovs(int fd, struct iovec *iovs, size_t count)
{
	const struct msghdr message = { .msg_iov = iovs, .msg_iovlen = count };
	ssize_t sent;
	do
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

static ssize_t flush_plain_once(struct stream *stream)
{
	struct iovec iovs[FLUSH_IOVS];
	return send_iovs(stream->fd, iovs, backlog_iovs(&stream->backlog, iovs, FLUSH_IOVS));
}

/* Small pieces share a record: each costs 22 bytes or more and a system call. */
static ssize_t flush_tls_once(struct stream *stream)
{
	uint8_t record[TLS_RECORD];
	const size_t len = backlog_copy(&stream->backlog, record, sizeof(record));
	const long sent = tls_write(stream->tls, record, len);
	if (sent == TLS_WANT_READ || sent == TLS_WANT_WRITE)
		return -EAGAIN;
	return sent < 0 ? -EPIPE : sent;
}

/* 0 when nothing waits any more, -EAGAIN, or the connection's error. */
static int flush(struct stream *stream)
{
	while (stream->backlog.len) {
		const ssize_t sent =
			stream->tls ? flush_tls_once(stream) : flush_plain_once(stream);
		if (sent < 0)
			return (int)sent;
		backlog_drop(&stream->backlog, (size_t)sent);
		if (stream->finishing)
			timer_start(&stream->limit, FLUSH_STALL_US);
	}
	return 0;
}

/* Everything that a finishing stream had to say is in the kernel. */
static void shut(struct stream *stream)
{
	stream->shut = true;
	if (stream->tls)
		tls_shutdown(stream->tls);
	shutdown(stream->fd, SHUT_WR);
	timer_start(&stream->limit, stream->eof ? 0 : LINGER_US);
	stream->paused = false;
	want_read(stream);
}

static void advance_handshake(struct stream *stream)
{
	const int result = tls_handshake(stream->tls);
	want_write(stream, result == TLS_WANT_WRITE);
	if (result == TLS_FAILED) {
		die(stream, -EPROTO);
		return;
	}
	if (result)
		return;
	stream->shaking = false;
	want_read(stream);
	if (stream->backlog.len)
		want_write(stream, true);
	else if (stream->finishing)
		shut(stream);
}

/* Bytes read, 0 at the peer's end, -EAGAIN, or the connection's error. */
static ssize_t read_some(struct stream *stream, uint8_t *out, size_t size)
{
	if (!stream->tls) {
		const ssize_t got = recv(stream->fd, out, size, 0);
		return got < 0 ? (errno == EINTR ? -EAGAIN : -errno) : got;
	}
	const long got = tls_read(stream->tls, out, size);
	if (got == TLS_WANT_WRITE) {
		stream->read_wants_write = true;
		want_write(stream, true);
	}
	if (got == TLS_WANT_READ || got == TLS_WANT_WRITE)
		return -EAGAIN;
	return got < 0 ? -ECONNRESET : got;
}

static void on_end_of_peer(struct stream *stream)
{
	stream->eof = true;
	want_read(stream);
	if (stream->finishing) {
		if (stream->shut)
			die(stream, 0);
		return;
	}
	enter(stream);
	stream->ops->closed(stream->arg, 0);
	leave(stream);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct stream *stream = arg;
	uint8_t chunk[READ_SIZE];
	if (stream->shaking) {
		enter(stream);
		advance_handshake(stream);
		const bool dead = stream->over || stream->shaking;
		if (!leave(stream) || dead)
			return;
	}
	for (int i = 0; i < READS_A_TURN && !stream->paused && !stream->eof; i++) {
		const ssize_t got = read_some(stream, chunk, sizeof(chunk));
		if (got == -EAGAIN)
			return;
		if (got < 0) {
			die(stream, (int)got);
			return;
		}
		if (got == 0) {
			on_end_of_peer(stream);
			return;
		}
		if (stream->finishing) /* what a leaving peer still says is of no use */
			continue;
		enter(stream);
		stream->ops->data(stream->arg, chunk, (size_t)got);
		if (!leave(stream) || stream->over || stream->err)
			return;
		/* A short read emptied the socket. */
		if (!stream->tls && (size_t)got < sizeof(chunk))
			return;
	}
	if (stream->tls && !stream->paused && !stream->eof)
		loop_defer(stream->loop, &stream->more);
}

static void on_more(void *arg)
{
	struct stream *stream = arg;
	on_readable(stream->fd, EV_READ, stream);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct stream *stream = arg;
	if (stream->shaking) {
		advance_handshake(stream);
		return;
	}
	const bool had_backlog = stream->backlog.len > 0;
	const int err = flush(stream);
	if (err && err != -EAGAIN) {
		die(stream, err);
		return;
	}
	want_write(stream, err == -EAGAIN);
	if (stream->read_wants_write) {
		stream->read_wants_write = false;
		loop_defer(stream->loop, &stream->more);
	}
	if (err)
		return;
	if (stream->finishing) {
		if (!stream->shut)
			shut(stream);
	} else if (had_backlog && stream->ops->drained) {
		enter(stream);
		stream->ops->drained(stream->arg);
		leave(stream);
	}
}

int stream_create(struct stream **out, struct loop *loop, int fd, struct tls_context *tls,
		  const struct stream_ops *ops, void *arg)
{
	struct stream *stream = xcalloc(1, sizeof(*stream));
	stream->loop = loop;
	stream->fd = fd;
	stream->ops = ops;
	stream->arg = arg;
	stream->backlog_cap = STREAM_BACKLOG_CAP;
	stream->shaking = tls != NULL;
	backlog_init(&stream->backlog);
	deferred_init(&stream->failing, on_failing, stream);
	deferred_init(&stream->more, on_more, stream);
	timer_init(&stream->limit, loop, on_limit, stream);
	int err = evutil_make_socket_nonblocking(fd) ? -EBADF : 0;
	if (!err && tls)
		err = tls_create(&stream->tls, tls, fd);
	event_assign(&stream->readable, loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable,
		     stream);
	event_assign(&stream->writable, loop_base(loop), fd, EV_WRITE | EV_PERSIST, on_writable,
		     stream);
	if (!err && event_add(&stream->readable, NULL))
		err = -ENOMEM;
	if (!err && stream->tls && tls_is_client(stream->tls))
		want_write(stream, true); /* the handshake begins once the socket is connected */
	if (err) {
		stream_destroy(stream);
		return err;
	}
	*out = stream;
	return 0;
}

void stream_set_ops(struct stream *stream, const struct stream_ops *ops, void *arg)
{
	stream->ops = ops;
	stream->arg = arg;
}

void stream_set_backlog_cap(struct stream *stream, size_t cap)
{
	stream->backlog_cap = cap;
}

void stream_set_unsent_cap(struct stream *stream, int bytes)
{
	setsockopt(stream->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

void stream_share_pages(struct stream *stream, struct page_share *share)
{
	stream->share = share;
}

static int may_write(const struct stream *stream, size_t len)
{
	if (stream->over || stream->err || stream->finishing)
		return -ENOTCONN;
	const bool fits = stream->backlog.len <= stream->backlog_cap &&
			  len <= stream->backlog_cap - stream->backlog.len;
	return fits || !stream->backlog.len ? 0 : -ENOBUFS;
}

/* Tries the kernel with what was just queued behind nothing. */
static int push_queue(struct stream *stream)
{
	if (stream->shaking)
		return 0;
	const int err = flush(stream);
	if (err && err != -EAGAIN) {
		fail_later(stream, err);
		return -ENOTCONN;
	}
	want_write(stream, stream->backlog.len > 0);
	return 0;
}

/* Of the framing only what was not sent is copied. */
static int put_rest_of_bytes(struct stream *stream, const void *data, size_t len, size_t *sent)
{
	const size_t skip = *sent < len ? *sent : len;
	*sent -= skip;
	if (skip == len)
		return 0;
	return backlog_put(&stream->backlog, buf_copy((const uint8_t *)data + skip, len - skip), 0);
}

static int put_rest_of_buf(struct stream *stream, struct buf *buf, size_t *sent)
{
	const size_t skip = *sent < buf->len ? *sent : buf->len;
	*sent -= skip;
	return skip == buf->len ? 0 : backlog_put(&stream->backlog, buf_ref(buf), skip);
}

/* Queues the frame from byte `sent` on. */
static int put_rest(struct stream *stream, const struct stream_frame *frame,
		    struct buf *const *bufs, size_t count, size_t sent)
{
	int err = put_rest_of_bytes(stream, frame->head, frame->head_len, &sent);
	for (size_t i = 0; i < count && !err; i++)
		err = put_rest_of_buf(stream, bufs[i], &sent);
	if (!err)
		err = put_rest_of_bytes(stream, frame->tail, frame->tail_len, &sent);
	if (err) /* half a frame would put the peer out of step */
		fail_later(stream, err);
	return err;
}

/* Bytes that the kernel took at once, 0 if it was not even asked. */
static ssize_t send_direct(struct stream *stream, const struct stream_frame *frame,
			   struct buf *const *bufs, size_t count)
{
	struct iovec iovs[STREAM_BUFS_MAX + 2];
	size_t used = 0;
	if (stream->share && !frame->head_len && !frame->tail_len) {
		const ssize_t sent = page_share_send(stream->share, stream->fd, bufs, count);
		if (sent != -ENOSYS)
			return sent == -EAGAIN ? 0 : sent;
	}
	if (frame->head_len)
		iovs[used++] = (struct iovec){ (void *)frame->head, frame->head_len };
	for (size_t i = 0; i < count; i++)
		iovs[used++] = (struct iovec){ bufs[i]->data, bufs[i]->len };
	if (frame->tail_len)
		iovs[used++] = (struct iovec){ (void *)frame->tail, frame->tail_len };
	const ssize_t sent = send_iovs(stream->fd, iovs, used);
	return sent == -EAGAIN ? 0 : sent;
}

int stream_write_framed(struct stream *stream, const struct stream_frame *frame,
			struct buf *const *bufs, size_t count)
{
	assert(count <= STREAM_BUFS_MAX);
	size_t len = frame->head_len + frame->tail_len;
	for (size_t i = 0; i < count; i++)
		len += bufs[i]->len;
	const int err = may_write(stream, len);
	if (err || !len)
		return err;
	if (stream->backlog.len || stream->tls) {
		const bool waits = stream->backlog.len > 0;
		if (put_rest(stream, frame, bufs, count, 0))
			return -ENOTCONN;
		return waits ? 0 : push_queue(stream);
	}
	const ssize_t sent = send_direct(stream, frame, bufs, count);
	if (sent < 0) {
		fail_later(stream, (int)sent);
		return -ENOTCONN;
	}
	if ((size_t)sent == len)
		return 0;
	if (put_rest(stream, frame, bufs, count, (size_t)sent))
		return -ENOTCONN;
	want_write(stream, true);
	return 0;
}

int stream_write(struct stream *stream, const void *data, size_t len)
{
	const struct stream_frame frame = { .head = data, .head_len = len };
	return stream_write_framed(stream, &frame, NULL, 0);
}

int stream_write_bufs(struct stream *stream, struct buf *const *bufs, size_t count)
{
	const struct stream_frame frame = { 0 };
	return stream_write_framed(stream, &frame, bufs, count);
}

size_t stream_backlog(const struct stream *stream)
{
	return stream->backlog.len;
}

void stream_pause(struct stream *stream)
{
	stream->paused = true;
	want_read(stream);
}

void stream_resume(struct stream *stream)
{
	if (!stream->paused || stream->over || stream->err)
		return;
	stream->paused = false;
	want_read(stream);
	if (stream->tls && !stream->shaking && !stream->eof)
		loop_defer(stream->loop, &stream->more);
}

void stream_finish(struct stream *stream)
{
	if (stream->finishing || stream->over || stream->err)
		return;
	stream->finishing = true;
	if (stream->backlog.len || stream->shaking)
		timer_start(&stream->limit, FLUSH_STALL_US);
	else
		shut(stream);
}

void stream_destroy(struct stream *stream)
{
	if (!stream || stream->destroyed)
		return;
	stream->destroyed = true;
	stream->over = true;
	quiet(stream);
	if (stream->tls && !stream->shut && !stream->shaking && !stream->err)
		tls_shutdown(stream->tls);
	if (!stream->busy)
		stream_free(stream);
}
