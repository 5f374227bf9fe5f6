#include "load-tests/swarm/freeze.h"

#include <stdbool.h>

enum { MEAN_FROM = 5 }; /* gaps: before, there is no telling what is usual */

static bool is_freeze(const struct freeze *freeze, int64_t gap_us)
{
	if (freeze->kept < MEAN_FROM)
		return false;
	const int64_t mean_us = freeze->sum_us / freeze->kept;
	const int64_t more_us = mean_us + FREEZE_EXTRA_US;
	return gap_us >= (3 * mean_us > more_us ? 3 * mean_us : more_us);
}

static void keep(struct freeze *freeze, int64_t gap_us)
{
	uint32_t *slot = &freeze->gaps_us[freeze->next];
	if (freeze->kept == FREEZE_GAPS)
		freeze->sum_us -= *slot;
	else
		freeze->kept++;
	*slot = gap_us < UINT32_MAX ? (uint32_t)gap_us : UINT32_MAX;
	freeze->sum_us += *slot;
	freeze->next = (freeze->next + 1) % FREEZE_GAPS;
}

void freeze_frame(struct freeze *freeze, int64_t now_us)
{
	if (freeze->frames++) {
		const int64_t gap_us = now_us - freeze->last_us;
		if (is_freeze(freeze, gap_us)) {
			freeze->count++;
			freeze->frozen_us += gap_us;
		}
		if (gap_us > freeze->longest_us)
			freeze->longest_us = gap_us;
		keep(freeze, gap_us);
	} else {
		freeze->first_us = now_us;
	}
	freeze->last_us = now_us;
}

int64_t freeze_until(const struct freeze *freeze, int64_t now_us)
{
	const int64_t gap_us = freeze->frames ? now_us - freeze->last_us : 0;
	return freeze->frozen_us + (is_freeze(freeze, gap_us) ? gap_us : 0);
}
