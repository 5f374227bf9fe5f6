#include "media/output/hls_breaks.h"

static bool is_later(uint32_t epoch, uint32_t than)
{
	return (int32_t)(epoch - than) > 0;
}

void hls_breaks_begin(struct hls_breaks *breaks, uint64_t number)
{
	if (breaks->number < number)
		breaks->number = number;
	breaks->any = false;
}

bool hls_breaks_next(struct hls_breaks *breaks, struct hls_breaks_place *place, uint32_t epoch)
{
	const bool later = !breaks->any || is_later(epoch, breaks->epoch);
	const bool first = later || (place->any && place->number == breaks->number);
	breaks->number += first;
	if (later)
		breaks->epoch = epoch;
	breaks->any = true;
	*place = (struct hls_breaks_place){ breaks->number, epoch, true };
	return first && !later; /* a later epoch comes to all */
}

bool hls_breaks_lacks(const struct hls_breaks *breaks, const struct hls_breaks_place *place,
		      uint32_t epoch)
{
	return place->any && place->number < breaks->number && !is_later(epoch, place->epoch);
}
