/*
 * What goes to the parent, from whichever thread has something: whole messages, one after the
 * other. A write waits while the parent does not read.
 */
#ifndef SOUK_MEDIA_TRANSCODER_OUTBOX_H
#define SOUK_MEDIA_TRANSCODER_OUTBOX_H

#include "media/transcoder/protocol.h"

#include <pthread.h>

struct outbox {
	int fd;
	pthread_mutex_t lock; /* guards the bytes and the writing */
	struct bytes bytes;
};

void outbox_init(struct outbox *outbox, int fd);

/* Goes with the next flush, or when the outbox is full. Any thread. */
int outbox_put(struct outbox *outbox, const struct protocol_message *message)
	__attribute__((warn_unused_result));

int outbox_flush(struct outbox *outbox) __attribute__((warn_unused_result)); /* any thread */

#endif
