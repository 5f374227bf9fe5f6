/*
 * A room as one worker sees it: the last snapshot, who listens here, the newest events. Made by the
 * first snapshot from control, gone with the room. Worker's thread.
 *
 * Messages for everybody leave together every 50 or 100 ms, as one text that is rendered once, in
 * slices between which the loop serves pictures. Each session gets each event once and in order:
 * what it already had with its `state` or by a replay is left out.
 */
#ifndef SOUK_SERVER_ROOM_VIEW_H
#define SOUK_SERVER_ROOM_VIEW_H

#include "commerce/snapshot.h"
#include "media/broadcast.h"
#include "server/core/list.h"
#include "server/core/loop.h"
#include "server/core/map.h"
#include "server/hls.h"
#include "server/live_text.h"
#include "server/rungs.h"
#include "server/sound.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct relay_home;
struct poster;
struct room_cost;
struct still_home;
struct worker;

enum {
	VIEW_FLUSH_US = 50000, /* live messages leave together, */
	VIEW_FLUSH_BUSY_US = 100000, /* more of them while they keep coming: each send costs */
	VIEW_BUSY_FOR_US = 2 * VIEW_FLUSH_BUSY_US, /* behind a flush */
	VIEW_SLICE_US = 2000, /* then sockets and pictures have their turn */
	VIEW_RECENT = 256, /* events kept for those whose snapshot is a little older */
	VIEW_PENDING_MAX = 4096, /* messages that wait for a flush; more are dropped */
	VIEW_BATCH_BYTES = 16000, /* a flush is cut before it grows beyond this */
	VIEW_CLOCK_OFF_US = 2000, /* a clock that is wrong by this is told at once */
	VIEW_UNFIT_S = 2, /* rungs may take as long to come */
};

/* Who takes the room's messages: a member of a live session or an FLV viewer. */
struct view_reader {
	struct list link; // room_view.lives or room_view.flvs
	uint64_t batch; /* the last one it was given */
	uint64_t seq; /* it has every event up to this */
};

struct view_message {
	uint64_t seq; /* 0: no timeline event */
	struct buf *text;
};

/* What goes out now: the first `count` pending messages as one text. */
struct view_batch {
	size_t count; /* 0: nothing is going out */
	uint64_t first_seq, last_seq; /* of the events in it; 0: none */
	struct live_text text;
	struct buf *tag; /* for FLV; NULL */
};

struct room_view {
	struct worker *worker;
	struct room_snapshot *snapshot;
	struct broadcast *broadcast;
	/* In the room's home worker only: what its source does not bring. */
	bool home;
	struct sound sound[2]; /* to AAC, to Opus */
	struct rungs rungs;
	struct room_cost *cost;
	unsigned unfit_s; /* for so many seconds browsers could decode nothing of it by WebRTC */
	bool is_home; /* this worker makes what the source does not bring */
	struct hls_view hls;
	struct record_home *record; /* NULL: nothing was recorded since the server began */
	struct relay_home *relays; /* NULL: none were ever set, or the home is elsewhere */
	struct hls_home *hls_home; /* NULL: nobody watched by HLS, or the home is elsewhere */
	struct still_home *stills; /* in the home; NULL: nobody wanted one */
	struct poster *poster; /* NULL: nobody wanted it here */
	/* Who had the present batch stands at the end. */
	struct list lives; // view_reader.link of struct live
	struct map names; // of live_names.h
	struct list flvs; // view_reader.link of struct flv_viewer
	unsigned users; /* sessions that point here; the last one frees a view whose room is gone */
	bool gone;
	unsigned viewers; /* media sessions here */
	unsigned hls_viewers; /* in the room's home: players of all workers */
	unsigned viewers_told;
	struct view_message recent[VIEW_RECENT]; /* by seq % VIEW_RECENT */
	struct view_message *pending;
	size_t pending_count, pending_size;
	size_t flushing; /* how many of the pending leave now */
	struct view_batch batch;
	uint64_t batches; /* so far */
	struct timer flush;
	int64_t flushed_us; /* 0: not yet */
	struct deferred slice;
	struct broadcast_clock told; /* the clock that readers go by */
};

/* NULL when there is no such room. */
struct room_view *room_view_find(struct worker *worker, const char *room);

/* From control. `snapshot` NULL: the room is gone. Takes the references. */
void room_view_update(struct worker *worker, const char *room, struct room_snapshot *snapshot,
		      struct broadcast *broadcast);

/* The room's home is here: makes the sound and pictures that the source lacks, while wanted. */
void room_view_make(struct room_view *view);

/* Once a second: counts what that took, and how long browsers have been unable to see it. */
void room_view_count(struct room_view *view);

/* A live message for everybody here; `seq` 0 when it is no timeline event. */
void room_view_message(struct room_view *view, uint64_t seq, struct buf *message);

/* A new reader, which gets what comes from now on. */
void room_view_read(struct room_view *view, struct list *list, struct view_reader *reader);

/* The batch without the events up to `seq`; NULL: nothing is left. For who joined meanwhile. */
struct buf *room_view_rest(const struct room_view *view, uint64_t seq);

/* Hands out the events after `seq` that are kept here, as one text or several. Returns the newest
 * seq handed out, or `seq`. */
uint64_t room_view_replay(const struct room_view *view, uint64_t seq,
			  void (*send)(void *arg, const char *text, size_t len), void *arg);

/* Whether all events after `seq` are among those kept here. */
bool room_view_has_since(const struct room_view *view, uint64_t seq);

/* A session points here; one that shows the media counts as a viewer. */
void room_view_join(struct room_view *view, bool viewer);
void room_view_leave(struct room_view *view, bool viewer); /* may free the view */

/* Whether browsers decode the room's picture by WebRTC; true while that may be known soon. */
bool room_view_by_rtc(const struct room_view *view);
/* The highest H.264 profile_idc that goes to browsers. */
uint8_t room_view_profile_max(const struct room_view *view);

/* Tells control how many watch here, if that has changed or it is to be told `again`. */
void room_view_report(struct room_view *view, bool again);

/* `clock` to all who read here, if its epoch is another one or it went astray. */
void room_view_check_clock(struct room_view *view);

void room_view_destroy(struct room_view *view);

#endif
