/*
 * The control thread's side of the server: rooms with their shows and broadcasts, the engine that
 * decides about commerce, the sound transcoders, the data channels' SCTP. Workers reach it by calls
 * and notes; it reaches them by notes.
 */
#ifndef SOUK_SERVER_CONTROL_H
#define SOUK_SERVER_CONTROL_H

#include "server/call.h"
#include "server/show.h"

#include <stdbool.h>
#include <stdint.h>

struct answer;
struct app;
struct broadcast;
struct channels;
struct control;
struct engine;

enum { CONTROL_QUEUE_MAX = 65536 };
#define GUEST_PREFIX "guest-"

/* 0; or the exit status, with the reason in the log. Control's thread, as all functions with a
 * struct control. */
int control_create(struct control **out, struct app *app) __attribute__((warn_unused_result));
struct engine *control_engine(struct control *control);
struct channels *control_channels(struct control *control);
/* An order is about to be asked of the engine: takes one from the budget of `sub`, otherwise the
 * seconds to wait; and tells the engine how far the room's pictures are at this moment. */
int control_admit_order(struct control *control, const char *room, const char *sub);
/* An `order.result` for every session of that subject. */
void control_order_result(struct control *control, const char *room, const char *sub,
			  const char *key, const struct answer *answer);
/* All that was asked is answered: the process may end. */
bool control_idle(const struct control *control);
void control_destroy(struct control *control);

/*
 * A publisher wants a room. The owner embeds it and fills what is asked; `on_claimed` comes on the
 * worker with the rest filled, or with call.lost.
 */
struct claim {
	struct call call;
	char room[65];
	struct show_publisher publisher; /* id and worker are filled by claim_start() */
	void (*on_claimed)(struct claim *claim);
	/* The answer. */
	int err; /* 0, -ENOENT, -EBUSY (409 publishing) */
	uint32_t epoch;
	struct broadcast *broadcast; /* a reference for the owner */
};
int claim_start(struct claim *claim, struct worker *worker) __attribute__((warn_unused_result));

/* From workers. */
void control_note_gone(struct worker *worker, const char *room, uint64_t publisher, bool orderly);
void control_note_viewers(struct worker *worker, const char *room, unsigned viewers);
/* The show's picture cannot be shown by WebRTC in this epoch; 0: it can again. */
void control_note_unseen(struct worker *worker, const char *room, uint32_t epoch);
void control_note_likes(struct worker *worker, const char *room, unsigned likes);
/* -ENOBUFS when control has too much to do. A refusal for its rate comes back as `error`. */
int control_note_chat(struct worker *worker, const char *room, const char *sub, const char *session,
		      const char *text);

#endif
