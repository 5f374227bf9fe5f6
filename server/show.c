#include "server/show.h"

#include <errno.h>
#include <string.h>

static void enter(struct show *show, enum room_state state)
{
	show->state = state;
	show->ops->changed(show->arg, state, show->epoch);
}

static void on_grace_over(void *arg)
{
	enter(arg, ROOM_ENDED);
}

void show_init(struct show *show, struct loop *loop, const struct show_ops *ops, void *arg)
{
	*show = (struct show){ .ops = ops, .arg = arg };
	timer_init(&show->grace, loop, on_grace_over, show);
}

static void wait_for_host(struct show *show, int grace_s)
{
	timer_start(&show->grace, (int64_t)grace_s * 1000000);
	enter(show, ROOM_LOST);
}

void show_restore(struct show *show, enum room_state state, uint32_t epoch)
{
	show->state = state;
	show->epoch = epoch;
	if (state == ROOM_LIVE || state == ROOM_LOST)
		wait_for_host(show, show->host_grace_s);
}

static void kick(struct show *show)
{
	const struct show_publisher old = show->publisher;
	show->publisher.id = 0;
	if (old.id)
		show->ops->kick(show->arg, &old);
}

int show_claim(struct show *show, const struct show_publisher *publisher)
{
	if (show->publisher.id && strcmp(show->publisher.sub, publisher->sub) != 0)
		return -EBUSY;
	timer_stop(&show->grace);
	kick(show);
	show->publisher = *publisher;
	show->left_id = 0;
	show->epoch++;
	enter(show, ROOM_LIVE);
	return 0;
}

void show_gone(struct show *show, uint64_t publisher_id, bool orderly)
{
	const bool late = orderly && show->state == ROOM_LOST && show->left_id == publisher_id;
	if (!publisher_id || (show->publisher.id != publisher_id && !late))
		return;
	show->publisher.id = 0;
	show->left_id = orderly ? 0 : publisher_id;
	const bool soon = orderly && show->host_grace_s > SHOW_GOODBYE_GRACE_S;
	wait_for_host(show, soon ? SHOW_GOODBYE_GRACE_S : show->host_grace_s);
}

void show_epoch(struct show *show, uint32_t epoch)
{
	if (show->state != ROOM_LIVE || epoch <= show->epoch)
		return;
	show->epoch = epoch;
	enter(show, ROOM_LIVE);
}

void show_end(struct show *show)
{
	if (show->state != ROOM_LIVE && show->state != ROOM_LOST)
		return;
	timer_stop(&show->grace);
	kick(show);
	enter(show, ROOM_ENDED);
}

void show_finish(struct show *show)
{
	timer_stop(&show->grace);
}
