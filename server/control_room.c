#include "server/control_room.h"

#include "media/broadcast.h"
#include "server/call.h"
#include "server/control.h"
#include "server/control_parts.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/live_message.h"
#include "server/notes.h"

#include "commerce/engine.h"

#include <stdlib.h>
#include <string.h>

static void on_changed(void *arg, enum room_state state, uint32_t epoch)
{
	struct control_room *room = arg;
	if (state == ROOM_ENDED)
		broadcast_end(room->broadcast);
	engine_room_state(control_engine(room->control), room->id, state, epoch);
	log_info(&room->app->log, "show state=%s epoch=%u room=%s", room_state_name(state), epoch,
		 room->id);
}

static void on_kick(void *arg, const struct show_publisher *publisher)
{
	struct control_room *room = arg;
	notes_kick(room->app, publisher);
}

static const struct show_ops show_ops = { .changed = on_changed, .kick = on_kick };

/* The broadcast speaks on other threads, and may outlive the room: a note carries the name. */
struct broadcast_note {
	struct message message;
	struct control *control;
	char id[NAME_MAX_LEN + 1];
};

static void tell_room(struct control_room *room, void (*run)(struct message *message))
{
	struct broadcast_note *note = xcalloc(1, sizeof(*note));
	note->message.run = run;
	note->control = room->control;
	memcpy(note->id, room->id, sizeof(note->id));
	control_note(room->app, &note->message);
}

static struct control_room *take_note(struct message *message)
{
	struct broadcast_note *note = list_entry(message, struct broadcast_note, message);
	struct control_room *room = control_room_find(note->control, note->id);
	free(note);
	return room;
}

static void run_make(struct message *message)
{
	const struct control_room *room = take_note(message);
	if (room)
		notes_make(room->home, room->id);
}

static void on_readers(void *arg, enum track track)
{
	(void)track;
	tell_room(arg, run_make);
}

static void on_config(void *arg, enum codec codec)
{
	(void)codec;
	tell_room(arg, run_make);
}

/* Straight to the home: nothing of it is control's business, and who waits sees no picture. */
static void on_rung_key(void *arg, unsigned slot)
{
	const struct control_room *room = arg;
	notes_rung_key(room->home, room->id, slot);
}

static void run_epoch(struct message *message)
{
	struct control_room *room = take_note(message);
	if (room)
		show_epoch(&room->show, broadcast_epoch(room->broadcast));
}

static void on_epoch(void *arg, uint32_t epoch)
{
	(void)epoch; /* the newest is looked up when control comes to it */
	tell_room(arg, run_epoch);
}

static const struct broadcast_ops broadcast_ops = {
	.readers = on_readers,
	.rung_key = on_rung_key,
	.epoch = on_epoch,
	.config = on_config,
};

int control_room_create(struct control_room **out, struct control *control,
			const struct room_snapshot *snapshot)
{
	struct control_parts *parts = control_parts(control);
	struct control_room *room = xcalloc(1, sizeof(*room));
	room->control = control;
	room->app = parts->app;
	memcpy(room->id, snapshot->id, sizeof(room->id));
	show_init(&room->show, parts->app->loop, &show_ops, room);
	const int err =
		broadcast_create(&room->broadcast, &parts->app->clock, &broadcast_ops, room);
	if (err) {
		free(room);
		return err;
	}
	room->home = room->app->workers[parts->homes++ % room->app->worker_count];
	room->show.host_grace_s = (int)snapshot->settings.host_grace_s;
	show_restore(&room->show, snapshot->state, snapshot->epoch);
	*out = room;
	return 0;
}

void control_room_update(struct control_room *room, const struct room_snapshot *snapshot)
{
	room->show.host_grace_s = (int)snapshot->settings.host_grace_s;
	if (snapshot->state == ROOM_ENDED && snapshot->epoch == room->show.epoch)
		show_end(&room->show);
}

static void tell(struct control_room *room, const char *type, json_t *data)
{
	char *text = live_message_text(type, data);
	struct buf *message = buf_copy(text, strlen(text));
	if (message)
		notes_message(room->app, room->id, 0, message);
	buf_unref(message);
	free(text);
}

void control_room_tell_clock(struct control_room *room)
{
	struct broadcast_clock clock;
	if (broadcast_clock(room->broadcast, &clock))
		engine_room_clock(control_engine(room->control), room->id, clock.newest_capture_us,
				  clock.err_us);
}

void control_room_tick(struct control_room *room)
{
	struct engine *engine = control_engine(room->control);
	control_room_tell_clock(room);
	unsigned viewers = 0;
	for (unsigned i = 0; i < room->app->worker_count; i++)
		viewers += room->viewers[i];
	if (viewers != room->viewers_told) {
		room->viewers_told = viewers;
		engine_room_viewers(engine, room->id, viewers);
		tell(room, "viewers", json_pack("{s:i}", "n", (int)viewers));
	}
	if (room->likes != room->likes_told) {
		room->likes_told = room->likes;
		tell(room, "like.sum", json_pack("{s:I}", "n", (json_int_t)room->likes));
	}
}

void control_room_unseen(struct control_room *room, uint32_t epoch)
{
	engine_room_unseen(control_engine(room->control), room->id, epoch != 0);
	if (!epoch)
		return;
	log_warn(&room->app->log,
		 "publisher's picture cannot be shown by webrtc, others see it epoch=%u room=%s",
		 epoch, room->id);
	if (room->show.publisher.id)
		notes_warn(room->app, &room->show.publisher);
}

void control_room_add_media(const struct control_room *room, struct broadcast_stats *sum)
{
	struct broadcast_stats stats;
	broadcast_stats(room->broadcast, &stats);
	sum->video_frames += stats.video_frames;
	sum->audio_frames += stats.audio_frames;
	sum->bytes += stats.bytes;
	sum->keyframes += stats.keyframes;
	sum->key_requests += stats.key_requests;
	sum->stray_frames += stats.stray_frames;
}

void control_room_destroy(struct control_room *room)
{
	control_room_add_media(room, &control_parts(room->control)->media_before);
	broadcast_detach(room->broadcast);
	broadcast_end(room->broadcast);
	if (room->show.publisher.id)
		notes_kick(room->app, &room->show.publisher);
	show_finish(&room->show);
	broadcast_unref(room->broadcast);
	free(room);
}
