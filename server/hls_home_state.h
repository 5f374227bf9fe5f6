/*
 * The inside of struct hls_home: for hls_home.c, who asks for what and who watches, and
 * hls_rendition.c, one rendition cut into parts. Home worker's thread.
 */
#ifndef SOUK_SERVER_HLS_HOME_STATE_H
#define SOUK_SERVER_HLS_HOME_STATE_H

#include "media/output/cmaf_cutter.h"
#include "media/output/hls_breaks.h"
#include "media/output/hls_events.h"
#include "media/output/hls_window.h"
#include "media/output/ts_muxer.h"
#include "media/sink.h"
#include "server/app.h"
#include "server/core/loop.h"
#include "server/hls.h"
#include "server/hls_home.h"
#include "server/hls_players.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct worker;

struct hls_rendition {
	struct sink sink;
	struct hls_home *home;
	char name[RENDITION_NAME_MAX]; /* empty: not used yet */
	int slot; /* in the broadcast; -1: whatever is the largest */
	int64_t asked_us; /* by anybody, monotonic */
	int64_t ts_asked_us; /* for transport streams */
	struct ts_muxer ts;
	bool makes_ts; /* of the segment at hand */
	struct cmaf_cutter *cutter; /* NULL: not running */
	struct hls_window *window;
	uint64_t next_msn; /* where it goes on after it was stopped */
	bool news; /* since the last image */
	uint32_t epoch; /* of the frame at hand */
	struct hls_breaks_place place;
	int64_t key_us; /* decoding time of the newest keyframe */
};

struct hls_home {
	struct room_view *view;
	struct worker *worker;
	struct hls_rendition renditions[HLS_RENDITIONS_MAX];
	uint64_t retired_msn; /* beyond all numbers of renditions whose place another one took */
	struct hls_breaks breaks;
	struct hls_events events;
	struct hls_players players;
	/* When each worker had readers last, monotonic; 0: never, or it was told of the end. */
	int64_t asked_us[APP_WORKERS_MAX];
	struct timer tick;
};

/* hls_home.c */

/* Whether who asked then still counts as a reader. */
bool hls_home_was_asked(const struct hls_home *home, int64_t asked_us);

/* Every worker with readers gets the image; NULL: the rendition is not made any more. */
void hls_home_tell(struct hls_home *home, const char *rendition, struct hls_image *image);

/* hls_rendition.c */

/* False when the room has no such rendition now; else its slot in the broadcast, or -1. */
bool hls_rendition_find_slot(const struct hls_rendition *rendition, int *slot);

/* Nothing happens while the room has no such rendition. */
void hls_rendition_start(struct hls_rendition *rendition);
void hls_rendition_stop(struct hls_rendition *rendition);

/* An image, if there is anything new since the last. */
void hls_rendition_publish(struct hls_rendition *rendition);

/* The event as a box in the next part, bound to the room's media time. */
void hls_rendition_put_event(struct hls_rendition *rendition, const struct hls_event *event,
			     const struct buf *message);

#endif
