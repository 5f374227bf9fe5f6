#include "server/core/loop.h"

#include "server/core/alloc.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Binary heap by due_us, the first timer in front. */
struct heap {
	struct timer **timers;
	unsigned count;
	unsigned size;
};

struct loop {
	struct event_base *base;
	const struct clock *clock;
	struct event *tick; /* comes when the first timer is due, or before it */
	int tick_fd;
	int64_t tick_us; /* what tick_fd is set to; INT64_MAX: nothing */
	struct event *stop; /* readable once loop_stop() was called */
	int stop_fd;
	struct heap exact, lazy;
	struct list deferred; // deferred.link
};

static int64_t next_tick_us(const struct loop *loop)
{
	const struct heap *exact = &loop->exact, *lazy = &loop->lazy;
	const int64_t exact_us = exact->count ? exact->timers[0]->due_us : INT64_MAX;
	const int64_t lazy_us = lazy->count ? lazy->timers[0]->due_us + LOOP_SLACK_US : INT64_MAX;
	return exact_us < lazy_us ? exact_us : lazy_us;
}

/* Sets the timerfd only when another timer is the first one: libevent's own precise timers cost a
 * system call a turn. */
static void arm_tick(struct loop *loop)
{
	const int64_t next_us = next_tick_us(loop);
	if (next_us == INT64_MAX || next_us == loop->tick_us)
		return;
	loop->tick_us = next_us;
	int64_t wait_us = next_us - loop_now_us(loop);
	if (wait_us < 0)
		wait_us = 0;
	const struct itimerspec spec = {
		.it_value.tv_sec = wait_us / 1000000,
		.it_value.tv_nsec = wait_us % 1000000 * 1000 + 1, /* 0 would mean never */
	};
	timerfd_settime(loop->tick_fd, 0, &spec, NULL);
}

static void place(struct heap *heap, unsigned at, struct timer *timer)
{
	heap->timers[at] = timer;
	timer->place = at + 1;
}

static void sift_up(struct heap *heap, unsigned at)
{
	struct timer *timer = heap->timers[at];
	while (at > 0 && heap->timers[(at - 1) / 2]->due_us > timer->due_us) {
		place(heap, at, heap->timers[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(heap, at, timer);
}

static void sift_down(struct heap *heap, unsigned at)
{
	struct timer *timer = heap->timers[at];
	for (;;) {
		unsigned child = at * 2 + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
		    heap->timers[child + 1]->due_us < heap->timers[child]->due_us)
			child++;
		if (heap->timers[child]->due_us >= timer->due_us)
			break;
		place(heap, at, heap->timers[child]);
		at = child;
	}
	place(heap, at, timer);
}

static struct heap *heap_of(const struct timer *timer)
{
	return timer->lazy ? &timer->loop->lazy : &timer->loop->exact;
}

static void add(struct timer *timer)
{
	struct heap *heap = heap_of(timer);
	if (heap->count == heap->size) {
		heap->size = heap->size ? heap->size * 2 : 64;
		heap->timers = xrealloc(heap->timers, heap->size * sizeof(struct timer *));
	}
	place(heap, heap->count++, timer);
	sift_up(heap, heap->count - 1);
}

static void take_out(struct timer *timer)
{
	struct heap *heap = heap_of(timer);
	const unsigned at = timer->place - 1;
	timer->place = 0;
	struct timer *last = heap->timers[--heap->count];
	if (last == timer)
		return;
	place(heap, at, last);
	sift_up(heap, at);
	sift_down(heap, last->place - 1);
}

void timer_init(struct timer *timer, struct loop *loop, void (*fn)(void *arg), void *arg)
{
	*timer = (struct timer){ .loop = loop, .fn = fn, .arg = arg };
}

void timer_init_lazy(struct timer *timer, struct loop *loop, void (*fn)(void *arg), void *arg)
{
	*timer = (struct timer){ .loop = loop, .fn = fn, .arg = arg, .lazy = true };
}

void timer_start_at(struct timer *timer, int64_t due_us)
{
	if (timer->place)
		take_out(timer);
	timer->due_us = due_us;
	add(timer);
	arm_tick(timer->loop);
}

void timer_start(struct timer *timer, int64_t delay_us)
{
	timer_start_at(timer, loop_now_us(timer->loop) + (delay_us > 0 ? delay_us : 0));
}

void timer_again(struct timer *timer, int64_t period_us)
{
	const int64_t next_us = timer->due_us + period_us, now_us = loop_now_us(timer->loop);
	timer_start_at(timer, next_us > now_us ? next_us : now_us + period_us);
}

void timer_stop(struct timer *timer)
{
	if (!timer->place)
		return;
	take_out(timer);
	arm_tick(timer->loop);
}

static void run_due(const struct heap *heap, int64_t now_us)
{
	while (heap->count && heap->timers[0]->due_us <= now_us) {
		struct timer *timer = heap->timers[0];
		take_out(timer);
		timer->fn(timer->arg);
		/* A timer that restarts itself with delay 0 waits for the next round. */
		if (heap->count && heap->timers[0] == timer)
			break;
	}
}

void loop_run_due(struct loop *loop)
{
	const int64_t now_us = loop_now_us(loop);
	run_due(&loop->exact, now_us);
	run_due(&loop->lazy, now_us);
	arm_tick(loop);
}

/* An edge for each time that it was set: nothing has to be read. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct loop *loop = arg;
	loop->tick_us = INT64_MAX;
	loop_run_due(loop);
}

void deferred_init(struct deferred *deferred, void (*fn)(void *arg), void *arg)
{
	list_init(&deferred->link);
	deferred->fn = fn;
	deferred->arg = arg;
}

void loop_defer(struct loop *loop, struct deferred *deferred)
{
	if (!list_empty(&deferred->link))
		return;
	list_append(&loop->deferred, &deferred->link);
}

void deferred_cancel(struct deferred *deferred)
{
	list_remove(&deferred->link);
}

/* Not by an event of libevent's: what becomes active while it works off its queue is worked off in
 * the same go, so that who defers again and again would keep sockets and timers from their turn. */
static void run_deferred(struct loop *loop)
{
	struct list batch;
	list_init(&batch);
	while (!list_empty(&loop->deferred)) {
		struct list *link = loop->deferred.next;
		list_remove(link);
		list_append(&batch, link);
	}
	while (!list_empty(&batch)) {
		struct deferred *deferred = list_entry(batch.next, struct deferred, link);
		list_remove(&deferred->link);
		deferred->fn(deferred->arg);
	}
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct loop *loop = arg;
	eventfd_t value;
	eventfd_read(fd, &value);
	event_base_loopbreak(loop->base);
}

static struct event_base *base_create(void)
{
	struct event_config *config = event_config_new();
	if (!config)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	struct event_base *base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

int loop_create(struct loop **out, const struct clock *clock)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));
	list_init(&loop->deferred);
	loop->clock = clock;
	loop->tick_us = INT64_MAX;
	loop->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	loop->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	loop->base = base_create();
	if (loop->tick_fd < 0 || loop->stop_fd < 0 || !loop->base)
		goto fail;
	loop->tick =
		event_new(loop->base, loop->tick_fd, EV_READ | EV_ET | EV_PERSIST, on_tick, loop);
	loop->stop = event_new(loop->base, loop->stop_fd, EV_READ | EV_PERSIST, on_stop, loop);
	if (!loop->tick || !loop->stop || event_add(loop->tick, NULL) ||
	    event_add(loop->stop, NULL))
		goto fail;
	*out = loop;
	return 0;
fail:
	loop_destroy(loop);
	return -ENOMEM;
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

int64_t loop_now_us(const struct loop *loop)
{
	return clock_mono_us(loop->clock);
}

int64_t loop_utc_us(const struct loop *loop)
{
	return clock_utc_us(loop->clock);
}

void loop_run(struct loop *loop)
{
	do {
		const int wait = list_empty(&loop->deferred) ? 0 : EVLOOP_NONBLOCK;
		event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | wait);
		run_due(&loop->lazy, loop_now_us(loop));
		run_deferred(loop);
	} while (!event_base_got_break(loop->base));
}

void loop_turn(struct loop *loop)
{
	event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	run_deferred(loop);
}

void loop_poll(struct loop *loop)
{
	do {
		run_deferred(loop);
		event_base_loop(loop->base, EVLOOP_NONBLOCK);
	} while (!list_empty(&loop->deferred));
}

void loop_stop(struct loop *loop)
{
	eventfd_write(loop->stop_fd, 1);
}

static void event_free_any(struct event *event)
{
	if (event)
		event_free(event);
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	assert(list_empty(&loop->deferred));
	assert(loop->exact.count == 0 && loop->lazy.count == 0);
	event_free_any(loop->tick);
	event_free_any(loop->stop);
	if (loop->base)
		event_base_free(loop->base);
	if (loop->tick_fd >= 0)
		close(loop->tick_fd);
	if (loop->stop_fd >= 0)
		close(loop->stop_fd);
	free(loop->exact.timers);
	free(loop->lazy.timers);
	free(loop);
}
