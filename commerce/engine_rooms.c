/* Verbs on rooms: make, change, end, delete, and what media tells about them. */
#include "commerce/engine_turn.h"
#include "commerce/room.h"
#include "commerce/shelf.h"

#include <stdio.h>
#include <string.h>

static const char *const state_events[] = {
	[ROOM_LIVE] = "room.live",
	[ROOM_LOST] = "room.lost",
	[ROOM_ENDED] = "room.ended",
};

static void touch(struct engine *engine, struct room *room)
{
	transaction_room(&engine->tx, room);
	room->urgent = true;
}

static void set_state(struct engine *engine, struct room *room, enum room_state state)
{
	room->state = state;
	touch(engine, room);
	if (!state_events[state])
		return;
	json_t *data = json_object();
	json_object_set_new(data, "state", json_string(room_state_name(state)));
	timeline_append(&engine->tx, room, state_events[state], engine->tx.now_us, data);
}

/* A room of the same name existed: its numbers go on, so that nobody takes new events for old. */
static void continue_numbers(struct engine *engine, struct room *room)
{
	list_for_each (link, &engine->ledger->all_rooms) {
		const struct room *before = list_entry(link, struct room, link);
		if (strcmp(before->id, room->id) != 0)
			continue;
		room->timeline.seq = before->timeline.seq;
		room->epoch = before->epoch;
	}
}

static void decide_create(struct engine *engine, struct engine_op *op)
{
	struct ledger *ledger = engine->ledger;
	if (ledger_room(ledger, op->room)) {
		engine_refuse(op, 409, "exists", NULL, "there is a room of this id");
		return;
	}
	if (ledger->rooms.count >= LEDGER_ROOMS_MAX) {
		engine_refuse(op, 409, "limit_reached", NULL, "at most 10,000 rooms");
		return;
	}
	struct room *room = room_create(&op->create_room, ledger->next_rid, engine->tx.now_us);
	continue_numbers(engine, room);
	ledger_add_room(ledger, room);
	touch(engine, room);
	answer_give(&op->answer, 201, room_json(room));
	snprintf(op->answer.location, sizeof(op->answer.location), "/api/rooms/%s", room->id);
}

void engine_create_room(struct engine *engine, const struct room_request *request,
			struct engine_reply reply)
{
	struct engine_op *op = engine_op_new(decide_create, request->id, reply);
	op->create_room = *request;
	engine_write(engine, op);
}

static void decide_patch(struct engine *engine, struct engine_op *op)
{
	struct room *room = engine_op_room(engine, op);
	if (!room)
		return;
	room_apply(room, &op->patch_room);
	touch(engine, room);
	answer_give(&op->answer, 200, room_json(room));
}

void engine_patch_room(struct engine *engine, const char *room, const struct room_patch *patch,
		       struct engine_reply reply)
{
	struct engine_op *op = engine_op_new(decide_patch, room, reply);
	op->patch_room = *patch;
	engine_write(engine, op);
}

static void decide_end(struct engine *engine, struct engine_op *op)
{
	struct room *room = engine_op_room(engine, op);
	if (!room)
		return;
	if (room->state != ROOM_ENDED)
		set_state(engine, room, ROOM_ENDED);
	answer_give(&op->answer, 200, room_json(room));
}

void engine_end_room(struct engine *engine, const char *room, struct engine_reply reply)
{
	engine_write(engine, engine_op_new(decide_end, room, reply));
}

/* Its orders live on: buyers still see, pay and cancel them. */
static void decide_delete(struct engine *engine, struct engine_op *op)
{
	struct room *room = engine_op_room(engine, op);
	if (!room)
		return;
	if (room->state == ROOM_LIVE || room->state == ROOM_LOST)
		set_state(engine, room, ROOM_ENDED);
	room->deleted = true;
	room->pinned = NULL;
	touch(engine, room);
	map_remove_str(&engine->ledger->rooms, room->id);
	answer_give(&op->answer, 204, NULL);
}

void engine_delete_room(struct engine *engine, const char *room, struct engine_reply reply)
{
	engine_write(engine, engine_op_new(decide_delete, room, reply));
}

static void decide_media(struct engine *engine, struct engine_op *op)
{
	struct room *room = ledger_room(engine->ledger, op->room);
	const struct media_state *media = &op->media;
	if (!room)
		return;
	/* Found live at the start, and media has not spoken since. */
	if (media->stale && room->state != ROOM_LIVE && room->state != ROOM_LOST)
		return;
	const bool newer = media->epoch > room->epoch;
	if (room->state == media->state && !newer && !media->stale)
		return;
	if (newer)
		room->epoch = media->epoch;
	set_state(engine, room, media->state);
}

void engine_room_state(struct engine *engine, const char *room, enum room_state state,
		       uint32_t epoch)
{
	struct engine_op *op =
		engine_op_new(decide_media, room, (struct engine_reply){ .fn = NULL });
	op->media = (struct media_state){ .state = state, .epoch = epoch };
	op->keep = true;
	engine_write(engine, op);
}

void engine_rooms_lost(struct engine *engine)
{
	list_for_each (link, &engine->ledger->all_rooms) {
		struct room *room = list_entry(link, struct room, link);
		if (room->deleted || room->state != ROOM_LIVE)
			continue;
		room->state = ROOM_LOST; /* what readers see from the first moment */
		engine_room_state(engine, room->id, ROOM_LOST, 0);
		list_entry(engine->waiting.prev, struct engine_op, link)->media.stale = true;
	}
}

void engine_room_clock(struct engine *engine, const char *id, int64_t newest_capture_us,
		       int64_t err_us)
{
	struct room *room = engine->ledger ? ledger_room(engine->ledger, id) : NULL;
	if (!room)
		return;
	if (newest_capture_us > room->newest_capture_us)
		room->newest_capture_us = newest_capture_us;
	room->clock_err_us = err_us;
}

static void show_change(struct engine *engine, struct room *room)
{
	ledger_room_changed(engine->ledger, room);
	if (!timer_active(&engine->tick))
		timer_start(&engine->tick, 0);
}

void engine_room_viewers(struct engine *engine, const char *id, uint32_t viewers)
{
	struct room *room = engine->ledger ? ledger_room(engine->ledger, id) : NULL;
	if (!room || room->viewers == viewers)
		return;
	room->viewers = viewers;
	show_change(engine, room);
}

void engine_room_unseen(struct engine *engine, const char *id, bool unseen)
{
	struct room *room = engine->ledger ? ledger_room(engine->ledger, id) : NULL;
	if (!room || room->unseen == unseen)
		return;
	room->unseen = unseen;
	show_change(engine, room);
}
