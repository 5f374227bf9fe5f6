/*
 * HTTP-FLV and WebSocket-FLV viewers: GET /live/{room}.flv. Joins a connection to a muxing sink of
 * the room's broadcast. Worker's thread.
 */
#ifndef SOUK_SERVER_FLV_H
#define SOUK_SERVER_FLV_H

#include "server/core/list.h"

#include <stddef.h>
#include <stdint.h>

struct broadcast_clock;
struct buf;
struct worker;

/* An `onSouk` tag of this moment, one for all readers; NULL when memory is short. */
struct buf *flv_now_tag(const struct broadcast_clock *clock, int64_t utc_us, const char *text,
			size_t len);

/* A message for the viewer whose place in room_view.flvs this is; takes NULL. */
void flv_viewer_event(struct list *view_link, struct buf *tag);

/* Every 20 ms: who has got its first picture is told the room's state and clock. */
void flv_tick(struct worker *worker);
/* Every 5 s: `clock` to all, and to the live sessions that named a viewer's sid. */
void flv_send_clocks(struct worker *worker);

/* All connections of the worker, at its end. */
void flv_end_all(struct worker *worker);

#endif
