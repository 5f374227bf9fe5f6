#include "load-tests/micro/loop_cost.h"

#include "load-tests/micro/meter.h"
#include "server/core/alloc.h"
#include "server/core/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const char TIMERS[] = "timers, ns; others that run:", TURNS[] = "a turn of the loop, ns";

enum { FAR_US = 60000000, DEFERRED = 64, STEP = 64 };

static const struct {
	size_t timers;
	const char *column;
} sizes[] = { { 0, "0" }, { 1000, "1000" }, { 10000, "10000" } };

enum { SIZES = sizeof(sizes) / sizeof(*sizes) };

struct loop_trial {
	struct clock clock;
	struct loop *loop;
	struct timer *others;
	size_t other_count;
	struct timer timer;
	struct deferred deferred[DEFERRED];
	int fd; /* eventfd */
	struct event *event;
	uint64_t calls;
};

static void on_call(void *arg)
{
	((struct loop_trial *)arg)->calls++;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	eventfd_t value;
	eventfd_read(fd, &value);
	on_call(arg);
}

static void finish(struct loop_trial *trial)
{
	timer_stop(&trial->timer);
	for (size_t i = 0; i < trial->other_count; i++)
		timer_stop(&trial->others[i]);
	if (trial->event)
		event_free(trial->event);
	if (trial->fd >= 0)
		close(trial->fd);
	loop_destroy(trial->loop);
	free(trial->others);
	free(trial);
}

static int start(struct loop_trial *trial, size_t timers)
{
	clock_init(&trial->clock);
	trial->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int err = trial->fd < 0 ? -errno : loop_create(&trial->loop, &trial->clock);
	if (err)
		return err;
	trial->event = event_new(loop_base(trial->loop), trial->fd, EV_READ | EV_PERSIST,
				 on_readable, trial);
	if (!trial->event || event_add(trial->event, NULL))
		return -ENOMEM;
	timer_init(&trial->timer, trial->loop, on_call, trial);
	for (int i = 0; i < DEFERRED; i++)
		deferred_init(&trial->deferred[i], on_call, trial);
	trial->others = xcalloc(timers + 1, sizeof(*trial->others));
	trial->other_count = timers;
	for (size_t i = 0; i < timers; i++) {
		timer_init(&trial->others[i], trial->loop, on_call, trial);
		/* In no order, as in life. */
		timer_start(&trial->others[i], FAR_US + (int64_t)(i * 7919 % timers) * 1000);
	}
	return 0;
}

static int start_stop(void *arg, uint64_t operations, struct stopwatch *watch)
{
	struct loop_trial *trial = arg;
	stopwatch_start(watch);
	for (uint64_t i = 0; i < operations; i++) {
		timer_start(&trial->timer, FAR_US + (int64_t)(i % 1000) * 10000);
		timer_stop(&trial->timer);
	}
	stopwatch_stop(watch);
	return 0;
}

static int restart(void *arg, uint64_t operations, struct stopwatch *watch)
{
	struct loop_trial *trial = arg;
	stopwatch_start(watch);
	for (uint64_t i = 0; i < operations; i++)
		timer_start(&trial->timer, FAR_US + (int64_t)(i % 1000) * 10000);
	stopwatch_stop(watch);
	timer_stop(&trial->timer);
	return 0;
}

static int fire(void *arg, uint64_t operations, struct stopwatch *watch)
{
	struct loop_trial *trial = arg;
	trial->calls = 0;
	stopwatch_start(watch);
	for (uint64_t i = 0; i < operations; i++) {
		timer_start(&trial->timer, 0);
		loop_run_due(trial->loop);
	}
	stopwatch_stop(watch);
	return trial->calls == operations ? 0 : -EIO;
}

static int defer(void *arg, uint64_t operations, struct stopwatch *watch)
{
	struct loop_trial *trial = arg;
	trial->calls = 0;
	stopwatch_start(watch);
	for (uint64_t done = 0; done < operations; done += DEFERRED) {
		for (int i = 0; i < DEFERRED; i++)
			loop_defer(trial->loop, &trial->deferred[i]);
		loop_poll(trial->loop);
	}
	stopwatch_stop(watch);
	return trial->calls == operations ? 0 : -EIO;
}

static int poll_nothing(void *arg, uint64_t operations, struct stopwatch *watch)
{
	struct loop_trial *trial = arg;
	stopwatch_start(watch);
	for (uint64_t i = 0; i < operations; i++)
		loop_poll(trial->loop);
	stopwatch_stop(watch);
	return 0;
}

static int poll_ready(void *arg, uint64_t operations, struct stopwatch *watch)
{
	struct loop_trial *trial = arg;
	trial->calls = 0;
	stopwatch_start(watch);
	for (uint64_t i = 0; i < operations; i++) {
		eventfd_write(trial->fd, 1);
		loop_poll(trial->loop);
	}
	stopwatch_stop(watch);
	return trial->calls == operations ? 0 : -EIO;
}

static int raw_eventfd(void *arg, uint64_t operations, struct stopwatch *watch)
{
	const struct loop_trial *trial = arg;
	eventfd_t value;
	stopwatch_start(watch);
	for (uint64_t i = 0; i < operations; i++) {
		eventfd_write(trial->fd, 1);
		eventfd_read(trial->fd, &value);
	}
	stopwatch_stop(watch);
	return 0;
}

static void measure(struct meter *meter, const struct trial *wanted, size_t timers)
{
	struct loop_trial *state = xcalloc(1, sizeof(*state));
	const int err = start(state, timers);
	struct trial trial = *wanted;
	trial.step = STEP;
	trial.arg = state;
	if (err)
		meter_skip(meter, trial.group, trial.name, "no loop");
	else
		meter_measure(meter, &trial);
	finish(state);
}

void loop_cost(struct meter *meter)
{
	static const struct trial timers[] = {
		{ .group = TIMERS, .name = "start and stop", .run = start_stop },
		{ .group = TIMERS, .name = "start again", .run = restart },
		{ .group = TIMERS, .name = "start and fire", .run = fire },
	};
	static const struct trial turns[] = {
		{ .group = TURNS, .name = "with nothing ready", .column = "", .run = poll_nothing },
		{ .group = TURNS,
		  .name = "a deferred call, 64 a turn",
		  .column = "",
		  .run = defer },
		{ .group = TURNS,
		  .name = "an eventfd written and served",
		  .column = "",
		  .run = poll_ready },
		{ .group = TURNS,
		  .name = "an eventfd written and read, no loop",
		  .column = "",
		  .run = raw_eventfd },
	};
	for (size_t i = 0; i < sizeof(timers) / sizeof(*timers); i++)
		for (int size = 0; size < SIZES; size++) {
			struct trial trial = timers[i];
			trial.column = sizes[size].column;
			measure(meter, &trial, sizes[size].timers);
		}
	for (size_t i = 0; i < sizeof(turns) / sizeof(*turns); i++)
		measure(meter, &turns[i], 0);
}
