/*
 * Stills of rooms' pictures as JPEG, made by a transcoder in the room's home worker, whoever asks.
 * A room has a child of its own for them (what a stranger's stream does to one concerns that room
 * alone), which ends soon after the last still; a worker keeps few at a time.
 */
#ifndef SOUK_SERVER_STILLS_H
#define SOUK_SERVER_STILLS_H

#include "commerce/request.h"
#include "server/core/mqueue.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct room_view;
struct still_home;
struct worker;

enum {
	STILLS_HOMES_MAX = 4, /* children of a worker's rooms at a time */
	STILLS_WAITING_MAX = 16, /* of one room; more get none */
	STILLS_IDLE_US = 5000000, /* then the child ends */
	/* Another room's child is started as often at most: 0.15 s of CPU each. */
	STILLS_START_US = 500000,
};

/* A wish, on its way to the home and back. */
struct still_ask {
	struct message message;
	struct worker *worker; /* who asks */
	unsigned visits; /* workers so far; the home is among them */
	char room[NAME_MAX_LEN + 1];
	uint16_t side; /* the longer one, at most; even */
	/* A keyframe with its decoder configuration; NULL: the newest of the source. The ask's
	 * references. */
	struct buf *header, *picture;
	struct buf *jpeg; /* the answer; NULL: there is none */
	/* On the asker's worker; frees the ask with still_ask_free(). Not called when the queues
	 * are torn down: then `drop` is. */
	void (*done)(struct still_ask *ask);
	void (*drop)(struct still_ask *ask);
};

/* Hands it over. Worker's thread. */
void stills_ask(struct worker *worker, struct still_ask *ask);

/* What it refers to, too; the memory is the caller's. */
void still_ask_finish(struct still_ask *ask);

/* Of room_view.stills, in the home's thread; takes NULL. Who waits gets none. */
void still_home_destroy(struct still_home *home);

#endif
