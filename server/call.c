#include "server/call.h"

#include "server/app.h"
#include "server/worker.h"

static void finish(struct call *call)
{
	struct app *app = call->app;
	call->on_worker(call);
	atomic_fetch_sub(&app->calls, 1);
}

static void run_on_worker(struct message *message)
{
	finish(list_entry(message, struct call, message));
}

static void run_on_control(struct message *message)
{
	struct call *call = list_entry(message, struct call, message);
	call->on_control(call);
}

static void lose(struct message *message)
{
	struct call *call = list_entry(message, struct call, message);
	call->lost = true;
	finish(call);
}

int call_start(struct call *call, struct worker *worker)
{
	call->app = worker->app;
	call->worker = worker;
	call->message = (struct message){ .run = run_on_control, .drop = lose };
	atomic_fetch_add(&worker->app->calls, 1);
	const int err = mqueue_push(worker->app->control_queue, &call->message);
	if (err) {
		atomic_fetch_sub(&worker->app->calls, 1);
		metric_add(worker->app->counters.calls_refused, 1);
	}
	return err;
}

void call_return(struct call *call)
{
	call->message = (struct message){ .run = run_on_worker, .drop = lose };
	mqueue_push_always(call->worker->queue, &call->message);
}

static void run_step(struct message *message)
{
	struct call *call = list_entry(message, struct call, message);
	call->step(call);
}

void call_pass(struct call *call, struct mqueue *queue, void (*step)(struct call *call))
{
	call->step = step;
	call->message = (struct message){ .run = run_step, .drop = lose };
	mqueue_push_always(queue, &call->message);
}

void control_note(struct app *app, struct message *note)
{
	mqueue_push_always(app->control_queue, note);
}

void worker_note(struct worker *worker, struct message *note)
{
	mqueue_push_always(worker->queue, note);
}
