#include "server/hls_watch.h"

#include "server/call.h"
#include "server/core/alloc.h"
#include "server/hls_home.h"
#include "server/hls_players.h"
#include "server/room_view.h"
#include "server/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_US = 1000000 };

struct hls_watch {
	struct room_view *view;
	struct hls_players players;
	struct timer tick;
};

/* To one worker: it may be the home. */
struct watch_note {
	struct message message;
	struct worker *worker;
	char room[NAME_MAX_LEN + 1];
	char names[HLS_RENDITIONS_MAX][HLS_RENDITION_NAME];
	size_t count;
	struct hls_player players[];
};

static void drop_note(struct message *message)
{
	free(list_entry(message, struct watch_note, message));
}

static void run_note(struct message *message)
{
	struct watch_note *note = list_entry(message, struct watch_note, message);
	struct room_view *view = room_view_find(note->worker, note->room);
	if (view && view->hls_home)
		hls_home_watched(view->hls_home, note->players, note->count, note->names);
	drop_note(message);
}

static void tell(const struct hls_watch *watch, const struct hls_player *players, size_t count)
{
	struct app *app = watch->view->worker->app;
	for (unsigned i = 0; i < app->worker_count; i++) {
		struct watch_note *note = xcalloc(1, sizeof(*note) + count * sizeof(*players));
		note->message.run = run_note;
		note->message.drop = drop_note;
		note->worker = app->workers[i];
		note->count = count;
		snprintf(note->room, sizeof(note->room), "%s", watch->view->snapshot->id);
		memcpy(note->names, watch->players.renditions, sizeof(note->names));
		memcpy(note->players, players, count * sizeof(*players));
		worker_note(app->workers[i], &note->message);
	}
}

static void on_tick(void *arg)
{
	struct hls_watch *watch = arg;
	const int64_t now_us = loop_now_us(watch->view->worker->loop);
	const size_t known = watch->players.by_number.count;
	struct hls_player *players = xcalloc(known + 1, sizeof(*players));
	const size_t count = hls_players_take(&watch->players, now_us, players, known);
	if (count)
		tell(watch, players, count);
	free(players);
	if (hls_players_count(&watch->players, now_us))
		timer_again(&watch->tick, TICK_US);
}

void hls_watch_see(struct room_view *view, uint64_t number, const char *rendition)
{
	struct hls_watch *watch = view->hls.watch;
	if (!watch) {
		watch = xcalloc(1, sizeof(*watch));
		watch->view = view;
		hls_players_init(&watch->players);
		timer_init_lazy(&watch->tick, view->worker->loop, on_tick, watch);
		view->hls.watch = watch;
	}
	hls_players_see(&watch->players, number, hls_players_bit(&watch->players, rendition),
			loop_now_us(view->worker->loop));
	if (!timer_active(&watch->tick))
		timer_start(&watch->tick, TICK_US);
}

void hls_watch_destroy(struct hls_watch *watch)
{
	if (!watch)
		return;
	timer_stop(&watch->tick);
	hls_players_finish(&watch->players);
	free(watch);
}
