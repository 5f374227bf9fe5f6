/*
 * What control tells workers, and workers each other. Each function makes its own note for each
 * worker that must hear of it; references are taken, never handed over. Any thread.
 */
#ifndef SOUK_SERVER_NOTES_H
#define SOUK_SERVER_NOTES_H

#include "server/live_names.h"

#include <stdint.h>

struct app;
struct broadcast;
struct buf;
struct relay_list;
struct room_snapshot;
struct show_publisher;
struct worker;

/* `snapshot` NULL: the room is gone. */
void notes_room(struct app *app, const char *room, struct room_snapshot *snapshot,
		struct broadcast *broadcast);
void notes_message(struct app *app, const char *room, uint64_t seq, struct buf *message);
/* For the live sessions of a room that have this name. */
void notes_private(struct app *app, const char *room, enum live_name_kind kind, const char *name,
		   struct buf *message);
/* A live session named this media session: the worker that has it sends its clock. */
void notes_clock_wanted(struct app *app, const char *room, const char *sid);
/* The room's home looks what has to be made of its source now, after a former notes_room(). */
void notes_make(struct worker *home, const char *room);
/* Its home makes a keyframe of this rung. */
void notes_rung_key(struct worker *home, const char *room, unsigned slot);
/* Its home pushes the show there from now on. */
void notes_relays(struct worker *home, const char *room, const struct relay_list *relays);
void notes_kick(struct app *app, const struct show_publisher *publisher);
/* WebRTC viewers do not see what it sends. */
void notes_warn(struct app *app, const struct show_publisher *publisher);

#endif
