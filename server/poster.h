/*
 * The poster of a room: GET /live/{room}/poster.jpg, its newest keyframe as JPEG, made anew at most
 * once in POSTER_US and only while somebody asks. One room on one worker; worker's thread.
 */
#ifndef SOUK_SERVER_POSTER_H
#define SOUK_SERVER_POSTER_H

struct poster;

enum {
	POSTER_US = 10000000, /* one that is older is made anew */
	POSTER_OLD_US = 60000000, /* not shown any more where a new one cannot be made */
	POSTER_WAIT_US = 5000000, /* a request waits so long: 503 */
	POSTER_SIDE = 640, /* pixels of the longer side */
};

/* The room is gone: who waits is told. Takes NULL. */
void poster_end(struct poster *poster);
void poster_destroy(struct poster *poster); /* nobody waits; takes NULL */

#endif
