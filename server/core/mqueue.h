/*
 * Queue of messages into the thread of one loop: many senders, one receiver, bounded. A message is
 * an object of the sender that carries what to do with it; pushing hands over ownership.
 */
#ifndef SOUK_CORE_MQUEUE_H
#define SOUK_CORE_MQUEUE_H

#include "server/core/list.h"

#include <stddef.h>

struct loop;
struct mqueue;

struct message {
	struct list link;
	void (*run)(struct message *message); /* on the receiver's thread; owns the message */
	void (*drop)(struct message *message); /* instead of run, if the queue ends first */
};

/* At most `cap` messages wait. Receiver's thread. */
int mqueue_create(struct mqueue **out, struct loop *loop, size_t cap)
	__attribute__((warn_unused_result));

/* Any thread. 0, or -ENOBUFS at the cap: then the message still belongs to the caller. */
int mqueue_push(struct mqueue *queue, struct message *message) __attribute__((warn_unused_result));

/* For answers to a request that was itself admitted under a cap: never refused. Any thread. */
void mqueue_push_always(struct mqueue *queue, struct message *message);

/* Runs what waits now, without the loop. Receiver's thread; for the end of a program and for tests.
 */
void mqueue_run(struct mqueue *queue);

/* No sender may be left. Drops what still waits. Takes NULL. */
void mqueue_destroy(struct mqueue *queue);

#endif
