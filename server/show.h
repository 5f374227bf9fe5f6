/*
 * The life of one room's show: who publishes, and idle -> live -> lost -> ended. Decides, and tells
 * the owner by callbacks what to do; knows neither protocol nor store. Control thread.
 *
 * One publisher a room: another subject is refused, the same one takes over (its old connection is
 * ended). When the connection goes, viewers stay for host_grace_s (10 s after an orderly goodbye),
 * then the show has ended.
 */
#ifndef SOUK_SERVER_SHOW_H
#define SOUK_SERVER_SHOW_H

#include "commerce/snapshot.h"
#include "server/core/loop.h"

#include <stdbool.h>
#include <stdint.h>

/* After an orderly unpublish (design: life of a show). */
enum { SHOW_GOODBYE_GRACE_S = 10, SHOW_SUBJECT_MAX = 64 };

/* Who publishes: enough to reach that connection again. */
struct show_publisher {
	uint64_t id; /* unique in the process, never 0 */
	unsigned worker;
	char sub[SHOW_SUBJECT_MAX + 1];
};

struct show_ops {
	/* The state or the epoch has changed. */
	void (*changed)(void *arg, enum room_state state, uint32_t epoch);
	/* End that publisher's connection: somebody took over, or the show was ended. */
	void (*kick)(void *arg, const struct show_publisher *publisher);
};

struct show {
	enum room_state state;
	uint32_t epoch;
	int host_grace_s;
	struct show_publisher publisher; /* id 0: nobody */
	uint64_t left_id; /* went without a goodbye, which may still come; 0: nobody */
	struct timer grace;
	const struct show_ops *ops;
	void *arg;
};

void show_init(struct show *show, struct loop *loop, const struct show_ops *ops, void *arg);

/* As it was in the store: a show that was live or lost when the process died is lost now, and its
 * publisher has host_grace_s to come back. */
void show_restore(struct show *show, enum room_state state, uint32_t epoch);

/* A publisher wants in. 0 and a new epoch, or -EBUSY when another subject is live. */
int show_claim(struct show *show, const struct show_publisher *publisher)
	__attribute__((warn_unused_result));

/* That publisher's connection has gone, with or without a goodbye, or the goodbye has come after
 * all. Late news of a former one is ignored. */
void show_gone(struct show *show, uint64_t publisher_id, bool orderly);

/* The publisher's clock has jumped: a new epoch without a new publisher. An older one is late news.
 */
void show_epoch(struct show *show, uint32_t epoch);

/* The host ends the show now. Nothing happens if it is not live or lost. */
void show_end(struct show *show);

void show_finish(struct show *show);

#endif
