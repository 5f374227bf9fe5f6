#include "media/frame_rate.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static void note(struct frame_rate *rate, int64_t step_us, unsigned count)
{
	const int64_t from_us = rate->last_us;
	for (unsigned i = 1; i <= count; i++)
		frame_rate_note(rate, from_us + step_us * i);
}

Test(frame_rate, is_not_known_before_some_pictures_have_come)
{
	struct frame_rate rate = { 0 };
	note(&rate, 16667, 15);
	cr_assert(eq(u32, frame_rate_better(&rate, 33333), 33333));
	note(&rate, 16667, 1);
	cr_assert(eq(u32, frame_rate_better(&rate, 33333), 16667));
}

Test(frame_rate, stamps_in_milliseconds_give_the_usual_rate)
{
	struct frame_rate rate = { 0 };
	for (int64_t i = 0; i < 40; i++)
		frame_rate_note(&rate, i * 1000 / 60 * 1000);
	cr_assert(eq(u32, frame_rate_better(&rate, 33333), 16667));
}

Test(frame_rate, a_little_off_is_no_reason_to_change)
{
	struct frame_rate rate = { 0 };
	note(&rate, 35000, 40);
	cr_assert(eq(u32, frame_rate_better(&rate, 33333), 33333));
}

Test(frame_rate, gaps_and_jumps_of_the_clock_are_left_out)
{
	struct frame_rate rate = { 0 };
	note(&rate, 40000, 10);
	frame_rate_note(&rate, rate.last_us + 5000000);
	frame_rate_note(&rate, rate.last_us - 9000000);
	frame_rate_note(&rate, INT64_MIN);
	frame_rate_note(&rate, INT64_MAX);
	note(&rate, 40000, 0);
	frame_rate_note(&rate, 0);
	note(&rate, 40000, 10);
	cr_assert(eq(u32, frame_rate_better(&rate, 33333), 40000));
}
