#include "load-tests/publish/pacer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

enum { LEN = 1000 };

static struct pacer pacer;

static void setup(void)
{
	pacer_init(&pacer);
	pacer_set_rate(&pacer, 1000000);
}

static void teardown(void)
{
	pacer_finish(&pacer);
}

TestSuite(pacer, .init = setup, .fini = teardown);

static struct out_packet *packet(uint16_t seq)
{
	struct out_packet *made = out_packet_create(NULL, calloc(1, LEN), LEN);
	made->seq = seq;
	return made;
}

static void push(enum pacer_class class, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		cr_assert(pacer_push(&pacer, class, packet((uint16_t)i)));
}

/* What leaves from `from_us` to `to_us` when it is asked every 5 ms. */
static unsigned drain(int64_t from_us, int64_t to_us)
{
	unsigned count = 0;
	for (int64_t at = from_us; at < to_us; at += 5000) {
		struct out_packet *out;
		while ((out = pacer_next(&pacer, at))) {
			out_packet_destroy(out);
			count++;
		}
	}
	return count;
}

Test(pacer, half_as_much_again_as_the_estimate_leaves_in_a_second)
{
	push(PACER_PICTURE, 1000);
	const unsigned count = drain(1000000, 2000000);
	const double bits = (double)count * (LEN + 84) * 8;
	cr_expect(gt(dbl, bits, 1400000.0), "%f", bits);
	cr_expect(lt(dbl, bits, 1600000.0), "%f", bits);
}

Test(pacer, unused_time_is_not_saved_up)
{
	push(PACER_PICTURE, 1);
	cr_assert(eq(uint, drain(1000000, 1010000), 1));
	push(PACER_PICTURE, 1000);
	cr_expect(lt(uint, drain(9000000, 9005000), 5));
}

Test(pacer, sound_leaves_before_pictures_and_without_credit)
{
	push(PACER_PICTURE, 100);
	drain(1000000, 1010000);
	push(PACER_SOUND, 3);
	const unsigned left = pacer.count;
	cr_expect(ge(uint, drain(1010001, 1010002), 3));
	cr_expect(gt(uint, left, pacer.count));
	cr_expect(list_empty(&pacer.queue[PACER_SOUND]));
	cr_expect(not(list_empty(&pacer.queue[PACER_PICTURE])));
}

Test(pacer, repeats_leave_before_pictures)
{
	push(PACER_PICTURE, 1);
	cr_assert(pacer_push(&pacer, PACER_REPEAT, packet(77)));
	drain(1000000, 1000001); /* the clock starts */
	struct out_packet *first = pacer_next(&pacer, 1010000);
	cr_assert(ne(ptr, first, NULL));
	cr_expect(eq(u16, first->seq, 77));
	out_packet_destroy(first);
}

Test(pacer, tells_how_long_the_queue_takes)
{
	cr_expect(eq(i64, pacer_wait_us(&pacer), 0));
	push(PACER_PICTURE, 100);
	cr_expect(eq(i64, pacer_wait_us(&pacer) / 1000, 100 * (LEN + 84) * 8 / 1500));
}

Test(pacer, is_bounded)
{
	push(PACER_PICTURE, PACER_PACKETS_MAX);
	cr_expect(not(pacer_push(&pacer, PACER_PICTURE, packet(0))));
	cr_expect(eq(uint, pacer.count, PACER_PACKETS_MAX));
}
