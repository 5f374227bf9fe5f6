/*
 * The recording of a room in its home worker: while the room is to be recorded and there is a
 * source, its frames are cut into parts and handed to the recorder. Home worker's thread.
 */
#ifndef SOUK_SERVER_RECORD_HOME_H
#define SOUK_SERVER_RECORD_HOME_H

struct buf;
struct record_home;
struct room_view;

enum { RECORD_RETRY_S = 30 }; /* after the disk failed, with the next segment */

/* Starts or stops by the room's settings and state; whenever they may have changed. */
void record_home_update(struct room_view *view);

/* A timeline event, as it goes to everybody. */
void record_home_event(struct room_view *view, struct buf *message);

/* Of room_view.record; takes NULL. */
void record_home_destroy(struct record_home *record);

#endif
