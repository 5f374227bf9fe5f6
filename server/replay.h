/*
 * What was recorded, read again: lists, playlists, bytes and clips. A thread of its own reads the
 * files and answers the worker that asked.
 */
#ifndef SOUK_SERVER_REPLAY_H
#define SOUK_SERVER_REPLAY_H

#include <stdint.h>

struct app;
struct exchange;
struct replay_desk;

enum {
	REPLAY_QUEUE_MAX = 256, /* requests that wait: 503 */
	REPLAY_BYTES_MAX = 64 * 1024 * 1024, /* of one answer: 413 */
	REPLAY_UNSENT_MAX = 256 * 1024 * 1024, /* of a worker's answers on their way: 503 */
	REPLAY_CLIENT_MAX = REPLAY_BYTES_MAX, /* of it to one client: 503 */
	REPLAY_INDEX_MAX = 128 * 1024 * 1024,
	REPLAY_CLIP_US = 120 * 1000000, /* the longest clip */
};

int replay_desk_create(struct replay_desk **out, struct app *app)
	__attribute__((warn_unused_result));

/* GET /hls/{room}/replay-…; `prefix` of URIs: a ticket and a slash, or "". Worker's thread. */
void replay_serve(struct exchange *exchange, const char *name, const char *prefix);

/* No answer is made after this; what was asked is dropped. Workers are not running. */
void replay_desk_stop(struct replay_desk *desk);
void replay_desk_destroy(struct replay_desk *desk); /* takes NULL */

#endif
