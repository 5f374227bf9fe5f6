/* What workers ask of the control thread, and how it gets there. */
#include "server/control.h"

#include "commerce/rate_limit.h"
#include "media/broadcast.h"
#include "server/control_parts.h"
#include "server/control_room.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/crypto.h"
#include "server/live.h"
#include "server/live_message.h"
#include "server/notes.h"
#include "server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void claim_on_control(struct call *call)
{
	struct claim *claim = list_entry(call, struct claim, call);
	struct control_room *room = control_room_find(call->app->control, claim->room);
	claim->err = room ? show_claim(&room->show, &claim->publisher) : -ENOENT;
	if (!claim->err) {
		claim->epoch = room->show.epoch;
		claim->broadcast = broadcast_ref(room->broadcast);
	}
	call_return(call);
}

static void claim_on_worker(struct call *call)
{
	struct claim *claim = list_entry(call, struct claim, call);
	claim->on_claimed(claim);
}

int claim_start(struct claim *claim, struct worker *worker)
{
	claim->publisher.id = app_next_id(worker->app);
	claim->publisher.worker = worker->index;
	claim->call.on_control = claim_on_control;
	claim->call.on_worker = claim_on_worker;
	return call_start(&claim->call, worker);
}

struct control_note {
	struct message message;
	struct worker *worker;
	char room[NAME_MAX_LEN + 1];
	char sub[NAME_MAX_LEN + 1];
	char session[UUID_TEXT];
	uint64_t number;
	bool orderly;
	char text[LIVE_CHAT_MAX + 1];
};

static struct control_note *note_create(struct worker *worker, const char *room,
					void (*run)(struct message *message))
{
	struct control_note *note = xcalloc(1, sizeof(*note));
	note->message.run = run;
	note->worker = worker;
	snprintf(note->room, sizeof(note->room), "%s", room);
	return note;
}

static struct control_room *note_room(const struct control_note *note)
{
	return control_room_find(note->worker->app->control, note->room);
}

static void run_gone(struct message *message)
{
	struct control_note *note = list_entry(message, struct control_note, message);
	struct control_room *room = note_room(note);
	if (room)
		show_gone(&room->show, note->number, note->orderly);
	free(note);
}

void control_note_gone(struct worker *worker, const char *room, uint64_t publisher, bool orderly)
{
	struct control_note *note = note_create(worker, room, run_gone);
	note->number = publisher;
	note->orderly = orderly;
	control_note(worker->app, &note->message);
}

static void run_viewers(struct message *message)
{
	struct control_note *note = list_entry(message, struct control_note, message);
	struct control_room *room = note_room(note);
	if (room)
		room->viewers[note->worker->index] = (unsigned)note->number;
	free(note);
}

void control_note_viewers(struct worker *worker, const char *room, unsigned viewers)
{
	struct control_note *note = note_create(worker, room, run_viewers);
	note->number = viewers;
	control_note(worker->app, &note->message);
}

static void run_unseen(struct message *message)
{
	struct control_note *note = list_entry(message, struct control_note, message);
	struct control_room *room = note_room(note);
	if (room)
		control_room_unseen(room, (uint32_t)note->number);
	free(note);
}

void control_note_unseen(struct worker *worker, const char *room, uint32_t epoch)
{
	struct control_note *note = note_create(worker, room, run_unseen);
	note->number = epoch;
	control_note(worker->app, &note->message);
}

static void run_likes(struct message *message)
{
	struct control_note *note = list_entry(message, struct control_note, message);
	struct control_room *room = note_room(note);
	if (room)
		room->likes += note->number;
	free(note);
}

void control_note_likes(struct worker *worker, const char *room, unsigned likes)
{
	struct control_note *note = note_create(worker, room, run_likes);
	note->number = likes;
	if (mqueue_push(worker->app->control_queue, &note->message))
		free(note); /* a like is not worth waiting for */
}

static struct buf *chat_message(struct app *app, const struct control_note *note)
{
	char *text = live_message_text("chat", json_pack("{s:s, s:s, s:I}", "sub", note->sub,
							 "text", note->text, "at_us",
							 (json_int_t)loop_utc_us(app->loop)));
	struct buf *message = buf_copy(text, strlen(text));
	free(text);
	return message;
}

static struct buf *chat_refusal(void)
{
	char *text = live_message_text(
		"error", json_pack("{s:s, s:s}", "type", "chat", "code", "rate_limited"));
	struct buf *message = buf_copy(text, strlen(text));
	free(text);
	return message;
}

static bool chat_refused(struct app *app, const struct control_note *note)
{
	const struct control_parts *parts = control_parts(app->control);
	const int64_t now_us = loop_now_us(app->loop);
	return rate_limit_take(parts->chat, note->sub, now_us) > 0 ||
	       rate_limit_take(parts->room_chat, note->room, now_us) > 0;
}

static void run_chat(struct message *message)
{
	struct control_note *note = list_entry(message, struct control_note, message);
	struct app *app = note->worker->app;
	const bool refused = chat_refused(app, note);
	struct buf *text = refused ? chat_refusal() : chat_message(app, note);
	if (refused)
		metric_add(app->counters.chat_limited, 1);
	if (text && refused)
		notes_private(app, note->room, LIVE_SESSION, note->session, text);
	else if (text)
		notes_message(app, note->room, 0, text);
	buf_unref(text);
	free(note);
}

int control_note_chat(struct worker *worker, const char *room, const char *sub, const char *session,
		      const char *text)
{
	struct control_note *note = note_create(worker, room, run_chat);
	snprintf(note->sub, sizeof(note->sub), "%s", sub);
	snprintf(note->session, sizeof(note->session), "%s", session);
	snprintf(note->text, sizeof(note->text), "%s", text);
	const int err = mqueue_push(worker->app->control_queue, &note->message);
	if (err)
		free(note);
	return err;
}
