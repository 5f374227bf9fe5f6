#include "server/control.h"

#include "commerce/engine.h"
#include "commerce/rate_limit.h"
#include "commerce/store.h"
#include "commerce/store_sqlite.h"
#include "media/broadcast.h"
#include "server/channels.h"
#include "server/control_parts.h"
#include "server/control_room.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/live_message.h"
#include "server/notes.h"
#include "server/relay_book.h"
#include "server/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ORDERS_A_SECOND = 10, /* of one subject */
	ORDERS_BURST = 20,
	CHAT_A_SECOND = 1, /* of one subject */
	CHAT_BURST = 5,
	CHAT_ROOM_A_SECOND = 50, /* of all: each goes to everybody */
	CHAT_ROOM_BURST = 100,
	CLOCK_SET_US = 1000000, /* less is not worth a line */
};

struct control {
	struct control_parts parts;
};

struct control_parts *control_parts(struct control *control)
{
	return &control->parts;
}

struct engine *control_engine(struct control *control)
{
	return control->parts.engine;
}

struct channels *control_channels(struct control *control)
{
	return control->parts.channels;
}

struct control_room *control_room_find(struct control *control, const char *id)
{
	return map_get_str(&control->parts.rooms, id);
}

static void on_event(void *arg, const struct outlet_event *event)
{
	struct control *control = arg;
	notes_message(control->parts.app, event->room, event->seq, event->message);
}

static const struct outlet_ops outlet_ops = { .event = on_event };

static void remove_room(struct control *control, const char *id)
{
	struct control_room *room = map_remove_str(&control->parts.rooms, id);
	if (room)
		control_room_destroy(room);
	relay_book_forget(control->parts.relays, id);
	notes_room(control->parts.app, id, NULL, NULL);
}

/* A spare transcoder is started there, and relays. */
static void begin_at_home(struct control *control, const struct control_room *room)
{
	const struct relay_list *relays = relay_book_find(control->parts.relays, room->id);
	notes_make(room->home, room->id);
	if (relays)
		notes_relays(room->home, room->id, relays);
}

static void on_snapshot(void *arg, const char *id, struct room_snapshot *snapshot)
{
	struct control *control = arg;
	if (!snapshot) {
		remove_room(control, id);
		return;
	}
	struct control_room *room = control_room_find(control, id);
	const bool known = room;
	if (known)
		control_room_update(room, snapshot);
	else if (control_room_create(&room, control, snapshot) == 0)
		map_set_str(&control->parts.rooms, id, room);
	if (room)
		notes_room(control->parts.app, id, snapshot, room->broadcast);
	if (room && !known)
		begin_at_home(control, room);
	room_snapshot_unref(snapshot);
}

/* UTC here goes on as it was, so that no show jumps; but prices and tokens are by the clock, too.
 */
static void watch_clock(struct control_parts *parts)
{
	const int64_t set_us = clock_set_us(&parts->app->clock);
	const int64_t news_us = set_us - parts->clock_set_us;
	if (news_us > -CLOCK_SET_US && news_us < CLOCK_SET_US)
		return;
	parts->clock_set_us = set_us;
	log_warn(&parts->app->log,
		 "the machine's clock was set: times here are as before until a restart "
		 "behind_ms=%" PRId64,
		 set_us / 1000);
}

static void on_tick(void *arg)
{
	struct control *control = arg;
	watch_clock(&control->parts);
	struct map_cursor cursor = { 0 };
	void *room;
	while (map_next(&control->parts.rooms, &cursor, NULL, NULL, &room))
		control_room_tick(room);
	timer_again(&control->parts.tick, CONTROL_TICK_US);
}

static int open_store(struct control *control)
{
	struct control_parts *parts = &control->parts;
	const struct config *config = &parts->app->config;
	const struct store_sqlite_options options = {
		.loop = parts->app->loop,
		.dir = config->data_dir,
		.sync_normal = config->store_sync == STORE_SYNC_NORMAL,
		.log = &parts->app->log,
	};
	pid_t holder = 0;
	const int err = store_sqlite_open(&parts->store, &options, &holder);
	if (err == -EBUSY)
		log_error(&parts->app->log, "data directory is in use dir=%s pid=%d",
			  config->data_dir, (int)holder);
	else if (err == -EUCLEAN)
		log_error(&parts->app->log,
			  "store is of a newer soukd or of another program dir=%s",
			  config->data_dir);
	else if (err)
		log_error(&parts->app->log, "cannot open the store dir=%s reason=%s",
			  config->data_dir, strerror(-err));
	return err;
}

int control_create(struct control **out, struct app *app)
{
	struct control *control = xcalloc(1, sizeof(*control));
	struct control_parts *parts = &control->parts;
	parts->app = app;
	map_init(&parts->rooms);
	timer_init_lazy(&parts->tick, app->loop, on_tick, control);
	relay_book_create(&parts->relays, app);
	int err = open_store(control);
	if (!err)
		err = channels_create(&parts->channels, app);
	if (!err)
		err = rate_limit_create(&parts->orders, ORDERS_A_SECOND, ORDERS_BURST);
	if (!err)
		err = rate_limit_create(&parts->chat, CHAT_A_SECOND, CHAT_BURST);
	if (!err)
		err = rate_limit_create(&parts->room_chat, CHAT_ROOM_A_SECOND, CHAT_ROOM_BURST);
	if (err)
		goto fail;
	app->control = control;
	const struct engine_options options = {
		.loop = app->loop,
		.store = parts->store,
		.outlet = { .ops = &outlet_ops, .arg = control },
		.on_snapshot = on_snapshot,
		.arg = control,
		.log = &app->log,
	};
	err = engine_create(&parts->engine, &options);
	if (err) {
		log_error(&app->log, "cannot read the store dir=%s reason=%s", app->config.data_dir,
			  strerror(-err));
		goto fail;
	}
	timer_start(&parts->tick, CONTROL_TICK_US);
	*out = control;
	return 0;
fail:
	control_destroy(control);
	return err;
}

int control_admit_order(struct control *control, const char *id, const char *sub)
{
	struct control_parts *parts = &control->parts;
	struct control_room *room = control_room_find(control, id);
	const int64_t wait_us = rate_limit_take(parts->orders, sub, loop_now_us(parts->app->loop));
	if (wait_us)
		metric_add(parts->app->counters.orders_limited, 1);
	else if (room)
		control_room_tell_clock(room); /* what the buyer saw may be younger than a tick */
	return (int)((wait_us + 999999) / 1000000);
}

void control_order_result(struct control *control, const char *room, const char *sub,
			  const char *key, const struct answer *answer)
{
	json_t *body = answer->body ? json_loads(answer->body, 0, NULL) : NULL;
	char *text = live_message_text(
		"order.result",
		json_pack("{s:s, s:i, s:o?}", "key", key, "status", answer->status, "body", body));
	struct buf *message = buf_copy(text, strlen(text));
	if (message)
		notes_private(control->parts.app, room, LIVE_SUBJECT, sub, message);
	buf_unref(message);
	free(text);
}

bool control_idle(const struct control *control)
{
	return engine_idle(control->parts.engine);
}

void control_destroy(struct control *control)
{
	if (!control)
		return;
	struct control_parts *parts = &control->parts;
	timer_stop(&parts->tick);
	struct map_cursor cursor = { 0 };
	void *room;
	while (map_next(&parts->rooms, &cursor, NULL, NULL, &room))
		control_room_destroy(room);
	map_finish(&parts->rooms);
	engine_destroy(parts->engine);
	store_destroy(parts->store);
	channels_destroy(parts->channels);
	relay_book_destroy(parts->relays);
	rate_limit_destroy(parts->orders);
	rate_limit_destroy(parts->chat);
	rate_limit_destroy(parts->room_chat);
	if (parts->app->control == control)
		parts->app->control = NULL;
	free(control);
}
