/*
 * A room as one worker sees it: the last snapshot, its media, who listens here. Made by the first
 * snapshot from control, gone with the room. Worker's thread.
 */
#ifndef SOUK_SERVER_ROOM_VIEW_H
#define SOUK_SERVER_ROOM_VIEW_H

#include "commerce/snapshot.h"
#include "media/broadcast.h"
#include "server/core/map.h"
#include "server/hls.h"
#include "server/room_feed.h"
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

struct room_view {
	struct worker *worker;
	struct room_snapshot *snapshot;
	struct broadcast *broadcast;
	bool is_home; /* this worker makes what the source does not bring */
	bool makes; /* and has transcoders for it: the next three are in use */
	struct sound sound[2]; /* to AAC, to Opus */
	struct rungs rungs;
	struct room_cost *cost;
	unsigned unfit_s; /* for so many seconds browsers could decode nothing of it by WebRTC */
	struct hls_view hls;
	struct record_home *record; /* NULL: nothing was recorded since the server began */
	struct relay_home *relays; /* NULL: none were ever set, or the home is elsewhere */
	struct hls_home *hls_home; /* NULL: nobody watched by HLS, or the home is elsewhere */
	struct still_home *stills; /* in the home; NULL: nobody wanted one */
	struct poster *poster; /* NULL: nobody wanted it here */
	struct room_feed feed;
	struct map names; // of live_names.h
	unsigned users; /* sessions that point here; the last one frees a view whose room is gone */
	bool gone;
	unsigned viewers; /* media sessions here */
	unsigned hls_viewers; /* in the room's home: players of all workers */
	unsigned viewers_told;
	uint32_t unseen_told; /* in the home: the epoch that WebRTC cannot show; 0: none */
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

/* A session points here; one that shows the media counts as a viewer. */
void room_view_join(struct room_view *view, bool viewer);
void room_view_leave(struct room_view *view, bool viewer); /* may free the view */

/* Whether browsers decode the room's picture by WebRTC; true while that may be known soon. */
bool room_view_by_rtc(const struct room_view *view);
uint8_t room_view_profile_max(const struct room_view *view); /* highest H.264 profile_idc */

/* Tells control how many watch here, if that has changed or it is to be told `again`. */
void room_view_report(struct room_view *view, bool again);

/* `clock` to all who read here, if its epoch is another one or it went astray. */
void room_view_check_clock(struct room_view *view);

void room_view_destroy(struct room_view *view);

#endif
