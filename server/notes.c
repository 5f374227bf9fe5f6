#include "server/notes.h"

#include "commerce/snapshot.h"
#include "media/broadcast.h"
#include "server/app.h"
#include "server/call.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/flv.h"
#include "server/live.h"
#include "server/publishers.h"
#include "server/relay_home.h"
#include "server/room_view.h"
#include "server/rtc_clock.h"
#include "server/show.h"
#include "server/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct note {
	struct message message;
	struct worker *worker;
	char room[NAME_MAX_LEN + 1];
	enum live_name_kind kind;
	char name[NAME_MAX_LEN + 1];
	uint64_t number; /* seq, publisher or slot */
	struct room_snapshot *snapshot;
	struct broadcast *broadcast;
	struct buf *text;
	struct relay_list *relays;
};

static void drop(struct message *message)
{
	struct note *note = list_entry(message, struct note, message);
	room_snapshot_unref(note->snapshot);
	broadcast_unref(note->broadcast);
	buf_unref(note->text);
	free(note->relays);
	free(note);
}

static struct note *note_for(struct worker *worker, const char *room,
			     void (*run)(struct message *message))
{
	struct note *note = xcalloc(1, sizeof(*note));
	note->message.run = run;
	note->message.drop = drop;
	note->worker = worker;
	snprintf(note->room, sizeof(note->room), "%s", room);
	return note;
}

static void run_room(struct message *message)
{
	struct note *note = list_entry(message, struct note, message);
	room_view_update(note->worker, note->room, note->snapshot, note->broadcast);
	free(note);
}

void notes_room(struct app *app, const char *room, struct room_snapshot *snapshot,
		struct broadcast *broadcast)
{
	for (unsigned i = 0; i < app->worker_count; i++) {
		struct note *note = note_for(app->workers[i], room, run_room);
		note->snapshot = snapshot ? room_snapshot_ref(snapshot) : NULL;
		note->broadcast = broadcast ? broadcast_ref(broadcast) : NULL;
		worker_note(app->workers[i], &note->message);
	}
}

static void run_message(struct message *message)
{
	struct note *note = list_entry(message, struct note, message);
	struct room_view *view = room_view_find(note->worker, note->room);
	if (view)
		room_view_message(view, note->number, note->text);
	drop(message);
}

void notes_message(struct app *app, const char *room, uint64_t seq, struct buf *message)
{
	for (unsigned i = 0; i < app->worker_count; i++) {
		struct note *note = note_for(app->workers[i], room, run_message);
		note->number = seq;
		note->text = buf_ref(message);
		worker_note(app->workers[i], &note->message);
	}
}

static void run_private(struct message *message)
{
	struct note *note = list_entry(message, struct note, message);
	const struct room_view *view = room_view_find(note->worker, note->room);
	struct list *all = view ? live_names_find(&view->names, note->kind, note->name) : NULL;
	if (all) {
		list_for_each_safe (link, all)
			live_send(list_entry(link, struct live_name, link)->owner,
				  (const char *)note->text->data, note->text->len);
	}
	drop(message);
}

void notes_private(struct app *app, const char *room, enum live_name_kind kind, const char *name,
		   struct buf *message)
{
	for (unsigned i = 0; i < app->worker_count; i++) {
		struct note *note = note_for(app->workers[i], room, run_private);
		note->kind = kind;
		snprintf(note->name, sizeof(note->name), "%s", name);
		note->text = buf_ref(message);
		worker_note(app->workers[i], &note->message);
	}
}

static void run_make(struct message *message)
{
	struct note *note = list_entry(message, struct note, message);
	struct room_view *view = room_view_find(note->worker, note->room);
	if (view)
		room_view_make(view);
	drop(message);
}

void notes_make(struct worker *home, const char *room)
{
	worker_note(home, &note_for(home, room, run_make)->message);
}

static void run_rung_key(struct message *message)
{
	struct note *note = list_entry(message, struct note, message);
	struct room_view *view = room_view_find(note->worker, note->room);
	if (view && view->makes)
		rungs_key(&view->rungs, (unsigned)note->number);
	drop(message);
}

void notes_rung_key(struct worker *home, const char *room, unsigned slot)
{
	struct note *note = note_for(home, room, run_rung_key);
	note->number = slot;
	worker_note(home, &note->message);
}

static void run_relays(struct message *message)
{
	struct note *note = list_entry(message, struct note, message);
	struct room_view *view = room_view_find(note->worker, note->room);
	if (view)
		relay_home_set(view, note->relays);
	drop(message);
}

void notes_relays(struct worker *home, const char *room, const struct relay_list *relays)
{
	struct note *note = note_for(home, room, run_relays);
	note->relays = relay_list_copy(relays);
	worker_note(home, &note->message);
}

static void run_clock_wanted(struct message *message)
{
	struct note *note = list_entry(message, struct note, message);
	struct room_view *view = room_view_find(note->worker, note->room);
	if (view) {
		flv_send_clock_of(view, note->name);
		rtc_clock_send_of(view, note->name);
	}
	drop(message);
}

void notes_clock_wanted(struct app *app, const char *room, const char *sid)
{
	for (unsigned i = 0; i < app->worker_count; i++) {
		struct note *note = note_for(app->workers[i], room, run_clock_wanted);
		snprintf(note->name, sizeof(note->name), "%s", sid);
		if (mqueue_push(app->workers[i]->queue, &note->message))
			drop(&note->message); /* the next clock comes by itself */
	}
}

static void run_kick(struct message *message)
{
	struct note *note = list_entry(message, struct note, message);
	publishers_kick(note->worker, note->number);
	drop(message);
}

static void tell_publisher(struct app *app, const struct show_publisher *publisher,
			   void (*run)(struct message *message))
{
	struct worker *worker = app->workers[publisher->worker];
	struct note *note = note_for(worker, "", run);
	note->number = publisher->id;
	worker_note(worker, &note->message);
}

void notes_kick(struct app *app, const struct show_publisher *publisher)
{
	tell_publisher(app, publisher, run_kick);
}

static void run_warn(struct message *message)
{
	struct note *note = list_entry(message, struct note, message);
	rtmp_warn(note->worker, note->number);
	drop(message);
}

void notes_warn(struct app *app, const struct show_publisher *publisher)
{
	tell_publisher(app, publisher, run_warn);
}
