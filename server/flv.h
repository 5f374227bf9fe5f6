/*
 * HTTP-FLV and WebSocket-FLV viewers: GET /live/{room}.flv. Joins a connection to a muxing sink of
 * the room's broadcast. Worker's thread.
 */
#ifndef SOUK_SERVER_FLV_H
#define SOUK_SERVER_FLV_H

#include <stddef.h>
#include <stdint.h>

struct broadcast_clock;
struct buf;
struct room_view;
struct feed_reader;
struct worker;

/* An `onSouk` tag of this moment, one for all readers; NULL when memory is short. */
struct buf *flv_now_tag(const struct broadcast_clock *clock, int64_t utc_us, const char *text,
			size_t len);

/* The room's present batch, for the viewer whose reader this is. */
void flv_viewer_deliver(struct feed_reader *reader, struct room_view *view);

/* `clock` to the viewer whose reader this is, and to the live sessions that named its sid. */
void flv_viewer_send_clock(struct feed_reader *reader);
/* The same for the viewers with that sid. */
void flv_send_clock_of(struct room_view *view, const char *sid);

/* Every WORKER_GREET_US while there are any: who has got its first picture is told the room's state
 * and clock. */
void flv_greet(struct worker *worker);
/* Once a second: whose clock is due. */
void flv_second(struct worker *worker);

/* All connections of the worker, at its end. */
void flv_end_all(struct worker *worker);

#endif
