/*
 * The relays of a room in its home worker: run while the show is on. Home worker's thread.
 */
#ifndef SOUK_SERVER_RELAY_HOME_H
#define SOUK_SERVER_RELAY_HOME_H

#include "server/relay.h"

#include <stddef.h>

struct relay_home;
struct room_view;

/* What one of them does. */
struct relay_report {
	struct relay_url url;
	struct relay_status status;
};

/* From now on these; those that stay keep their connections. */
void relay_home_set(struct room_view *view, const struct relay_list *list);

/* Starts or stops them by the room's state; whenever it may have changed. */
void relay_home_update(struct room_view *view);

/* Returns their number. */
size_t relay_home_report(const struct room_view *view, struct relay_report out[RELAYS_MAX]);

/* Of room_view.relays; takes NULL. */
void relay_home_destroy(struct relay_home *home);

#endif
