/*
 * A thread that may block on files: messages run on it in order. Any thread pushes to its queue.
 * Made and ended by the control thread.
 */
#ifndef SOUK_SERVER_DISK_THREAD_H
#define SOUK_SERVER_DISK_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct clock;
struct loop;
struct mqueue;

struct disk_thread {
	pthread_t thread;
	bool started;
	struct loop *loop;
	struct mqueue *queue;
};

/* At most `cap` messages wait. */
int disk_thread_start(struct disk_thread *disk, const struct clock *clock, size_t cap)
	__attribute__((warn_unused_result));

/* Ends the thread; what was pushed before has been run. Then timers of its loop can be stopped.
 * Both are harmless for one that was not started. */
void disk_thread_stop(struct disk_thread *disk);
void disk_thread_finish(struct disk_thread *disk);

#endif
