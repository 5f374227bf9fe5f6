#include "media/transcode_pool.h"

#include "media/transcode_child.h"
#include "server/core/alloc.h"
#include "server/core/log.h"
#include "server/core/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
	SPARES = 2,
	AGAIN_US = 1000000, /* between two starts that fail */
};

struct spare {
	struct transcode_pool *pool;
	struct transcode_child *child; /* NULL while it cannot be started */
};

struct transcode_pool {
	struct loop *loop;
	const struct log *log;
	char *path, *encoder, *preset;
	struct spare spares[SPARES];
	bool video;
	struct timer start;
	struct list dying; // the children's own
	struct transcode_pool_stats stats;
};

static int on_spare_message(const struct protocol_message *message, void *arg)
{
	(void)message;
	(void)arg;
	return -EPROTO;
}

static void on_spare_end(void *arg)
{
	struct spare *spare = arg;
	struct transcode_pool *pool = spare->pool;
	pool->stats.lost++;
	log_warn(pool->log, "spare transcoder lost");
	transcode_child_kill(spare->child);
	spare->child = NULL;
	timer_start(&pool->start, AGAIN_US);
}

static const struct transcode_child_ops spare_ops = { on_spare_message, on_spare_end };

static int start_spare(struct spare *spare)
{
	struct transcode_pool *pool = spare->pool;
	const struct transcode_program program = { pool->path, pool->encoder, pool->preset };
	const int err = transcode_child_create(&spare->child, pool->loop, &program, &pool->dying);
	if (err)
		return err;
	pool->stats.started++;
	transcode_child_bind(spare->child, &spare_ops, spare);
	return 0;
}

static void on_start(void *arg)
{
	struct transcode_pool *pool = arg;
	int err = 0;
	for (unsigned i = 0; !err && i < SPARES; i++) {
		if (!pool->spares[i].child)
			err = start_spare(&pool->spares[i]);
	}
	if (!err)
		return;
	log_error(pool->log, "transcoder cannot be started program=%s errno=%d", pool->path, -err);
	timer_start(&pool->start, AGAIN_US);
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

int transcode_pool_create(struct transcode_pool **out, struct loop *loop,
			  const struct transcode_program *program, const struct log *log)
{
	struct transcode_pool *pool = xcalloc(1, sizeof(*pool));
	pool->loop = loop;
	pool->log = log;
	pool->path = copy(program->path);
	pool->encoder = copy(program->encoder);
	pool->preset = copy(program->preset);
	pool->video = true;
	list_init(&pool->dying);
	for (unsigned i = 0; i < SPARES; i++)
		pool->spares[i].pool = pool;
	timer_init(&pool->start, loop, on_start, pool);
	on_start(pool);
	*out = pool;
	return 0;
}

void transcode_pool_stats(const struct transcode_pool *pool, struct transcode_pool_stats *stats)
{
	*stats = pool->stats;
	stats->spares = 0;
	for (unsigned i = 0; i < SPARES; i++) {
		const struct transcode_child *child = pool->spares[i].child;
		stats->spares += child && transcode_child_ready(child);
	}
}

bool transcode_pool_video(const struct transcode_pool *pool)
{
	for (unsigned i = 0; i < SPARES; i++) {
		const struct transcode_child *child = pool->spares[i].child;
		if (child && !transcode_child_video(child))
			return false;
	}
	return pool->video;
}

/* One that is ready, if there is one; else one that is about to be. */
static struct spare *best_spare(struct transcode_pool *pool)
{
	struct spare *best = NULL;
	for (unsigned i = 0; i < SPARES; i++) {
		struct spare *spare = &pool->spares[i];
		if (spare->child && transcode_child_ready(spare->child))
			return spare;
		if (spare->child && !best)
			best = spare;
	}
	return best;
}

struct transcode_child *transcode_pool_take(struct transcode_pool *pool)
{
	struct spare *spare = best_spare(pool);
	if (!spare)
		return NULL;
	struct transcode_child *child = spare->child;
	spare->child = NULL;
	pool->video = transcode_child_video(child);
	pool->stats.running++;
	timer_start(&pool->start, 0);
	return child;
}

void transcode_pool_note_lost(struct transcode_pool *pool)
{
	pool->stats.lost++;
}

void transcode_pool_note_end(struct transcode_pool *pool)
{
	pool->stats.running--;
}

struct loop *transcode_pool_loop(const struct transcode_pool *pool)
{
	return pool->loop;
}

const struct log *transcode_pool_log(const struct transcode_pool *pool)
{
	return pool->log;
}

void transcode_pool_destroy(struct transcode_pool *pool)
{
	if (!pool)
		return;
	assert(pool->stats.running == 0);
	timer_stop(&pool->start);
	for (unsigned i = 0; i < SPARES; i++)
		transcode_child_kill(pool->spares[i].child);
	transcode_children_wait(&pool->dying);
	free(pool->path);
	free(pool->encoder);
	free(pool->preset);
	free(pool);
}
