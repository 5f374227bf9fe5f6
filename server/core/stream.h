/*
 * One TCP connection, plain or TLS. Writes go straight to the kernel; only what it did not take is
 * kept, as references where the caller shares its bytes. The write event is armed only while
 * something waits. Owner thread: the loop's. Idle timeouts are the owner's.
 */
#ifndef SOUK_CORE_STREAM_H
#define SOUK_CORE_STREAM_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct loop;
struct page_share;
struct stream;
struct tls_context;

enum {
	STREAM_BACKLOG_CAP = 1024 * 1024, /* default of stream_set_backlog_cap() */
	STREAM_BUFS_MAX = 1000, /* buffers in one call; the kernel's IOV_MAX is 1024 */
};

/* All callbacks come from the loop, never from inside a call of the owner; each may call any
 * function here, stream_destroy() included. `drained` may be NULL. */
struct stream_ops {
	void (*data)(void *arg, const uint8_t *data, size_t len);
	/* The backlog went to 0. */
	void (*drained)(void *arg);
	/*
	 * 0: the peer has sent its last byte (or stream_finish() is through); writing is still
	 * possible until stream_destroy(). Negative errno: the connection is dead. Comes once; an
	 * owner that goes on writing after 0 may hear one more call with the error. TLS handshake
	 * failures come as -EPROTO.
	 */
	void (*closed)(void *arg, int err);
};

/* Takes over `fd` (also when it fails) and makes it non-blocking; it may still be connecting. `tls`
 * NULL: plain; the stream keeps its own reference. `ops` must outlive the stream. */
int stream_create(struct stream **out, struct loop *loop, int fd, struct tls_context *tls,
		  const struct stream_ops *ops, void *arg) __attribute__((warn_unused_result));

/* Hands the stream to another owner, as after an upgrade. */
void stream_set_ops(struct stream *stream, const struct stream_ops *ops, void *arg);

/* Bytes that may wait before writes are refused. */
void stream_set_backlog_cap(struct stream *stream, size_t cap);

/* At most about this much waits unsent in the kernel (TCP_NOTSENT_LOWAT), so that a live stream's
 * delay stands in our backlog, where it can be seen and skipped. */
void stream_set_unsent_cap(struct stream *stream, int bytes);

/* Buffers that are written to many such streams are not copied for each, where that is possible:
 * plain TCP, no framing. `share` is the loop's and outlives the stream. */
void stream_share_pages(struct stream *stream, struct page_share *share);

/*
 * Both write at once and keep what did not go. 0; -ENOBUFS when something waits already and the
 * backlog would pass its cap (nothing of this call was taken; an empty backlog takes one call of
 * any size); -ENOTCONN on a dead or finished stream.
 */
int stream_write(struct stream *stream, const void *data, size_t len);
int stream_write_bufs(struct stream *stream, struct buf *const *bufs, size_t count);

/* Buffers with a few bytes of framing around them (copied only if they have to wait). */
struct stream_frame {
	const void *head;
	size_t head_len;
	const void *tail;
	size_t tail_len;
};
int stream_write_framed(struct stream *stream, const struct stream_frame *frame,
			struct buf *const *bufs, size_t count);

size_t stream_backlog(const struct stream *stream);

/* No data callbacks until resumed. While paused the end of the peer goes unnoticed, too. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* Flush, shut down our direction, wait a bounded time for the peer's end, then closed(0) or
 * closed(error). No data callbacks any more. */
void stream_finish(struct stream *stream);

/* Closes at once; no callback follows. Safe inside a callback of the stream. Takes NULL. */
void stream_destroy(struct stream *stream);

#endif
