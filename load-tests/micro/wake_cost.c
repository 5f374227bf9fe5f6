#include "load-tests/micro/wake_cost.h"

#include "load-tests/micro/meter.h"
#include "server/core/alloc.h"
#include "server/core/loop.h"
#include "server/core/mqueue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

static const char GROUP[] = "messages between two threads, ns (CPU of both)";

enum { BURST_MAX = 64, CAP = 256 };

/* A thread's loop and the queue into it. */
struct side {
	struct loop *loop;
	struct mqueue *queue;
};

/* Main thread and `thread` throw a ball: a burst there, an answer back. */
struct wake_trial {
	struct clock clock;
	struct side near, far;
	pthread_t thread;
	bool running;
	unsigned burst; /* messages that go at once; the last one is answered */
	uint64_t left; /* bursts */
	struct message fillers[BURST_MAX - 1], last, answer, end;
	bool full;
};

static void send_burst(struct wake_trial *trial)
{
	for (unsigned i = 0; i + 1 < trial->burst; i++)
		trial->full |= mqueue_push(trial->far.queue, &trial->fillers[i]) != 0;
	trial->full |= mqueue_push(trial->far.queue, &trial->last) != 0;
}

static void on_filler(struct message *message)
{
	(void)message;
}

/* On the far thread. */
static void on_last(struct message *message)
{
	struct wake_trial *trial = list_entry(message, struct wake_trial, last);
	mqueue_push_always(trial->near.queue, &trial->answer);
}

static void on_answer(struct message *message)
{
	struct wake_trial *trial = list_entry(message, struct wake_trial, answer);
	if (--trial->left)
		send_burst(trial);
	else
		loop_stop(trial->near.loop);
}

/* On the far thread. */
static void on_end(struct message *message)
{
	struct wake_trial *trial = list_entry(message, struct wake_trial, end);
	loop_stop(trial->far.loop);
}

static void *serve(void *arg)
{
	struct wake_trial *trial = arg;
	loop_run(trial->far.loop);
	return NULL;
}

static int open_side(struct side *side, const struct clock *clock)
{
	const int err = loop_create(&side->loop, clock);
	return err ? err : mqueue_create(&side->queue, side->loop, CAP);
}

static int start(struct wake_trial *trial)
{
	clock_init(&trial->clock);
	for (int i = 0; i < BURST_MAX - 1; i++)
		trial->fillers[i].run = on_filler;
	trial->last.run = on_last;
	trial->answer.run = on_answer;
	trial->end.run = on_end;
	int err = open_side(&trial->near, &trial->clock);
	if (!err)
		err = open_side(&trial->far, &trial->clock);
	if (!err)
		err = -pthread_create(&trial->thread, NULL, serve, trial);
	trial->running = !err;
	return err;
}

static void finish(struct wake_trial *trial)
{
	if (trial->running) {
		mqueue_push_always(trial->far.queue, &trial->end);
		pthread_join(trial->thread, NULL);
	}
	mqueue_destroy(trial->near.queue);
	mqueue_destroy(trial->far.queue);
	loop_destroy(trial->near.loop);
	loop_destroy(trial->far.loop);
	free(trial);
}

static uint64_t step_of(unsigned burst)
{
	return burst == 1 ? 2 : burst; /* alone, the answer is a message like the other */
}

static int run(void *arg, uint64_t operations, struct stopwatch *watch)
{
	struct wake_trial *trial = arg;
	trial->left = operations / step_of(trial->burst);
	stopwatch_start(watch);
	send_burst(trial);
	loop_run(trial->near.loop);
	stopwatch_stop(watch);
	return trial->full ? -ENOBUFS : 0;
}

static void measure(struct meter *meter, const char *name, unsigned burst)
{
	struct wake_trial *state = xcalloc(1, sizeof(*state));
	state->burst = burst;
	const int err = start(state);
	const struct trial trial = {
		.group = GROUP,
		.name = name,
		.column = "",
		.all_threads = true,
		.step = step_of(burst),
		.run = run,
		.arg = state,
	};
	if (err)
		meter_skip(meter, GROUP, name, "no thread");
	else
		meter_measure(meter, &trial);
	finish(state);
}

void wake_cost(struct meter *meter)
{
	measure(meter, "one that wakes a sleeping thread", 1);
	measure(meter, "one of 64 at once", BURST_MAX);
}
