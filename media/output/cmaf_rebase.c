#include "media/output/cmaf_rebase.h"

#include "media/output/cmaf.h"
#include "media/output/mp4_box.h"

#include <errno.h>
#include <string.h>

/* A box's content, within the one around it. */
struct box {
	uint8_t *data;
	size_t len;
	char type[5];
};

struct rebase {
	uint32_t sample_rate;
	bool known; /* the first fragment was seen */
	uint64_t begin_us; /* its earliest decode time */
};

static uint64_t be(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;
	while (bytes--)
		value = value << 8 | *at++;
	return value;
}

static void put_be64(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* Takes the next box off the front of `rest`. 1, 0 at the end, -EINVAL. */
static int next_box(struct box *rest, struct box *out)
{
	if (!rest->len)
		return 0;
	const uint64_t size = rest->len < MP4_BOX_HEAD ? 0 : be(rest->data, 4);
	if (size < MP4_BOX_HEAD || size > rest->len)
		return -EINVAL;
	*out = (struct box){ .data = rest->data + MP4_BOX_HEAD, .len = size - MP4_BOX_HEAD };
	memcpy(out->type, rest->data + 4, 4);
	rest->data += size;
	rest->len -= size;
	return 1;
}

static bool is(const struct box *box, const char *type, size_t least)
{
	return !strcmp(box->type, type) && box->len >= least;
}

/* The decode time of a track fragment, and the scale it is on. */
static uint8_t *find_time(struct box traf, const struct rebase *rebase, uint32_t *timescale)
{
	struct box box;
	uint8_t *time = NULL;
	*timescale = 0;
	while (next_box(&traf, &box) > 0) {
		if (is(&box, "tfhd", 8))
			*timescale = be(box.data + 4, 4) == CMAF_VIDEO_TRACK ? CMAF_VIDEO_TIMESCALE
									     : rebase->sample_rate;
		else if (is(&box, "tfdt", 12) && box.data[0] == 1)
			time = box.data + 4;
	}
	return *timescale ? time : NULL;
}

static int each_time(struct box moof, struct rebase *rebase,
		     void (*see)(struct rebase *rebase, uint8_t *time, uint32_t timescale))
{
	struct box box;
	int more;
	while ((more = next_box(&moof, &box)) > 0) {
		uint32_t timescale;
		if (!is(&box, "traf", 0))
			continue;
		uint8_t *time = find_time(box, rebase, &timescale);
		if (!time)
			return -EINVAL;
		see(rebase, time, timescale);
	}
	return more;
}

static void see_first(struct rebase *rebase, uint8_t *time, uint32_t timescale)
{
	const uint64_t ticks = be(time, 8);
	const uint64_t us = ticks / timescale * 1000000 + ticks % timescale * 1000000 / timescale;
	rebase->begin_us = !rebase->known || us < rebase->begin_us ? us : rebase->begin_us;
	rebase->known = true;
}

static uint64_t earlier(const struct rebase *rebase, uint64_t ticks, uint32_t timescale)
{
	const uint64_t by = rebase->begin_us / 1000000 * timescale +
			    rebase->begin_us % 1000000 * timescale / 1000000;
	return ticks > by ? ticks - by : 0;
}

static void move(struct rebase *rebase, uint8_t *time, uint32_t timescale)
{
	put_be64(time, earlier(rebase, be(time, 8), timescale));
}

int cmaf_rebase(uint8_t *data, size_t len, uint32_t sample_rate)
{
	struct rebase rebase = { .sample_rate = sample_rate };
	struct box rest = { .data = data, .len = len }, box;
	while (!rebase.known && next_box(&rest, &box) > 0)
		if (is(&box, "moof", 0) && each_time(box, &rebase, see_first))
			return -EINVAL;
	if (!rebase.known)
		return -EINVAL;
	rest = (struct box){ .data = data, .len = len };
	int more;
	while ((more = next_box(&rest, &box)) > 0) {
		if (is(&box, "moof", 0) && each_time(box, &rebase, move))
			return -EINVAL;
		if (is(&box, "emsg", 20) && box.data[0] == 1)
			move(&rebase, box.data + 8, CMAF_VIDEO_TIMESCALE);
	}
	return more;
}
