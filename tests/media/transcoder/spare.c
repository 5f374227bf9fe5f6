#include "tests/media/transcoder/spare.h"

#include "media/transcode_pool.h"
#include "server/core/loop.h"

#include <criterion/criterion.h>

enum { LOOK_US = 1000, WAIT_US = 20000000 };

struct wait {
	struct loop *loop;
	struct transcode_pool *pool;
	struct timer look;
	int64_t until_us;
	bool ready;
};

static void on_look(void *arg)
{
	struct wait *wait = arg;
	struct transcode_pool_stats stats;
	transcode_pool_stats(wait->pool, &stats);
	wait->ready = stats.spares > 0;
	if (wait->ready || loop_now_us(wait->loop) > wait->until_us)
		loop_stop(wait->loop);
	else
		timer_start(&wait->look, LOOK_US);
}

void spare_wait(struct loop *loop, struct transcode_pool *pool)
{
	struct wait wait = { .loop = loop, .pool = pool, .until_us = loop_now_us(loop) + WAIT_US };
	timer_init(&wait.look, loop, on_look, &wait);
	timer_start(&wait.look, 0);
	loop_run(loop);
	cr_assert(wait.ready, "no spare");
}
