/* Four threads push into one loop; every message must arrive once, in each sender's order. */
#include "server/core/loop.h"
#include "server/core/mqueue.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { SENDERS = 4, EACH = 50000 };

struct numbered {
	struct message message;
	struct receiver *receiver;
	int sender;
	int number;
};

struct receiver {
	struct loop *loop;
	struct mqueue *queue;
	int next[SENDERS];
	int total;
	int out_of_order;
};

struct sender {
	pthread_t thread;
	struct receiver *receiver;
	int id;
};

static void run(struct message *message)
{
	struct numbered *numbered = (struct numbered *)message;
	struct receiver *receiver = numbered->receiver;
	if (receiver->next[numbered->sender]++ != numbered->number)
		receiver->out_of_order++;
	if (++receiver->total == SENDERS * EACH)
		loop_stop(receiver->loop);
	free(numbered);
}

static void *send_all(void *arg)
{
	struct sender *sender = arg;
	for (int i = 0; i < EACH; i++) {
		struct numbered *numbered = calloc(1, sizeof(*numbered));
		numbered->message.run = run;
		numbered->receiver = sender->receiver;
		numbered->sender = sender->id;
		numbered->number = i;
		while (mqueue_push(sender->receiver->queue, &numbered->message))
			sched_yield();
	}
	return NULL;
}

int main(void)
{
	struct clock clock;
	struct receiver receiver = { 0 };
	struct sender senders[SENDERS];
	clock_init(&clock);
	if (loop_create(&receiver.loop, &clock) ||
	    mqueue_create(&receiver.queue, receiver.loop, 1024))
		return 1;
	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ .receiver = &receiver, .id = i };
		if (pthread_create(&senders[i].thread, NULL, send_all, &senders[i]))
			return 1;
	}
	loop_run(receiver.loop);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i].thread, NULL);
	mqueue_destroy(receiver.queue);
	loop_destroy(receiver.loop);
	printf("received=%d out_of_order=%d\n", receiver.total, receiver.out_of_order);
	return receiver.total == SENDERS * EACH && !receiver.out_of_order ? 0 : 1;
}
