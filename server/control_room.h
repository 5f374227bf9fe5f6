/*
 * One room on the control thread: its show, its broadcast, and what the workers count. Its commerce
 * lives in the engine.
 */
#ifndef SOUK_SERVER_CONTROL_ROOM_H
#define SOUK_SERVER_CONTROL_ROOM_H

#include "commerce/snapshot.h"
#include "server/app.h"
#include "server/core/list.h"
#include "server/show.h"

#include <stdint.h>

struct broadcast;
struct broadcast_stats;
struct control;
struct worker;

struct control_room {
	char id[NAME_MAX_LEN + 1];
	struct control *control;
	struct app *app;
	struct show show;
	struct broadcast *broadcast;
	struct worker *home; /* the worker that makes what the source does not bring */
	unsigned viewers[APP_WORKERS_MAX];
	unsigned viewers_told;
	uint64_t likes, likes_told;
};

int control_room_create(struct control_room **out, struct control *control,
			const struct room_snapshot *snapshot) __attribute__((warn_unused_result));

/* The engine's state of the room has changed: its settings, or the host ended the show. */
void control_room_update(struct control_room *room, const struct room_snapshot *snapshot);

/* Tells the engine how far the pictures are. */
void control_room_tell_clock(struct control_room *room);

/* That, and everybody how many watch. Twice a second. */
void control_room_tick(struct control_room *room);

/* Browsers cannot be shown its picture by WebRTC in this epoch, which its host is told; 0: they
 * can. */
void control_room_unseen(struct control_room *room, uint32_t epoch);

/* Adds what its hosts sent. */
void control_room_add_media(const struct control_room *room, struct broadcast_stats *sum);

void control_room_destroy(struct control_room *room);

#endif
