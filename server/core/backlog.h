/*
 * Bytes that a socket has not taken yet, in order: references to buffers that others may share, and
 * how much of the first has gone. Whoever fills it keeps it bounded. Embedded; one owner, one
 * thread.
 */
#ifndef SOUK_CORE_BACKLOG_H
#define SOUK_CORE_BACKLOG_H

#include "server/core/list.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct buf;

struct backlog {
	size_t len; /* bytes */
	struct list pieces; // piece.link
};

void backlog_init(struct backlog *backlog);
void backlog_finish(struct backlog *backlog); /* what waits is dropped */

/* Appends a buffer from byte `at` on. Takes over the reference. -ENOMEM when `taken` is NULL, as
 * buf_copy() gives it. */
int backlog_put(struct backlog *backlog, struct buf *taken, size_t at)
	__attribute__((warn_unused_result));

/* The front of it where it lies, at most `max` pieces; returns their number. */
size_t backlog_iovs(const struct backlog *backlog, struct iovec *out, size_t max);

/* The front of it as one run, at most `size` bytes; returns their number. */
size_t backlog_copy(const struct backlog *backlog, uint8_t *out, size_t size);

/* The first `len` bytes have gone, at most all. */
void backlog_drop(struct backlog *backlog, size_t len);

#endif
