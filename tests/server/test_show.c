#include "server/show.h"
#include "tests/support/fake_clock.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

static struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct show show;
	int changes;
	uint64_t kicked;
} f;

static void on_changed(void *arg, enum room_state state, uint32_t epoch)
{
	(void)arg;
	(void)state;
	(void)epoch;
	f.changes++;
}

static void on_kick(void *arg, const struct show_publisher *publisher)
{
	(void)arg;
	f.kicked = publisher->id;
}

static const struct show_ops ops = { .changed = on_changed, .kick = on_kick };

static const struct show_publisher anna = { .id = 1, .sub = "anna" };
static const struct show_publisher anna_again = { .id = 2, .sub = "anna" };
static const struct show_publisher bert = { .id = 3, .sub = "bert" };

static void setup(void)
{
	f = (struct fixture){ 0 };
	fake_clock_init(&f.fake);
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	show_init(&f.show, f.loop, &ops, NULL);
	f.show.host_grace_s = 60;
}

static void teardown(void)
{
	show_finish(&f.show);
	loop_destroy(f.loop);
}

TestSuite(show, .init = setup, .fini = teardown);

Test(show, another_subject_is_refused_and_the_same_takes_over)
{
	cr_assert(eq(int, show_claim(&f.show, &anna), 0));
	cr_assert(eq(int, show_claim(&f.show, &bert), -EBUSY));
	cr_assert(eq(int, show_claim(&f.show, &anna_again), 0));
	cr_assert(eq(u64, f.kicked, 1));
	cr_assert(eq(u32, f.show.epoch, 2));
	show_gone(&f.show, 1, false);
	cr_assert(eq(int, f.show.state, ROOM_LIVE), "late news of the former connection");
}

Test(show, lost_for_the_grace_time_then_ended)
{
	cr_assert(eq(int, show_claim(&f.show, &anna), 0));
	show_gone(&f.show, 1, false);
	cr_assert(eq(int, f.show.state, ROOM_LOST));
	fake_clock_advance(&f.fake, f.loop, 59 * 1000000LL);
	cr_assert(eq(int, f.show.state, ROOM_LOST));
	fake_clock_advance(&f.fake, f.loop, 2 * 1000000LL);
	cr_assert(eq(int, f.show.state, ROOM_ENDED));
}

Test(show, goodbye_shortens_the_wait_to_ten_seconds)
{
	cr_assert(eq(int, show_claim(&f.show, &anna), 0));
	show_gone(&f.show, 1, true);
	fake_clock_advance(&f.fake, f.loop, 11 * 1000000LL);
	cr_assert(eq(int, f.show.state, ROOM_ENDED));
}

Test(show, a_goodbye_that_comes_late_shortens_the_wait_once)
{
	cr_assert(eq(int, show_claim(&f.show, &anna), 0));
	show_gone(&f.show, 1, false);
	fake_clock_advance(&f.fake, f.loop, 5 * 1000000LL);
	show_gone(&f.show, 1, false); /* nothing new */
	show_gone(&f.show, 1, true);
	fake_clock_advance(&f.fake, f.loop, 9 * 1000000LL);
	show_gone(&f.show, 1, true);
	cr_assert(eq(int, f.show.state, ROOM_LOST));
	fake_clock_advance(&f.fake, f.loop, 2 * 1000000LL);
	cr_assert(eq(int, f.show.state, ROOM_ENDED));
	show_gone(&f.show, 1, true);
	cr_assert(eq(int, f.show.state, ROOM_ENDED));
}

Test(show, a_goodbye_of_who_was_replaced_is_late_news)
{
	cr_assert(eq(int, show_claim(&f.show, &anna), 0));
	show_gone(&f.show, 1, false);
	cr_assert(eq(int, show_claim(&f.show, &bert), 0));
	show_gone(&f.show, 1, true);
	cr_assert(eq(int, f.show.state, ROOM_LIVE));
}

Test(show, coming_back_in_time_starts_the_next_epoch_and_stops_the_clock)
{
	cr_assert(eq(int, show_claim(&f.show, &anna), 0));
	show_gone(&f.show, 1, false);
	cr_assert(eq(int, show_claim(&f.show, &bert), 0),
		  "nobody publishes: anybody with the role may");
	fake_clock_advance(&f.fake, f.loop, 120 * 1000000LL);
	cr_assert(eq(int, f.show.state, ROOM_LIVE));
	cr_assert(eq(u32, f.show.epoch, 2));
}

Test(show, ending_kicks_the_publisher_and_a_later_one_makes_it_live_again)
{
	show_end(&f.show);
	cr_assert(eq(int, f.changes, 0), "an idle room cannot end");
	cr_assert(eq(int, show_claim(&f.show, &anna), 0));
	show_end(&f.show);
	cr_assert(eq(u64, f.kicked, 1));
	cr_assert(eq(int, f.show.state, ROOM_ENDED));
	cr_assert(eq(int, show_claim(&f.show, &bert), 0));
	cr_assert(eq(int, f.show.state, ROOM_LIVE));
}

Test(show, restored_live_room_waits_for_its_host)
{
	show_restore(&f.show, ROOM_LIVE, 7);
	cr_assert(eq(int, f.show.state, ROOM_LOST));
	cr_assert(eq(int, show_claim(&f.show, &anna), 0));
	cr_assert(eq(u32, f.show.epoch, 8));
}

Test(show, a_jump_of_the_clock_is_a_new_epoch_of_the_same_publisher)
{
	cr_assert(eq(int, show_claim(&f.show, &anna), 0));
	show_epoch(&f.show, 3);
	cr_expect(eq(u32, f.show.epoch, 3));
	cr_expect(eq(int, f.changes, 2));
	show_epoch(&f.show, 2);
	show_epoch(&f.show, 3);
	cr_expect(eq(int, f.changes, 2), "late news");
	show_gone(&f.show, 1, false);
	show_epoch(&f.show, 9);
	cr_expect(eq(u32, f.show.epoch, 3), "only who is live has a clock");
	cr_assert(eq(int, show_claim(&f.show, &bert), 0));
	cr_expect(eq(u32, f.show.epoch, 4));
}
