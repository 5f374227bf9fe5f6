#include "media/transcode_seat.h"

#include "media/transcode_child.h"
#include "media/transcode_pool.h"
#include "server/core/log.h"

#include <errno.h>

enum { AGAIN_US = 1000000 }; /* a stream that kills each child costs one a second */

static struct protocol_progress sum(const struct protocol_progress *a,
				    const struct protocol_progress *b)
{
	return (struct protocol_progress){
		.frames_in = a->frames_in + b->frames_in,
		.decode_errors = a->decode_errors + b->decode_errors,
		.silence_us = a->silence_us + b->silence_us,
		.cpu_us = a->cpu_us + b->cpu_us,
	};
}

static void end_child(struct transcode_seat *seat)
{
	transcode_child_kill(seat->child);
	transcode_pool_note_end(seat->pool);
	seat->child = NULL;
	timer_stop(&seat->watchdog);
	seat->in_flight = 0;
	seat->before = transcode_seat_progress(seat);
	seat->now = (struct protocol_progress){ 0 };
}

static void on_child_end(void *arg)
{
	struct transcode_seat *seat = arg;
	const unsigned in_flight = seat->in_flight;
	end_child(seat);
	transcode_pool_note_lost(seat->pool);
	seat->restarts++;
	log_warn(transcode_pool_log(seat->pool), "transcoder replaced restarts=%u", seat->restarts);
	/* At once, unless the stream kills each child that it is given to. */
	const int64_t now_us = loop_now_us(transcode_pool_loop(seat->pool));
	timer_start_at(&seat->restart, seat->again_us > now_us ? seat->again_us : now_us);
	seat->again_us = now_us + AGAIN_US;
	seat->ops->lost(in_flight, seat->arg);
}

static void on_hang(void *arg)
{
	struct transcode_seat *seat = arg;
	if (seat->was_ready) {
		on_child_end(seat);
		return;
	}
	/* While it starts it need not answer; from then on it gets the whole time. */
	seat->was_ready = transcode_child_ready(seat->child);
	timer_start(&seat->watchdog, seat->hang_us);
}

static int on_progress(struct transcode_seat *seat, const struct protocol_progress *progress)
{
	if (seat->in_flight == 0)
		return -EPROTO;
	seat->now = *progress;
	if (--seat->in_flight == 0)
		timer_stop(&seat->watchdog);
	else
		timer_start(&seat->watchdog, seat->hang_us);
	seat->was_ready = true;
	return 0;
}

static int on_child_message(const struct protocol_message *message, void *arg)
{
	struct transcode_seat *seat = arg;
	if (message->type == PROTOCOL_PROGRESS)
		return on_progress(seat, &message->progress);
	return seat->ops->message(message, seat->arg);
}

static const struct transcode_child_ops child_ops = { on_child_message, on_child_end };

static void take_child(void *arg)
{
	struct transcode_seat *seat = arg;
	seat->child = transcode_pool_take(seat->pool);
	if (!seat->child) {
		timer_start(&seat->restart, AGAIN_US / 10);
		return;
	}
	seat->was_ready = transcode_child_ready(seat->child);
	transcode_child_bind(seat->child, &child_ops, seat);
	seat->ops->taken(seat->arg);
}

void transcode_seat_open(struct transcode_seat *seat, struct transcode_pool *pool,
			 const struct transcode_seat_ops *ops, void *arg, int64_t hang_us)
{
	*seat = (struct transcode_seat){ .pool = pool, .ops = ops, .arg = arg, .hang_us = hang_us };
	timer_init(&seat->watchdog, transcode_pool_loop(pool), on_hang, seat);
	timer_init(&seat->restart, transcode_pool_loop(pool), take_child, seat);
	take_child(seat);
}

int transcode_seat_send(struct transcode_seat *seat, const struct protocol_message *message)
{
	const bool asks = message->type == PROTOCOL_FRAME || message->type == PROTOCOL_PICTURE ||
			  message->type == PROTOCOL_STILL;
	const int err = seat->child ? transcode_child_send(seat->child, message) : -EPIPE;
	if (!err && asks && seat->in_flight++ == 0)
		timer_start(&seat->watchdog, seat->hang_us);
	return err;
}

struct protocol_progress transcode_seat_progress(const struct transcode_seat *seat)
{
	return sum(&seat->before, &seat->now);
}

pid_t transcode_seat_pid(const struct transcode_seat *seat)
{
	return seat->child ? transcode_child_pid(seat->child) : 0;
}

void transcode_seat_close(struct transcode_seat *seat)
{
	if (seat->child)
		end_child(seat);
	timer_stop(&seat->restart);
}
