/*
 * HLS of a room in its home worker: cuts the frames into parts while somebody watches and sends
 * every worker with readers an image for each part. Home worker's thread, but for hls_home_ask().
 */
#ifndef SOUK_SERVER_HLS_HOME_H
#define SOUK_SERVER_HLS_HOME_H

#include "server/hls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app;
struct buf;
struct hls_home;
struct hls_player;
struct room_view;

enum {
	HLS_IDLE_US = 30000000, /* nobody who knows it asked for so long: it stops */
	/* The first rendition's segments are numbered from here on, one a second. 2025-01-01 UTC.
	 */
	HLS_NUMBERS_SINCE_S = 1735689600,
};

/* What a worker has readers of. */
struct hls_wish {
	const char *rendition;
	bool ts; /* of its transport stream */
};
/* The room's home is told. Any worker's thread. */
void hls_home_ask(struct app *app, const char *room, const struct hls_wish *wish, unsigned worker);

/* Players that were heard of; the home counts them as viewers. What they know is in terms of
 * `names`, one for each bit. Renditions that any of them knows go on as long as it watches: hls.js
 * never finds its way back to one that has stopped meanwhile (decision 0026). */
void hls_home_watched(struct hls_home *home, const struct hls_player *players, size_t count,
		      const char names[HLS_RENDITIONS_MAX][HLS_RENDITION_NAME]);

/* A timeline event, as it goes to everybody. */
void hls_home_event(struct room_view *view, struct buf *message);

/* Of room_view.hls_home; takes NULL. */
void hls_home_destroy(struct hls_home *home);

#endif
