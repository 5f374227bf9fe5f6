#include "server/hls_home.h"

#include "server/call.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/hls_home_state.h"
#include "server/room_view.h"
#include "server/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_US = 1000000 };

/* To one worker: an image, or that there is none any more (of a rendition, or at all); and the
 * other way that somebody asks. */
struct hls_note {
	struct message message;
	struct worker *worker;
	char room[NAME_MAX_LEN + 1];
	char rendition[RENDITION_NAME_MAX]; /* empty: all */
	struct hls_image *image;
	unsigned asker;
	bool ts;
};

static void drop_note(struct message *message)
{
	struct hls_note *note = list_entry(message, struct hls_note, message);
	hls_image_unref(note->image);
	free(note);
}

static struct hls_note *note_for(struct worker *worker, const char *room, const char *rendition,
				 void (*run)(struct message *message))
{
	struct hls_note *note = xcalloc(1, sizeof(*note));
	note->message.run = run;
	note->message.drop = drop_note;
	note->worker = worker;
	snprintf(note->room, sizeof(note->room), "%s", room);
	snprintf(note->rendition, sizeof(note->rendition), "%s", rendition);
	return note;
}

static void run_show(struct message *message)
{
	struct hls_note *note = list_entry(message, struct hls_note, message);
	struct room_view *view = room_view_find(note->worker, note->room);
	if (view && note->image)
		hls_view_show(view, note->image);
	else if (view)
		hls_view_clear(view, note->rendition);
	drop_note(message);
}

static void tell_worker(struct hls_home *home, unsigned worker, const char *rendition,
			struct hls_image *image)
{
	struct worker *to = home->worker->app->workers[worker];
	struct hls_note *note = note_for(to, home->view->snapshot->id, rendition, run_show);
	note->image = image ? hls_image_ref(image) : NULL;
	worker_note(to, &note->message);
}

void hls_home_tell(struct hls_home *home, const char *rendition, struct hls_image *image)
{
	for (unsigned i = 0; i < home->worker->app->worker_count; i++)
		if (home->asked_us[i])
			tell_worker(home, i, rendition, image);
}

bool hls_home_was_asked(const struct hls_home *home, int64_t asked_us)
{
	return asked_us && loop_now_us(home->worker->loop) - asked_us < HLS_IDLE_US + HLS_ASK_US;
}

/* Workers without readers need no images. */
static bool still_asked(struct hls_home *home)
{
	bool asked = false;
	for (unsigned i = 0; i < home->worker->app->worker_count; i++) {
		if (!home->asked_us[i])
			continue;
		if (hls_home_was_asked(home, home->asked_us[i])) {
			asked = true;
			continue;
		}
		tell_worker(home, i, "", NULL);
		home->asked_us[i] = 0;
	}
	return asked;
}

/* Starts what is wanted and stops what nobody asks for, or what has become another slot's. */
static void look_after(struct hls_rendition *rendition)
{
	struct hls_home *home = rendition->home;
	int slot;
	const bool wanted = hls_home_was_asked(home, rendition->asked_us);
	const bool moved = rendition->cutter &&
			   (!hls_rendition_find_slot(rendition, &slot) || slot != rendition->slot);
	if (rendition->cutter && (!wanted || moved)) {
		hls_rendition_stop(rendition);
		hls_home_tell(home, rendition->name, NULL);
	}
	if (wanted && !rendition->cutter)
		hls_rendition_start(rendition);
	if (!wanted)
		rendition->asked_us = 0;
}

static void set_viewers(struct hls_home *home, unsigned count)
{
	home->worker->hls_viewers += count - home->view->hls_viewers;
	home->view->hls_viewers = count;
}

static void count_players(struct hls_home *home)
{
	const size_t count = hls_players_count(&home->players, loop_now_us(home->worker->loop));
	set_viewers(home, (unsigned)count);
}

void hls_home_watched(struct hls_home *home, const struct hls_player *players, size_t count,
		      const char names[HLS_RENDITIONS_MAX][HLS_RENDITION_NAME])
{
	for (size_t i = 0; i < count; i++) {
		unsigned known = 0;
		for (unsigned n = 0; n < HLS_RENDITIONS_MAX; n++)
			if (players[i].known & 1U << n)
				known |= hls_players_bit(&home->players, names[n]);
		hls_players_see(&home->players, players[i].number, known,
				loop_now_us(home->worker->loop));
	}
	count_players(home);
}

static void keep_known(struct hls_home *home)
{
	const unsigned known = hls_players_known(&home->players);
	int slot;
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++) {
		struct hls_rendition *rendition = &home->renditions[i];
		if (rendition->asked_us && hls_rendition_find_slot(rendition, &slot) &&
		    known & hls_players_bit(&home->players, rendition->name))
			rendition->asked_us = loop_now_us(home->worker->loop);
	}
}

static void on_tick(void *arg)
{
	struct hls_home *home = arg;
	const bool asked = still_asked(home);
	count_players(home);
	keep_known(home);
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++)
		if (asked)
			look_after(&home->renditions[i]);
		else
			hls_rendition_stop(&home->renditions[i]);
	if (asked)
		timer_start(&home->tick, TICK_US);
	else
		hls_events_finish(&home->events);
}

static struct hls_home *home_of(struct room_view *view)
{
	if (view->hls_home)
		return view->hls_home;
	struct hls_home *home = xcalloc(1, sizeof(*home));
	home->view = view;
	home->worker = view->worker;
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++)
		home->renditions[i].home = home;
	hls_events_init(&home->events);
	hls_players_init(&home->players);
	timer_init(&home->tick, view->worker->loop, on_tick, home);
	view->hls_home = home;
	return home;
}

void hls_home_event(struct room_view *view, struct buf *message)
{
	struct hls_home *home = view->hls_home;
	struct hls_event event;
	if (!home || !timer_active(&home->tick) || hls_events_add(&home->events, message, &event))
		return;
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++)
		hls_rendition_put_event(&home->renditions[i], &event, message);
}

/* What was said shortly before belongs to the pictures that are cached. */
static void take_recent(struct hls_home *home)
{
	const struct room_feed *feed = &home->view->feed;
	struct hls_event event;
	uint64_t newest = home->view->snapshot->seq;
	for (size_t i = 0; i < FEED_RECENT; i++)
		newest = feed->recent[i].seq > newest ? feed->recent[i].seq : newest;
	const uint64_t oldest = newest > FEED_RECENT ? newest - FEED_RECENT + 1 : 1;
	for (uint64_t seq = oldest; seq <= newest; seq++) {
		const struct feed_message *message = &feed->recent[seq % FEED_RECENT];
		if (message->text && message->seq == seq &&
		    hls_events_add(&home->events, message->text, &event))
			log_warn(&home->worker->log, "event not understood seq=%llu",
				 (unsigned long long)seq);
	}
}

/* That of the name, or one that is free; NULL: there are too many. */
static struct hls_rendition *rendition_of(struct hls_home *home, const char *name)
{
	struct hls_rendition *free_one = NULL;
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++) {
		struct hls_rendition *rendition = &home->renditions[i];
		if (!strcmp(rendition->name, name))
			return rendition;
		if (!rendition->asked_us && !rendition->cutter)
			free_one = rendition;
	}
	if (free_one) {
		if (free_one->next_msn > home->retired_msn)
			home->retired_msn = free_one->next_msn;
		*free_one = (struct hls_rendition){ .home = home };
		snprintf(free_one->name, sizeof(free_one->name), "%s", name);
	}
	return free_one;
}

/* A worker whose first reader it is lacks what the others have. */
static void show_all(struct hls_home *home)
{
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++) {
		struct hls_rendition *rendition = &home->renditions[i];
		if (!rendition->window)
			continue;
		rendition->news = hls_window_first_us(rendition->window) != 0;
		hls_rendition_publish(rendition);
	}
}

static void take_ask(struct hls_home *home, const struct hls_note *note)
{
	struct hls_rendition *rendition = rendition_of(home, note->rendition);
	const unsigned asker = note->asker;
	const int64_t now_us = loop_now_us(home->worker->loop);
	const bool known = home->asked_us[asker];
	home->asked_us[asker] = now_us;
	if (rendition)
		rendition->asked_us = now_us;
	if (rendition && note->ts)
		rendition->ts_asked_us = now_us;
	if (!timer_active(&home->tick)) {
		take_recent(home);
		on_tick(home);
		return;
	}
	if (rendition && !rendition->cutter)
		look_after(rendition);
	if (!known)
		show_all(home);
}

static void run_ask(struct message *message)
{
	struct hls_note *note = list_entry(message, struct hls_note, message);
	struct room_view *view = room_view_find(note->worker, note->room);
	if (view && view->is_home)
		take_ask(home_of(view), note);
	drop_note(message);
}

void hls_home_ask(struct app *app, const char *room, const struct hls_wish *wish, unsigned worker)
{
	for (unsigned i = 0; i < app->worker_count; i++) {
		struct hls_note *note = note_for(app->workers[i], room, wish->rendition, run_ask);
		note->asker = worker;
		note->ts = wish->ts;
		worker_note(app->workers[i], &note->message);
	}
}

void hls_home_destroy(struct hls_home *home)
{
	if (!home)
		return;
	timer_stop(&home->tick);
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++)
		hls_rendition_stop(&home->renditions[i]);
	hls_events_finish(&home->events);
	hls_players_finish(&home->players);
	set_viewers(home, 0);
	free(home);
}
