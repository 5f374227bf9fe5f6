/*
 * A call from a worker to the control thread and its answer back to the same worker: the only way
 * in which a worker changes anything that is shared. The caller embeds a struct call in its
 * request.
 */
#ifndef SOUK_SERVER_CALL_H
#define SOUK_SERVER_CALL_H

#include "server/core/mqueue.h"

#include <stdbool.h>

struct app;
struct worker;

struct call {
	struct message message;
	void (*step)(struct call *call); /* of call_pass() */
	struct app *app;
	struct worker *worker;
	/* On control: does the work; call_return() exactly once, now or later, on the control
	 * thread or where call_pass() led. */
	void (*on_control)(struct call *call);
	/* Back on the worker: owns the call and frees what it is part of. Also runs when the queues
	 * are torn down with the call inside, and then sees call->lost. */
	void (*on_worker)(struct call *call);
	bool lost;
};

/* Worker's thread. -ENOBUFS when control has too much to do: the caller answers 503 `overloaded`.
 */
int call_start(struct call *call, struct worker *worker) __attribute__((warn_unused_result));

/* The thread that has the call. */
void call_return(struct call *call);
/* On to the thread of another queue, which goes on with `step` and then has the call. */
void call_pass(struct call *call, struct mqueue *queue, void (*step)(struct call *call));

/*
 * A note in one direction that wants no answer: run on the other thread, then freed with free().
 * Larger things it owns are freed by `run`; `drop` stands in for it at the end of the process.
 */
void control_note(struct app *app, struct message *note);
void worker_note(struct worker *worker, struct message *note);

#endif
