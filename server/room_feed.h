/*
 * A room's live messages on their way to who listens on this worker. Those for everybody leave
 * together every 50 or 100 ms, as one text that is rendered once, in slices between which the loop
 * serves pictures. Each session gets each event once and in order: what it already had with its
 * `state` or by a replay is left out. Part of struct room_view; worker's thread.
 */
#ifndef SOUK_SERVER_ROOM_FEED_H
#define SOUK_SERVER_ROOM_FEED_H

#include "server/core/list.h"
#include "server/core/loop.h"
#include "server/live_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct room_view;

enum {
	FEED_FLUSH_US = 50000, /* messages leave together, */
	FEED_FLUSH_BUSY_US = 100000, /* more of them while they keep coming: each send costs */
	FEED_RECENT = 256, /* events kept for those whose snapshot is a little older */
	FEED_PENDING_MAX = 4096, /* messages that wait for a flush; more are dropped */
	FEED_BATCH_BYTES = 16000, /* a flush is cut before it grows beyond this */
};

/* Who takes the room's messages: a member of a live session or an FLV viewer. */
struct feed_reader {
	struct list link; // room_feed.lives or room_feed.flvs
	uint64_t batch; /* the last one it was given */
	uint64_t seq; /* it has every event up to this */
};

struct feed_message {
	uint64_t seq; /* 0: no timeline event */
	struct buf *text;
};

/* What goes out now: the first `count` pending messages as one text. */
struct feed_batch {
	size_t count; /* 0: nothing is going out */
	uint64_t first_seq, last_seq; /* of the events in it; 0: none */
	struct live_text text;
	struct buf *tag; /* for FLV; NULL */
};

struct room_feed {
	struct room_view *view;
	/* Who had the present batch stands at the end. */
	struct list lives; // feed_reader.link of struct live
	struct list flvs; // feed_reader.link of struct flv_viewer
	struct feed_message recent[FEED_RECENT]; /* by seq % FEED_RECENT */
	struct feed_message *pending;
	size_t pending_count, pending_size;
	size_t flushing; /* how many of the pending leave now */
	struct feed_batch batch;
	uint64_t batches; /* so far */
	struct timer flush;
	int64_t flushed_us; /* 0: not yet */
	struct deferred slice;
};

/* Of a zeroed one. */
void room_feed_init(struct room_feed *feed, struct room_view *view);

/* A message for everybody here; `seq` 0 when it is no timeline event. */
void room_feed_push(struct room_feed *feed, uint64_t seq, struct buf *message);

/* A new reader, which gets what comes from now on. */
void room_feed_read(struct room_feed *feed, struct list *list, struct feed_reader *reader);

/* The batch without the events up to `seq`; NULL: nothing is left. For who joined meanwhile. */
struct buf *room_feed_rest(const struct room_feed *feed, uint64_t seq);

/* Hands out the events after `seq` that are kept here, as one text or several. Returns the newest
 * seq handed out, or `seq`. */
uint64_t room_feed_replay(const struct room_feed *feed, uint64_t seq,
			  void (*send)(void *arg, const char *text, size_t len), void *arg);

/* Whether all events after `seq` are among those kept here. */
bool room_feed_has_since(const struct room_feed *feed, uint64_t seq);

void room_feed_finish(struct room_feed *feed); /* nobody reads any more */

#endif
