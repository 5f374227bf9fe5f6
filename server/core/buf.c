#include "server/core/buf.h"

#include "server/core/bytes.h"

#include <stdlib.h>
#include <string.h>

struct buf *buf_create(size_t len)
{
	struct buf *buf = malloc(sizeof(*buf) + len);
	if (!buf)
		return NULL;
	atomic_init(&buf->refs, 1);
	buf->len = len;
	return buf;
}

struct buf *buf_copy(const void *data, size_t len)
{
	struct buf *buf = buf_create(len);
	if (buf && len)
		memcpy(buf->data, data, len);
	return buf;
}

struct buf *buf_from_bytes(const struct bytes *bytes)
{
	return buf_copy(bytes->data, bytes->len);
}

struct buf *buf_ref(struct buf *buf)
{
	atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);
	return buf;
}

void buf_unref(struct buf *buf)
{
	if (buf && atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel) == 1)
		free(buf);
}
