/*
 * Immutable, reference counted bytes: what is sent to many. Written by its creator until it is
 * shared, never afterwards. Any thread may ref and unref.
 */
#ifndef SOUK_CORE_BUF_H
#define SOUK_CORE_BUF_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct bytes;

struct buf {
	atomic_uint refs;
	size_t len;
	uint8_t data[];
};

/* One reference, content undefined; NULL when memory is short (the size may be a peer's choice). */
struct buf *buf_create(size_t len) __attribute__((warn_unused_result));
struct buf *buf_copy(const void *data, size_t len) __attribute__((warn_unused_result));
struct buf *buf_from_bytes(const struct bytes *bytes) __attribute__((warn_unused_result));

struct buf *buf_ref(struct buf *buf);
void buf_unref(struct buf *buf); /* takes NULL */

#endif
