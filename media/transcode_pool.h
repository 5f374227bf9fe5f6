/*
 * The souk-transcoder processes of one loop. They decode what strangers send, so each works for one
 * stream alone, in a sandbox of its own; this side feeds them and checks what comes back. Started
 * spares are kept that can do sound or video, so that a child that dies or hangs is replaced at
 * once; two, because the first viewer of a room can need both (decision 0007).
 *
 * Owner: the thread of the pool's loop, for everything here. Nothing blocks.
 */
#ifndef SOUK_MEDIA_TRANSCODE_POOL_H
#define SOUK_MEDIA_TRANSCODE_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct log;
struct loop;
struct transcode_child;
struct transcode_pool;
struct transcode_program; /* media/transcode_child.h */

/* Starts the spares; a program that cannot be started is tried again once a second. `program` is
 * copied, `log` has to outlive the pool. */
int transcode_pool_create(struct transcode_pool **out, struct loop *loop,
			  const struct transcode_program *program, const struct log *log)
	__attribute__((warn_unused_result));

struct transcode_pool_stats {
	uint64_t started; /* children, spares included */
	uint64_t lost; /* children that died, hung or talked nonsense */
	unsigned running; /* in use now, without the spares */
	unsigned spares; /* that are ready: so many losses now would be made good at once */
};

void transcode_pool_stats(const struct transcode_pool *pool, struct transcode_pool_stats *stats);

/* False once a child has said that its encoder for pictures is of no use. */
bool transcode_pool_video(const struct transcode_pool *pool);

/* Every seat must be closed. Kills the spares and waits for the children's end. Takes NULL. */
void transcode_pool_destroy(struct transcode_pool *pool);

/* The rest is for seats (media/transcode_seat.h). */

/* A spare, which is the caller's to bind and to kill from now on; NULL while there is none. Its
 * successor is started in the loop's next turn. */
struct transcode_child *transcode_pool_take(struct transcode_pool *pool);
void transcode_pool_note_lost(struct transcode_pool *pool);
void transcode_pool_note_end(struct transcode_pool *pool); /* of one that was taken */
struct loop *transcode_pool_loop(const struct transcode_pool *pool);
const struct log *transcode_pool_log(const struct transcode_pool *pool);

#endif
