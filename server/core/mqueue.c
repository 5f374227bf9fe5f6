#include "server/core/mqueue.h"

#include "server/core/alloc.h"
#include "server/core/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Messages run between two looks at the sockets; more wait for the next turn. */
enum { BATCH = 256 };

struct mqueue {
	pthread_mutex_t lock; /* guards waiting and count */
	struct list waiting; // message.link
	size_t count;
	size_t cap;
	int wake_fd;
	struct event *wake;
};

static void wake(struct mqueue *queue)
{
	eventfd_write(queue->wake_fd, 1);
}

static struct message *take(struct mqueue *queue)
{
	struct message *message = NULL;
	pthread_mutex_lock(&queue->lock);
	if (!list_empty(&queue->waiting)) {
		message = list_entry(queue->waiting.next, struct message, link);
		list_remove(&message->link);
		queue->count--;
	}
	pthread_mutex_unlock(&queue->lock);
	return message;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct mqueue *queue = arg;
	eventfd_t value;
	eventfd_read(fd, &value);
	for (int i = 0; i < BATCH; i++) {
		struct message *message = take(queue);
		if (!message)
			return;
		message->run(message);
	}
	wake(queue);
}

int mqueue_create(struct mqueue **out, struct loop *loop, size_t cap)
{
	struct mqueue *queue = xcalloc(1, sizeof(*queue));
	pthread_mutex_init(&queue->lock, NULL);
	list_init(&queue->waiting);
	queue->cap = cap;
	queue->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (queue->wake_fd < 0)
		goto fail;
	queue->wake =
		event_new(loop_base(loop), queue->wake_fd, EV_READ | EV_PERSIST, on_wake, queue);
	if (!queue->wake || event_add(queue->wake, NULL))
		goto fail;
	*out = queue;
	return 0;
fail:
	mqueue_destroy(queue);
	return -ENOMEM;
}

static int push(struct mqueue *queue, struct message *message, size_t cap)
{
	pthread_mutex_lock(&queue->lock);
	const bool fits = queue->count < cap;
	const bool first = queue->count == 0;
	if (fits) {
		list_append(&queue->waiting, &message->link);
		queue->count++;
	}
	pthread_mutex_unlock(&queue->lock);
	if (!fits)
		return -ENOBUFS;
	if (first)
		wake(queue);
	return 0;
}

int mqueue_push(struct mqueue *queue, struct message *message)
{
	return push(queue, message, queue->cap);
}

void mqueue_push_always(struct mqueue *queue, struct message *message)
{
	(void)push(queue, message, SIZE_MAX);
}

void mqueue_run(struct mqueue *queue)
{
	struct message *message;
	while ((message = take(queue)))
		message->run(message);
}

void mqueue_destroy(struct mqueue *queue)
{
	if (!queue)
		return;
	struct message *message;
	while ((message = take(queue))) {
		if (message->drop)
			message->drop(message);
		else
			free(message);
	}
	if (queue->wake)
		event_free(queue->wake);
	if (queue->wake_fd >= 0)
		close(queue->wake_fd);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}
