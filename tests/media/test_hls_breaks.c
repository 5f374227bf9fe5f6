#include "media/output/hls_breaks.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>

enum { FIRST = 51 };

static struct hls_breaks room;
static struct hls_breaks_place source, small, sound;

/* All three have begun in epoch 7. */
static void setup(void)
{
	room = (struct hls_breaks){ 0 };
	source = small = sound = (struct hls_breaks_place){ 0 };
	hls_breaks_begin(&room, FIRST - 1);
	cr_assert(not(hls_breaks_next(&room, &source, 7)));
	cr_assert(not(hls_breaks_next(&room, &small, 7)));
	cr_assert(not(hls_breaks_next(&room, &sound, 7)));
}

TestSuite(hls_breaks, .init = setup);

static void all_are_at(uint64_t number)
{
	cr_assert(eq(u64, source.number, number));
	cr_assert(eq(u64, small.number, number));
	cr_assert(eq(u64, sound.number, number));
}

Test(hls_breaks, all_that_begin_in_one_epoch_have_one_number)
{
	all_are_at(FIRST);
}

Test(hls_breaks, a_new_epoch_comes_to_all_by_itself)
{
	cr_assert(not(hls_breaks_next(&room, &source, 8)));
	cr_assert(not(hls_breaks_lacks(&room, &sound, 8)));
	cr_assert(not(hls_breaks_next(&room, &sound, 8)));
	cr_assert(not(hls_breaks_next(&room, &small, 8)));
	all_are_at(FIRST + 1);
}

Test(hls_breaks, what_one_alone_has_is_made_up_for_once_by_the_others)
{
	cr_assert(hls_breaks_next(&room, &source, 7));
	cr_assert(hls_breaks_lacks(&room, &small, 7));
	cr_assert(not(hls_breaks_lacks(&room, &source, 7)));
	cr_assert(not(hls_breaks_next(&room, &small, 7)));
	cr_assert(not(hls_breaks_next(&room, &sound, 7)));
	all_are_at(FIRST + 1);
}

Test(hls_breaks, sound_that_joins_late_in_a_new_epoch_has_all_that_the_pictures_had)
{
	cr_assert(not(hls_breaks_next(&room, &source, 8)));
	cr_assert(hls_breaks_next(&room, &source, 8));
	cr_assert(not(hls_breaks_lacks(&room, &sound, 8))); /* it comes to the epoch yet */
	cr_assert(not(hls_breaks_next(&room, &sound, 8)));
	cr_assert(not(hls_breaks_next(&room, &small, 8)));
	all_are_at(FIRST + 2);
}

Test(hls_breaks, one_that_starts_with_an_epoch_that_nobody_has_is_first)
{
	small = (struct hls_breaks_place){ 0 };
	cr_assert(not(hls_breaks_next(&room, &small, 8)));
	cr_assert(not(hls_breaks_next(&room, &source, 8)));
	cr_assert(not(hls_breaks_next(&room, &sound, 8)));
	all_are_at(FIRST + 1);
}

Test(hls_breaks, a_straggler_that_has_all_numbers_already_takes_the_others_with_it)
{
	cr_assert(not(hls_breaks_next(&room, &source, 8)));
	cr_assert(not(hls_breaks_next(&room, &small, 8)));
	cr_assert(not(hls_breaks_next(&room, &sound, 7))); /* the last of the old epoch */
	cr_assert(hls_breaks_next(&room, &sound, 8));
	cr_assert(hls_breaks_lacks(&room, &source, 8));
	cr_assert(not(hls_breaks_next(&room, &source, 8)));
	cr_assert(not(hls_breaks_next(&room, &small, 8)));
	all_are_at(FIRST + 2);
}

Test(hls_breaks, a_show_that_was_not_watched_for_a_while_goes_on_behind_a_discontinuity)
{
	hls_breaks_begin(&room, 3);
	source = (struct hls_breaks_place){ 0 };
	cr_assert(not(hls_breaks_next(&room, &source, 7)));
	cr_assert(eq(u64, source.number, FIRST + 1));
}

Test(hls_breaks, epochs_go_round)
{
	cr_assert(not(hls_breaks_next(&room, &source, 0x70000000)));
	cr_assert(not(hls_breaks_next(&room, &source, 0xd0000000)));
	cr_assert(not(hls_breaks_next(&room, &source, 3)));
	cr_assert(eq(u64, source.number, FIRST + 3));
}
