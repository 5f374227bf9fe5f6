/*
 * One event loop a thread, over a libevent base. Sockets are plain libevent events on loop_base();
 * timers are our own, so that they follow the loop's clock (a test turns a fake clock and calls
 * loop_run_due()). Everything here belongs to the loop's thread except loop_stop().
 */
#ifndef SOUK_CORE_LOOP_H
#define SOUK_CORE_LOOP_H

#include "server/core/clock.h"
#include "server/core/list.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;

/* `clock` must outlive the loop. */
int loop_create(struct loop **out, const struct clock *clock) __attribute__((warn_unused_result));

struct event_base *loop_base(struct loop *loop);

/* Monotonic now. Read afresh at each call: a slice of work may measure itself. */
int64_t loop_now_us(const struct loop *loop);
int64_t loop_utc_us(const struct loop *loop);

/* Serves events until loop_stop(). */
void loop_run(struct loop *loop);

/* One turn of it, without waiting: for who has something to do between two. */
void loop_turn(struct loop *loop);

/* Serves what is ready without waiting, until nothing is, then returns. For tests. */
void loop_poll(struct loop *loop);

/* Ends loop_run() after the current callbacks. Any thread. */
void loop_stop(struct loop *loop);

/* All timers and deferred calls must be stopped or gone. Takes NULL. */
void loop_destroy(struct loop *loop);

/*
 * Timer: one shot, member of the object it serves. Restarting moves it. The callback may restart or
 * stop it and may free the object it lives in, if that object stops it first.
 */
struct timer {
	struct loop *loop;
	void (*fn)(void *arg);
	void *arg;
	int64_t due_us;
	unsigned place; /* position in its heap of the loop + 1; 0 when idle */
	bool lazy;
};

void timer_init(struct timer *timer, struct loop *loop, void (*fn)(void *arg), void *arg);

/* Comes up to LOOP_SLACK_US late, in a turn that the loop makes anyway if there is one. For what is
 * looked after now and then: waking up for it alone would cost more than the work. */
enum { LOOP_SLACK_US = 50000 };
void timer_init_lazy(struct timer *timer, struct loop *loop, void (*fn)(void *arg), void *arg);

void timer_start(struct timer *timer, int64_t delay_us); /* from now; negative counts as 0 */
void timer_start_at(struct timer *timer, int64_t due_us); /* on loop_now_us()'s scale */
/* A period after it was due last, or from now if that is over: for ticks. */
void timer_again(struct timer *timer, int64_t period_us);
void timer_stop(struct timer *timer); /* also of an idle or zeroed one */

static inline bool timer_active(const struct timer *timer)
{
	return timer->place != 0;
}

/* Fires what is due by the loop's clock; the loop does it by itself, tests with a fake clock call
 * it. */
void loop_run_due(struct loop *loop);

/*
 * Deferred call: runs once, at the end of the turn, outside of the callback that asked for it. The
 * way to destroy an object from inside its own callback. Asking twice runs it once. What a deferred
 * call defers runs at the end of the next turn: long work in slices leaves sockets theirs.
 */
struct deferred {
	struct list link;
	void (*fn)(void *arg);
	void *arg;
};

void deferred_init(struct deferred *deferred, void (*fn)(void *arg), void *arg);
void loop_defer(struct loop *loop, struct deferred *deferred);
void deferred_cancel(struct deferred *deferred);

#endif
