/*
 * One relay of a room: while the show is on, a connection to another RTMP server that is fed like a
 * viewer of FLV, from a keyframe on, moving on to a newer keyframe rather than lagging. A
 * connection that ends is made again after a while. Home worker's thread.
 */
#ifndef SOUK_SERVER_RELAY_H
#define SOUK_SERVER_RELAY_H

#include "server/relay_url.h"

#include <stdbool.h>
#include <stdint.h>

struct relay;
struct room_view;

enum {
	RELAY_PATIENCE_US = 10000000, /* from the name to Publish.Start */
	RELAY_WAIT_MIN_US = 1000000, /* after a failure, twice as long after the next, */
	RELAY_WAIT_MAX_US = 30000000, /* up to this */
	RELAY_STEADY_US = 10000000, /* a connection that lived so long was none */
	RELAY_ERROR_MAX = 96,
};

enum relay_state {
	RELAY_OFF, /* the show is not on */
	RELAY_CONNECTING,
	RELAY_CONNECTED, /* the peer takes the show */
	RELAY_WAITING, /* for the next attempt */
};

/* What the room's host is told. */
struct relay_status {
	enum relay_state state;
	uint64_t bytes; /* handed over, in all */
	uint64_t reconnects; /* attempts after the first one of each show */
	int64_t since_us; /* UTC, of the state */
	char error[RELAY_ERROR_MAX + 1]; /* why the last connection ended; "" */
};

void relay_create(struct relay **out, struct room_view *view, const struct relay_url *url);

/* The show is on or over. Calling it again changes nothing. */
void relay_run(struct relay *relay, bool on);

const struct relay_url *relay_url(const struct relay *relay);
void relay_status(const struct relay *relay, struct relay_status *out);

void relay_destroy(struct relay *relay); /* says goodbye if it can; takes NULL */

#endif
