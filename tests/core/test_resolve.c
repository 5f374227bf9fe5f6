#include "server/core/resolve.h"

#include "server/core/addr.h"
#include "server/core/loop.h"
#include "tests/support/fake_clock.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct resolver *resolver;
	unsigned answers;
	size_t count;
	char text[ADDR_TEXT];
};

static struct fixture f;

static void setup(void)
{
	f = (struct fixture){ 0 };
	fake_clock_init(&f.fake);
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	cr_assert(eq(int, resolver_create(&f.resolver, f.loop), 0));
}

static void teardown(void)
{
	resolver_destroy(f.resolver);
	loop_poll(f.loop);
	loop_destroy(f.loop);
}

TestSuite(resolve, .init = setup, .fini = teardown);

static void on_answer(void *arg, const struct addr *addrs, size_t count)
{
	(void)arg;
	f.answers++;
	f.count = count;
	if (count)
		addr_format(&addrs[0], f.text);
}

static void ask(struct resolve **out, const char *host)
{
	resolve_start(out, f.resolver, host, 1935, on_answer, NULL);
	cr_assert(eq(uint, f.answers, 0), "never inside the call");
}

Test(resolve, numbers_are_answered_without_asking_anybody)
{
	struct resolve *resolve;
	ask(&resolve, "192.0.2.7");
	loop_poll(f.loop);
	cr_assert(eq(uint, f.answers, 1));
	cr_assert(eq(sz, f.count, 1));
	cr_assert(eq(str, f.text, "192.0.2.7:1935"));
}

Test(resolve, numbers_of_ipv6_too)
{
	struct resolve *resolve;
	ask(&resolve, "2001:db8::7");
	loop_poll(f.loop);
	cr_assert(eq(str, f.text, "[2001:db8::7]:1935"));
}

Test(resolve, a_cancelled_question_is_not_answered)
{
	struct resolve *number, *name;
	ask(&number, "192.0.2.7");
	resolve_cancel(number);
	ask(&name, "name.invalid");
	resolve_cancel(name);
	resolve_cancel(NULL);
	for (int i = 0; i < 4; i++)
		loop_poll(f.loop);
	cr_assert(eq(uint, f.answers, 0));
}
