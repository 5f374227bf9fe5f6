#include "server/stills.h"

#include "media/broadcast.h"
#include "media/bus.h"
#include "media/transcode_still.h"
#include "server/call.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/room_view.h"
#include "server/transcoders.h"
#include "server/worker.h"

#include <errno.h>
#include <stdlib.h>

struct still_home {
	struct list link; // worker.stills, who was asked last at the end
	struct room_view *view;
	struct worker *worker;
	struct transcode_still *transcode; /* NULL: no child */
	struct list waiting; // still_ask.message.link; the first is under way
	unsigned count;
	struct timer idle;
	struct timer again; /* while others have all the children there may be */
};

enum { AGAIN_US = 100000 };

void still_ask_finish(struct still_ask *ask)
{
	buf_unref(ask->header);
	buf_unref(ask->picture);
	buf_unref(ask->jpeg);
	ask->header = ask->picture = ask->jpeg = NULL;
}

static struct still_ask *ask_of(struct message *message)
{
	return list_entry(message, struct still_ask, message);
}

static void drop_ask(struct message *message)
{
	struct still_ask *ask = ask_of(message);
	ask->drop(ask);
}

static void run_back(struct message *message)
{
	struct still_ask *ask = ask_of(message);
	ask->done(ask);
}

static void send_back(struct still_ask *ask, struct buf *jpeg)
{
	ask->jpeg = jpeg ? buf_ref(jpeg) : NULL;
	ask->message = (struct message){ .run = run_back, .drop = drop_ask };
	mqueue_push_always(ask->worker->queue, &ask->message);
}

static void end_child(struct still_home *home)
{
	timer_stop(&home->idle);
	transcode_still_destroy(home->transcode);
	home->transcode = NULL;
	list_remove(&home->link);
}

static void on_idle(void *arg)
{
	end_child(arg);
}

static struct still_ask *first(struct still_home *home)
{
	if (list_empty(&home->waiting))
		return NULL;
	return ask_of(list_entry(home->waiting.next, struct message, link));
}

static void answer_first(struct still_home *home, struct buf *jpeg)
{
	struct still_ask *ask = first(home);
	list_remove(&ask->message.link);
	home->count--;
	send_back(ask, jpeg);
}

/* The newest keyframe of the largest picture that the host sends. */
static void take_newest(const struct still_home *home, struct still_ask *ask)
{
	struct broadcast *broadcast = home->view->broadcast;
	const enum track track = (enum track)(TRACK_VIDEO + broadcast_best(broadcast));
	struct bus *bus = broadcast_bus(broadcast, track);
	struct frame *frames[BUS_FRAMES_MAX];
	const size_t count = bus_read_gop(bus, bus_head(bus), frames, BUS_FRAMES_MAX);
	if (count && frames[0]->config->header) {
		ask->header = buf_ref(frames[0]->config->header);
		ask->picture = buf_ref(frames[0]->data);
	}
	for (size_t i = 0; i < count; i++)
		frame_unref(frames[i]);
}

static void work(struct still_home *home);

static void on_made(struct buf *jpeg, void *arg)
{
	struct still_home *home = arg;
	answer_first(home, jpeg);
	work(home);
}

/* A child for this room; of those of others the one goes that has been idle longest. -EAGAIN: not
 * yet. */
static int need_child(struct still_home *home)
{
	struct worker *worker = home->worker;
	struct transcode_pool *pool = transcoders_of(worker);
	const int64_t now_us = loop_now_us(worker->loop);
	if (home->transcode)
		return 0;
	if (!pool)
		return -ENOENT;
	if (worker->still_us && now_us - worker->still_us < STILLS_START_US)
		return -EAGAIN;
	struct still_home *oldest = NULL;
	unsigned homes = 0;
	list_for_each (link, &worker->stills) {
		struct still_home *other = list_entry(link, struct still_home, link);
		if (!oldest && list_empty(&other->waiting))
			oldest = other;
		homes++;
	}
	if (homes >= STILLS_HOMES_MAX && oldest)
		end_child(oldest);
	else if (homes >= STILLS_HOMES_MAX)
		return -EAGAIN;
	const int err = transcode_still_create(&home->transcode, pool, on_made, home);
	if (err)
		return err;
	worker->still_us = now_us;
	list_append(&worker->stills, &home->link);
	return 0;
}

/* Begins with the first that waits, if there is one. */
static void work(struct still_home *home)
{
	for (struct still_ask *ask; (ask = first(home));) {
		if (!ask->picture)
			take_newest(home, ask);
		int err = ask->picture ? need_child(home) : -ENODATA;
		if (err == -EAGAIN) {
			timer_start(&home->again, AGAIN_US);
			return;
		}
		timer_stop(&home->idle);
		if (!err)
			err = transcode_still_ask(home->transcode, ask->header, ask->picture,
						  ask->side);
		if (!err)
			return;
		answer_first(home, NULL);
	}
	if (home->transcode)
		timer_start(&home->idle, STILLS_IDLE_US);
}

static void on_again(void *arg)
{
	work(arg);
}

static struct still_home *home_of(struct room_view *view)
{
	struct still_home *home = view->stills;
	if (home)
		return home;
	home = xcalloc(1, sizeof(*home));
	home->view = view;
	home->worker = view->worker;
	list_init(&home->link);
	list_init(&home->waiting);
	timer_init(&home->idle, view->worker->loop, on_idle, home);
	timer_init(&home->again, view->worker->loop, on_again, home);
	view->stills = home;
	return home;
}

static void take(struct room_view *view, struct still_ask *ask)
{
	struct still_home *home = home_of(view);
	if (home->count == STILLS_WAITING_MAX) {
		send_back(ask, NULL);
		return;
	}
	list_append(&home->waiting, &ask->message.link);
	if (home->transcode) { /* asked last */
		list_remove(&home->link);
		list_append(&home->worker->stills, &home->link);
	}
	if (home->count++ == 0)
		work(home);
}

static void visit(struct worker *worker, struct still_ask *ask);

static void run_visit(struct message *message)
{
	struct still_ask *ask = ask_of(message);
	struct app *app = ask->worker->app;
	visit(app->workers[(ask->worker->index + ask->visits) % app->worker_count], ask);
}

/* From worker to worker: each knows of itself alone whether it is the home. */
static void visit(struct worker *worker, struct still_ask *ask)
{
	const struct app *app = worker->app;
	struct room_view *view = room_view_find(worker, ask->room);
	if (view && view->is_home) {
		take(view, ask);
		return;
	}
	if (++ask->visits == app->worker_count) {
		send_back(ask, NULL);
		return;
	}
	struct worker *next = app->workers[(ask->worker->index + ask->visits) % app->worker_count];
	ask->message = (struct message){ .run = run_visit, .drop = drop_ask };
	worker_note(next, &ask->message);
}

void stills_ask(struct worker *worker, struct still_ask *ask)
{
	ask->worker = worker;
	ask->visits = 0;
	visit(worker, ask);
}

void still_home_destroy(struct still_home *home)
{
	if (!home)
		return;
	if (home->transcode)
		end_child(home);
	while (first(home))
		answer_first(home, NULL);
	timer_stop(&home->idle);
	timer_stop(&home->again);
	free(home);
}
