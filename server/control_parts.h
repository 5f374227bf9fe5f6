/* The control thread's members, for the files of which it consists. */
#ifndef SOUK_SERVER_CONTROL_PARTS_H
#define SOUK_SERVER_CONTROL_PARTS_H

#include "media/broadcast.h"
#include "server/core/loop.h"
#include "server/core/map.h"

struct app;
struct channels;
struct control;
struct control_room;
struct engine;
struct rate_limit;
struct relay_book;
struct store;

enum { CONTROL_TICK_US = 500000 };

struct control_parts {
	struct app *app;
	struct store *store;
	struct engine *engine;
	struct channels *channels;
	struct relay_book *relays;
	struct rate_limit *orders, *chat, *room_chat;
	struct map rooms; // id -> struct control_room
	unsigned homes; /* given out so far */
	struct broadcast_stats media_before; /* of rooms that are gone */
	int64_t clock_set_us; /* as the log has it */
	struct timer tick;
};

struct control_parts *control_parts(struct control *control);
struct control_room *control_room_find(struct control *control, const char *id); /* or NULL */

#endif
