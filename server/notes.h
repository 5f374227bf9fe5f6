/*
 * What control tells workers. Each function makes its own note for each worker that must hear of
 * it; references are taken, never handed over.
 */
#ifndef SOUK_SERVER_NOTES_H
#define SOUK_SERVER_NOTES_H

#include <stdint.h>

struct app;
struct broadcast;
struct buf;
struct room_snapshot;
struct show_publisher;

/* `snapshot` NULL: the room is gone. */
void notes_room(struct app *app, const char *room, struct room_snapshot *snapshot,
		struct broadcast *broadcast);
void notes_message(struct app *app, const char *room, uint64_t seq, struct buf *message);
/* For some live sessions of a room: those of one subject, the one with an id, or those that named a
 * media session. */
enum notes_address { NOTES_SUBJECT, NOTES_SESSION, NOTES_SID };
void notes_private(struct app *app, const char *room, enum notes_address address, const char *name,
		   struct buf *message);
void notes_kick(struct app *app, const struct show_publisher *publisher);

#endif
