#include "media/transcode_pool.h"

#include "media/transcode_child.h"
#include "server/core/alloc.h"
#include "server/core/log.h"
#include "server/core/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { AGAIN_US = 1000000 }; /* between two starts that fail */

struct transcode_pool {
	struct loop *loop;
	const struct log *log;
	char *path, *encoder, *preset;
	struct transcode_child *spare; /* NULL while it cannot be started */
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
	struct transcode_pool *pool = arg;
	pool->stats.lost++;
	log_warn(pool->log, "spare transcoder lost");
	transcode_child_kill(pool->spare);
	pool->spare = NULL;
	timer_start(&pool->start, AGAIN_US);
}

static const struct transcode_child_ops spare_ops = { on_spare_message, on_spare_end };

static void on_start_spare(void *arg)
{
	struct transcode_pool *pool = arg;
	const struct transcode_program program = { pool->path, pool->encoder, pool->preset };
	const int err = transcode_child_create(&pool->spare, pool->loop, &program, &pool->dying);
	if (err) {
		log_error(pool->log, "transcoder cannot be started program=%s errno=%d", pool->path,
			  -err);
		timer_start(&pool->start, AGAIN_US);
		return;
	}
	pool->stats.started++;
	transcode_child_bind(pool->spare, &spare_ops, pool);
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
	timer_init(&pool->start, loop, on_start_spare, pool);
	on_start_spare(pool);
	*out = pool;
	return 0;
}

void transcode_pool_stats(const struct transcode_pool *pool, struct transcode_pool_stats *stats)
{
	*stats = pool->stats;
	stats->spare_ready = pool->spare && transcode_child_ready(pool->spare);
}

bool transcode_pool_video(const struct transcode_pool *pool)
{
	return pool->video && (!pool->spare || transcode_child_video(pool->spare));
}

struct transcode_child *transcode_pool_take(struct transcode_pool *pool)
{
	struct transcode_child *child = pool->spare;
	if (!child)
		return NULL;
	pool->video = transcode_child_video(child);
	pool->spare = NULL;
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
	transcode_child_kill(pool->spare);
	transcode_children_wait(&pool->dying);
	free(pool->path);
	free(pool->encoder);
	free(pool->preset);
	free(pool);
}
