#include "media/ladder.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *text;
	int err;
	unsigned count;
	struct ladder_row first, last;
} texts[] = {
	{ "720p:2000,540p:1200,360p:600", 0, 3, { 720, 2000000 }, { 360, 600000 } },
	{ "360p:600,720p:2000", 0, 2, { 720, 2000000 }, { 360, 600000 } },
	{ "1080p:4500", 0, 1, { 1080, 4500000 }, { 1080, 4500000 } },
	{ "none", 0, 0, { 0 }, { 0 } },
	{ "", -EINVAL, 0, { 0 }, { 0 } },
	{ "720p", -EINVAL, 0, { 0 }, { 0 } },
	{ "720:2000", -EINVAL, 0, { 0 }, { 0 } },
	{ "720p:", -EINVAL, 0, { 0 }, { 0 } },
	{ "720p:2000,", -EINVAL, 0, { 0 }, { 0 } },
	{ "720p:2000 ", -EINVAL, 0, { 0 }, { 0 } },
	{ "720p:-5", -EINVAL, 0, { 0 }, { 0 } },
	{ "721p:2000", -EINVAL, 0, { 0 }, { 0 } },
	{ "720p:2000,720p:1000", -EINVAL, 0, { 0 }, { 0 } },
	{ "720p:49", -EINVAL, 0, { 0 }, { 0 } },
	{ "4320p:9000", -EINVAL, 0, { 0 }, { 0 } },
	{ "99999999999999999999p:1", -EINVAL, 0, { 0 }, { 0 } },
	{ "720p:9,700p:9,680p:9,660p:9,640p:9,620p:9,600p:9,580p:9,560p:9",
	  -EINVAL,
	  0,
	  { 0 },
	  { 0 } },
};

Test(ladder, is_read_from_its_text)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct ladder ladder;
		cr_assert(eq(int, ladder_parse(&ladder, texts[i].text), texts[i].err), "%s",
			  texts[i].text);
		if (texts[i].err)
			continue;
		cr_assert(eq(u32, ladder.count, texts[i].count));
		if (ladder.count == 0)
			continue;
		const struct ladder_row *last = &ladder.rows[ladder.count - 1];
		cr_assert(eq(int, ladder.rows[0].side, texts[i].first.side));
		cr_assert(eq(u32, ladder.rows[0].bps, texts[i].first.bps));
		cr_assert(eq(int, last->side, texts[i].last.side));
		cr_assert(eq(u32, last->bps, texts[i].last.bps));
	}
}

/* "slot:WIDTHxHEIGHT@kbps …" */
static void write_rungs(char *out, size_t size, const struct protocol_rung *rungs, unsigned count)
{
	size_t len = 0;
	out[0] = '\0';
	for (unsigned i = 0; i < count; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%u:%ux%u@%u", i ? " " : "",
					rungs[i].slot, rungs[i].width, rungs[i].height,
					rungs[i].bps / 1000);
}

static const struct {
	const char *what;
	struct ladder_source source;
	const char *rungs;
} sources[] = {
	{ "720p passes, two below", { 1280, 720, false }, "1:960x540@1200 2:640x360@600" },
	{ "1080p", { 1920, 1080, false }, "1:1280x720@2000 2:960x540@1200 3:640x360@600" },
	{ "upright", { 720, 1280, false }, "1:540x960@1200 2:360x640@600" },
	{ "4:3", { 960, 720, false }, "1:720x540@1200 2:480x360@600" },
	{ "a width that does not divide",
	  { 1366, 768, false },
	  "1:1280x720@2000 2:960x540@1200 3:640x360@600" },
	{ "just above a rung", { 642, 362, false }, "1:638x360@600" },
	{ "no larger than the lowest", { 640, 360, false }, "" },
	{ "with B-frames the source's own size is a rung",
	  { 1280, 720, true },
	  "1:1280x720@2000 2:960x540@1200 3:640x360@600" },
	{ "the second lowest goes when there are too many",
	  { 1920, 1080, true },
	  "1:1920x1080@4500 2:1280x720@2000 3:640x360@600" },
	{ "small with B-frames", { 320, 180, true }, "1:320x180@150" },
	{ "an odd size with B-frames", { 321, 181, true }, "1:320x180@151" },
	{ "4K does not get all bits of the world",
	  { 3840, 2160, true },
	  "1:3840x2160@8000 2:1280x720@2000 3:640x360@600" },
	{ "too large to be decoded", { 8192, 8192, false }, "" },
	{ "too small", { 8, 300, true }, "" },
	{ "not known", { 0, 0, false }, "" },
};

Test(ladder, gives_each_source_what_is_smaller_and_keeps_its_shape)
{
	struct ladder ladder;
	cr_assert(eq(int, ladder_parse(&ladder, "720p:2000,540p:1200,360p:600"), 0));
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		struct protocol_rung rungs[LADDER_RUNGS_MAX];
		char text[128];
		const unsigned count = ladder_rungs(&ladder, &sources[i].source, rungs);
		write_rungs(text, sizeof(text), rungs, count);
		cr_expect(eq(str, text, (char *)sources[i].rungs), "%s", sources[i].what);
	}
}

Test(ladder, of_no_rows_gives_nothing_even_for_b_frames)
{
	struct ladder ladder;
	struct protocol_rung rungs[LADDER_RUNGS_MAX];
	const struct ladder_source source = { 1280, 720, true };
	cr_assert(eq(int, ladder_parse(&ladder, "none"), 0));
	cr_assert(eq(u32, ladder_rungs(&ladder, &source, rungs), 0));
}
