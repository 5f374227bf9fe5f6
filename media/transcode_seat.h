/*
 * The place where a child of the pool works for one stream. A child that dies, hangs or talks
 * nonsense is replaced by the spare, which then has to be told everything anew. A member of its
 * owner; the thread of the pool's loop.
 */
#ifndef SOUK_MEDIA_TRANSCODE_SEAT_H
#define SOUK_MEDIA_TRANSCODE_SEAT_H

#include "media/transcoder/protocol.h"
#include "server/core/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct transcode_child;
struct transcode_pool;

struct transcode_seat_ops {
	void (*taken)(void *arg); /* a child sits here that has not been told anything */
	/* All but PROGRESS. An error says that it is nonsense. The owner may close the seat. */
	int (*message)(const struct protocol_message *message, void *arg);
	void (*lost)(unsigned in_flight, void *arg); /* and that many of what it was sent */
};

struct transcode_seat {
	struct transcode_pool *pool;
	const struct transcode_seat_ops *ops;
	void *arg;
	int64_t hang_us; /* without an answer to a frame it is replaced */
	struct transcode_child *child; /* NULL between a loss and the next start */
	bool was_ready; /* the child was, when the watchdog was started */
	unsigned in_flight; /* FRAMEs, PICTUREs and STILLs sent and not yet worked off */
	unsigned restarts;
	int64_t again_us; /* not before is a child replaced that was lost */
	struct timer watchdog; /* runs while something is in flight */
	struct timer restart;
	struct protocol_progress before; /* of children that are gone */
	struct protocol_progress now;
};

/* Takes a child at once if there is one; `taken` then fires in here. */
void transcode_seat_open(struct transcode_seat *seat, struct transcode_pool *pool,
			 const struct transcode_seat_ops *ops, void *arg, int64_t hang_us);

/* -EPIPE while there is no child, -ENOBUFS when it has too much to read already. */
int transcode_seat_send(struct transcode_seat *seat, const struct protocol_message *message)
	__attribute__((warn_unused_result));

/* Of all children so far. */
struct protocol_progress transcode_seat_progress(const struct transcode_seat *seat);

pid_t transcode_seat_pid(const struct transcode_seat *seat); /* 0 while there is none */

/* No callback fires afterwards. Ends the child. */
void transcode_seat_close(struct transcode_seat *seat);

#endif
