/*
 * A room as one worker sees it: the last snapshot, who listens here, the newest events. Made by the
 * first snapshot from control, gone with the room. Worker's thread.
 */
#ifndef SOUK_SERVER_ROOM_VIEW_H
#define SOUK_SERVER_ROOM_VIEW_H

#include "commerce/snapshot.h"
#include "server/core/list.h"
#include "server/core/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broadcast;
struct buf;
struct live;
struct worker;

enum {
	VIEW_FLUSH_US = 50000, /* live messages leave together */
	VIEW_RECENT = 256, /* events kept for those whose snapshot is a little older */
	VIEW_BATCH_BYTES = 16000 /* a flush is cut before it grows beyond this */
};

struct recent_event {
	uint64_t seq;
	struct buf *message;
};

struct room_view {
	struct worker *worker;
	struct room_snapshot *snapshot;
	struct broadcast *broadcast;
	struct list lives; // live.link
	struct list flvs; // flv_viewer.view_link
	unsigned users; /* sessions that point here; the last one frees a view whose room is gone */
	bool gone;
	unsigned viewers; /* media sessions here */
	unsigned viewers_told;
	struct recent_event recent[VIEW_RECENT]; /* by seq % VIEW_RECENT */
	struct buf **pending; /* messages of the next flush */
	size_t pending_count, pending_size;
	struct timer flush;
};

/* NULL when there is no such room. */
struct room_view *room_view_find(struct worker *worker, const char *room);

/* From control. `snapshot` NULL: the room is gone. Takes the references. */
void room_view_update(struct worker *worker, const char *room, struct room_snapshot *snapshot,
		      struct broadcast *broadcast);

/* A live message for everybody here; `seq` 0 when it is no timeline event. */
void room_view_message(struct room_view *view, uint64_t seq, struct buf *message);

/* Sends the events after `seq` that are still kept to one session. */
void room_view_replay(struct room_view *view, uint64_t seq, struct live *live);

/* Whether all events after `seq` are among those kept here. */
bool room_view_has_since(const struct room_view *view, uint64_t seq);

/* A session points here; one that shows the media counts as a viewer. */
void room_view_join(struct room_view *view, bool viewer);
void room_view_leave(struct room_view *view, bool viewer); /* may free the view */

/* Whether browsers decode the room's picture by WebRTC; true while nothing is known of it. */
bool room_view_by_rtc(const struct room_view *view);

/* Tells control how many watch here, if that has changed. */
void room_view_report(struct room_view *view);

/* At the end of the worker, when all sessions are gone. */
void room_view_destroy(struct room_view *view);

#endif
