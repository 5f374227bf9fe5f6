#include "server/core/loop.h"
#include "server/core/mqueue.h"
#include "tests/support/fake_clock.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct timer timer[3];
	struct deferred deferred;
	int order[16];
	int count;
};

static struct fixture f;

static void setup(void)
{
	f = (struct fixture){ 0 };
	fake_clock_init(&f.fake);
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
}

static void teardown(void)
{
	loop_destroy(f.loop);
}

TestSuite(loop, .init = setup, .fini = teardown);

static void note(void *arg)
{
	f.order[f.count++] = (int)(intptr_t)arg;
}

static void restart_self(void *arg)
{
	f.count++;
	timer_start(arg, 10000);
}

Test(loop, timers_fire_in_order_of_time)
{
	static const int delays_ms[] = { 30, 10, 20 };
	for (int i = 0; i < 3; i++) {
		timer_init(&f.timer[i], f.loop, note, (void *)(intptr_t)delays_ms[i]);
		timer_start(&f.timer[i], delays_ms[i] * 1000);
	}
	fake_clock_advance(&f.fake, f.loop, 25000);
	cr_assert(eq(int, f.count, 2));
	fake_clock_advance(&f.fake, f.loop, 10000);
	cr_assert(eq(int, f.order[0], 10));
	cr_assert(eq(int, f.order[1], 20));
	cr_assert(eq(int, f.order[2], 30));
}

Test(loop, stopped_timer_never_fires_and_restart_moves_it)
{
	timer_init(&f.timer[0], f.loop, note, NULL);
	timer_init(&f.timer[1], f.loop, note, NULL);
	timer_start(&f.timer[0], 1000);
	timer_start(&f.timer[1], 1000);
	timer_stop(&f.timer[0]);
	timer_start(&f.timer[1], 50000);
	fake_clock_advance(&f.fake, f.loop, 20000);
	cr_assert(eq(int, f.count, 0));
	fake_clock_advance(&f.fake, f.loop, 40000);
	cr_assert(eq(int, f.count, 1));
}

Test(loop, timer_may_restart_itself)
{
	timer_init(&f.timer[0], f.loop, restart_self, &f.timer[0]);
	timer_start(&f.timer[0], 10000);
	fake_clock_advance(&f.fake, f.loop, 100000);
	cr_assert(eq(int, f.count, 10));
	timer_stop(&f.timer[0]);
}

static void on_last(void *arg)
{
	f.count++;
	loop_stop(arg);
}

static void tick(void *arg)
{
	f.order[f.count++] = (int)(loop_now_us(f.loop) / 1000 % 1000);
	timer_again(arg, 10000);
}

Test(loop, a_tick_keeps_its_pace_however_late_it_comes)
{
	timer_init_lazy(&f.timer[0], f.loop, tick, &f.timer[0]);
	timer_start(&f.timer[0], 10000);
	f.fake.now_us += 17000;
	loop_run_due(f.loop);
	f.fake.now_us += 3000;
	loop_run_due(f.loop);
	f.fake.now_us += 40000; /* what it missed is not made up for */
	loop_run_due(f.loop);
	loop_run_due(f.loop);
	fake_clock_advance(&f.fake, f.loop, 10000);
	cr_assert(eq(int, f.count, 4));
	const int expected[] = { 17, 20, 60, 70 };
	cr_assert(eq(int, memcmp(f.order, expected, sizeof(expected)), 0));
	timer_stop(&f.timer[0]);
}

static void look(void *arg)
{
	f.count++;
	f.order[0] = timer_active(arg);
}

Test(loop, what_is_lazy_comes_with_what_is_not)
{
	struct clock real;
	struct loop *loop;
	clock_init(&real);
	cr_assert(eq(int, loop_create(&loop, &real), 0));
	timer_init_lazy(&f.timer[0], loop, look, &f.timer[1]);
	timer_init(&f.timer[1], loop, note, NULL);
	timer_init(&f.timer[2], loop, (void (*)(void *))loop_stop, loop);
	timer_start(&f.timer[0], 0);
	timer_start(&f.timer[1], 0);
	timer_start(&f.timer[2], 1000);
	loop_run(loop);
	cr_assert(eq(int, f.count, 2));
	cr_assert(eq(int, f.order[0], false));
	loop_destroy(loop);
}

Test(loop, what_is_lazy_comes_by_itself_in_the_end)
{
	struct clock real;
	struct loop *loop;
	clock_init(&real);
	cr_assert(eq(int, loop_create(&loop, &real), 0));
	timer_init_lazy(&f.timer[0], loop, on_last, loop);
	timer_start(&f.timer[0], 1000);
	loop_run(loop);
	cr_assert(eq(int, f.count, 1));
	loop_destroy(loop);
}

Test(loop, what_waits_behind_a_stopped_timer_still_comes)
{
	struct clock real;
	struct loop *loop;
	clock_init(&real);
	cr_assert(eq(int, loop_create(&loop, &real), 0));
	for (int i = 0; i < 3; i++) {
		timer_init(&f.timer[i], loop, on_last, loop);
		timer_start(&f.timer[i], 1000 + i * 1000);
	}
	timer_stop(&f.timer[0]);
	timer_start(&f.timer[1], 60000000);
	loop_run(loop);
	cr_assert(eq(int, f.count, 1));
	cr_assert(timer_active(&f.timer[1]));
	timer_stop(&f.timer[1]);
	loop_destroy(loop);
}

Test(loop, deferred_call_runs_once_and_can_be_cancelled)
{
	deferred_init(&f.deferred, note, NULL);
	loop_defer(f.loop, &f.deferred);
	loop_defer(f.loop, &f.deferred);
	loop_poll(f.loop);
	cr_assert(eq(int, f.count, 1));
	loop_defer(f.loop, &f.deferred);
	deferred_cancel(&f.deferred);
	loop_poll(f.loop);
	cr_assert(eq(int, f.count, 1));
}

enum { AGAIN_MAX = 100 };

static void defer_again(void *arg)
{
	const int *write_to = arg;
	if (f.count == 0)
		cr_assert(eq(int, (int)write(*write_to, "x", 1), 1));
	if (++f.count < AGAIN_MAX)
		loop_defer(f.loop, &f.deferred);
	else
		loop_stop(f.loop);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	f.order[0] = f.count;
	event_del(arg);
}

/* Slices of long work. */
Test(loop, who_defers_again_and_again_leaves_sockets_their_turn)
{
	int ends[2];
	struct event readable;
	cr_assert(eq(int, pipe(ends), 0));
	event_assign(&readable, loop_base(f.loop), ends[0], EV_READ | EV_PERSIST, on_readable,
		     &readable);
	event_add(&readable, NULL);
	deferred_init(&f.deferred, defer_again, &ends[1]);
	loop_defer(f.loop, &f.deferred);
	loop_run(f.loop);
	cr_assert(eq(int, f.count, AGAIN_MAX));
	cr_assert(eq(int, f.order[0], 1));
	close(ends[0]);
	close(ends[1]);
}

static void run(struct message *message)
{
	f.count++;
	free(message);
}

static struct message *message_new(void)
{
	struct message *message = calloc(1, sizeof(*message));
	message->run = run;
	return message;
}

Test(loop, mqueue_refuses_at_its_cap_and_drops_what_is_left)
{
	struct mqueue *queue;
	cr_assert(eq(int, mqueue_create(&queue, f.loop, 2), 0));
	cr_assert(eq(int, mqueue_push(queue, message_new()), 0));
	cr_assert(eq(int, mqueue_push(queue, message_new()), 0));
	struct message *third = message_new();
	cr_assert(eq(int, mqueue_push(queue, third), -ENOBUFS));
	loop_poll(f.loop);
	cr_assert(eq(int, f.count, 2));
	cr_assert(eq(int, mqueue_push(queue, third), 0));
	mqueue_destroy(queue);
	cr_assert(eq(int, f.count, 2));
}
