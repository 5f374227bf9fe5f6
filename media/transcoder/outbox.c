#include "media/transcoder/outbox.h"

#include <errno.h>
#include <unistd.h>

void outbox_init(struct outbox *outbox, int fd)
{
	outbox->fd = fd;
	pthread_mutex_init(&outbox->lock, NULL);
	bytes_init(&outbox->bytes, PROTOCOL_MESSAGE_MAX);
}

static int flush(struct outbox *outbox)
{
	size_t at = 0;
	while (at < outbox->bytes.len) {
		const ssize_t len =
			write(outbox->fd, outbox->bytes.data + at, outbox->bytes.len - at);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0) {
			bytes_clear(&outbox->bytes);
			return -errno;
		}
		at += (size_t)len;
	}
	bytes_clear(&outbox->bytes);
	return 0;
}

int outbox_put(struct outbox *outbox, const struct protocol_message *message)
{
	pthread_mutex_lock(&outbox->lock);
	int err = protocol_write(&outbox->bytes, message);
	if (err == -ENOBUFS) {
		err = flush(outbox);
		if (!err)
			err = protocol_write(&outbox->bytes, message);
	}
	pthread_mutex_unlock(&outbox->lock);
	return err;
}

int outbox_flush(struct outbox *outbox)
{
	pthread_mutex_lock(&outbox->lock);
	const int err = flush(outbox);
	pthread_mutex_unlock(&outbox->lock);
	return err;
}
