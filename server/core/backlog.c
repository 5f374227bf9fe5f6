#include "server/core/backlog.h"

#include "server/core/alloc.h"
#include "server/core/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct piece {
	struct list link;
	struct buf *buf;
	size_t at; /* the bytes before have gone */
};

static struct piece *first_of(const struct backlog *backlog)
{
	return list_entry(backlog->pieces.next, struct piece, link);
}

static void drop_first(struct backlog *backlog)
{
	struct piece *piece = first_of(backlog);
	backlog->len -= piece->buf->len - piece->at;
	list_remove(&piece->link);
	buf_unref(piece->buf);
	free(piece);
}

void backlog_init(struct backlog *backlog)
{
	backlog->len = 0;
	list_init(&backlog->pieces);
}

void backlog_finish(struct backlog *backlog)
{
	while (!list_empty(&backlog->pieces))
		drop_first(backlog);
}

int backlog_put(struct backlog *backlog, struct buf *taken, size_t at)
{
	if (!taken)
		return -ENOMEM;
	struct piece *piece = xcalloc(1, sizeof(*piece));
	piece->buf = taken;
	piece->at = at;
	list_append(&backlog->pieces, &piece->link);
	backlog->len += taken->len - at;
	return 0;
}

size_t backlog_iovs(const struct backlog *backlog, struct iovec *out, size_t max)
{
	size_t count = 0;
	list_for_each (link, &backlog->pieces) {
		if (count == max)
			break;
		const struct piece *piece = list_entry(link, struct piece, link);
		out[count++] =
			(struct iovec){ piece->buf->data + piece->at, piece->buf->len - piece->at };
	}
	return count;
}

size_t backlog_copy(const struct backlog *backlog, uint8_t *out, size_t size)
{
	size_t len = 0;
	list_for_each (link, &backlog->pieces) {
		if (len == size)
			break;
		const struct piece *piece = list_entry(link, struct piece, link);
		const size_t left = piece->buf->len - piece->at;
		const size_t part = left < size - len ? left : size - len;
		memcpy(out + len, piece->buf->data + piece->at, part);
		len += part;
	}
	return len;
}

void backlog_drop(struct backlog *backlog, size_t len)
{
	while (len) {
		struct piece *piece = first_of(backlog);
		const size_t left = piece->buf->len - piece->at;
		if (len < left) {
			piece->at += len;
			backlog->len -= len;
			return;
		}
		len -= left;
		drop_first(backlog);
	}
}
