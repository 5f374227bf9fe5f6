#include "server/admission.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limits.h>

enum { EVERY_US = 200000, MOST = 85 };

static struct admission admission;
static struct admission_sample now;

static void setup(void)
{
	now = (struct admission_sample){ 0 };
	admission_init(&admission, MOST);
}

TestSuite(admission, .init = setup);

/* So many looks at viewers who take so many percent of the thread. */
static void watch(int looks, unsigned viewers, int percent)
{
	for (int i = 0; i < looks; i++) {
		now.at_us += EVERY_US;
		now.spent_us += EVERY_US / 100 * percent;
		now.viewers = viewers;
		admission_look(&admission, &now);
	}
}

static unsigned limit(void)
{
	return atomic_load(&admission.limit);
}

Test(admission, nothing_is_known_at_first)
{
	cr_expect(admission_room(&admission, 100000));
	watch(2, 1000, 100);
	cr_expect(admission_room(&admission, 100000));
}

Test(admission, those_who_are_in_tell_what_one_more_costs)
{
	watch(ADMISSION_SAMPLES, 1000, 50);
	cr_expect(eq(uint, limit(), 1700));
	cr_expect(admission_room(&admission, 1699));
	cr_expect(not(admission_room(&admission, 1700)));
}

Test(admission, an_empty_worker_takes_a_stampede)
{
	watch(ADMISSION_SAMPLES, 0, 1);
	cr_expect(ge(uint, limit(), 1500));
}

Test(admission, a_worker_without_time_takes_nobody_until_it_has_some)
{
	watch(ADMISSION_SAMPLES, 1000, 90);
	cr_expect(not(admission_room(&admission, ADMISSION_KNOWN_FROM)));
	watch(ADMISSION_SAMPLES, 900, 80);
	cr_expect(gt(uint, limit(), 900));
	cr_expect(lt(uint, limit(), 1000));
}

Test(admission, who_came_in_meanwhile_counts_as_those_before)
{
	watch(ADMISSION_SAMPLES, 1000, 50);
	watch(1, 1600, 50);
	cr_expect(eq(uint, limit(), 1747)); /* 1,028 on average took half */
}

Test(admission, a_keyframe_now_and_then_changes_little)
{
	for (int i = 0; i < 10; i++) {
		watch(2, 1000, 80);
		watch(8, 1000, 40);
		if (i >= 2) {
			cr_expect(gt(uint, limit(), 1700));
			cr_expect(lt(uint, limit(), 1900));
		}
	}
}

Test(admission, late_frames_close_the_door_whatever_the_time_spent)
{
	admission_waited(&admission, ADMISSION_LATE_US + 1);
	watch(ADMISSION_SAMPLES, 200, 5);
	cr_expect(not(admission_room(&admission, 200)));
	admission_waited(&admission, 1000);
	watch(1, 200, 5);
	cr_expect(admission_room(&admission, 200));
}

Test(admission, the_first_hundred_are_let_in_whatever_happens)
{
	admission_waited(&admission, ADMISSION_LATE_US + 1);
	watch(ADMISSION_SAMPLES, 10, 100);
	cr_expect(admission_room(&admission, ADMISSION_KNOWN_FROM - 1));
	cr_expect(not(admission_room(&admission, ADMISSION_KNOWN_FROM)));
}

Test(admission, at_100_percent_the_load_does_not_matter)
{
	admission_init(&admission, 100);
	admission_waited(&admission, ADMISSION_LATE_US + 1);
	watch(ADMISSION_SAMPLES, 1000, 100);
	cr_expect(eq(uint, limit(), UINT_MAX));
}
