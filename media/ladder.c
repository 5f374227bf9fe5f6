#include "media/ladder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	AREA_MAX = 4096 * 2304, /* what the transcoder decodes */
	SIDE_LEAST = 16, /* a macroblock */
	SOURCE_BPS_MAX = 8000000, /* of a rung in the source's size, if no row says */
};

/* A decimal number at *text, which is moved behind it; -1 when there is none or it is too large. */
static long number(const char **text)
{
	char *end;
	if (**text < '0' || **text > '9')
		return -1;
	const long value = strtol(*text, &end, 10);
	*text = end;
	return value > 1000000 ? -1 : value;
}

static bool skip(const char **text, char expected)
{
	if (**text != expected)
		return false;
	(*text)++;
	return true;
}

static int parse_row(const char **text, struct ladder_row *row)
{
	const long side = number(text);
	if (!skip(text, 'p') || !skip(text, ':'))
		return -EINVAL;
	const long kbps = number(text);
	if (side < LADDER_SIDE_MIN || side > LADDER_SIDE_MAX || side % 2 ||
	    kbps < LADDER_KBPS_MIN || kbps > LADDER_KBPS_MAX)
		return -EINVAL;
	*row = (struct ladder_row){ .side = (uint16_t)side, .bps = (uint32_t)kbps * 1000 };
	return 0;
}

/* Larger ones stay in front. */
static int insert(struct ladder *ladder, const struct ladder_row *row)
{
	unsigned at = 0;
	while (at < ladder->count && ladder->rows[at].side > row->side)
		at++;
	if (ladder->count == LADDER_ROWS_MAX ||
	    (at < ladder->count && ladder->rows[at].side == row->side))
		return -EINVAL;
	memmove(&ladder->rows[at + 1], &ladder->rows[at],
		(ladder->count - at) * sizeof(ladder->rows[0]));
	ladder->rows[at] = *row;
	ladder->count++;
	return 0;
}

int ladder_parse(struct ladder *out, const char *text)
{
	struct ladder ladder = { 0 };
	const bool none = !strcmp(text, "none");
	bool more = !none;
	while (more) {
		struct ladder_row row;
		if (parse_row(&text, &row) || insert(&ladder, &row))
			return -EINVAL;
		more = skip(&text, ',');
	}
	if (!none && *text)
		return -EINVAL;
	*out = ladder;
	return 0;
}

static uint16_t shorter(const struct ladder_source *source)
{
	return source->width < source->height ? source->width : source->height;
}

/* The side of the source in a picture whose shorter side is `side`, to the nearest even number. */
static uint16_t scaled(uint16_t length, uint16_t side, uint16_t source_side)
{
	return (uint16_t)(2 * (((uint32_t)length * side + source_side) / (2 * source_side)));
}

/* A picture of this size costs about as many bits for each sample as the nearest row's. */
static uint32_t rate_of(const struct ladder *ladder, uint16_t side)
{
	const struct ladder_row *nearest = &ladder->rows[0];
	for (unsigned i = 0; i < ladder->count; i++) {
		if (abs(ladder->rows[i].side - side) < abs(nearest->side - side))
			nearest = &ladder->rows[i];
	}
	const uint64_t bps =
		(uint64_t)nearest->bps * side * side / ((uint64_t)nearest->side * nearest->side);
	return bps > SOURCE_BPS_MAX ? SOURCE_BPS_MAX : (uint32_t)bps;
}

static struct protocol_rung rung_of(const struct ladder_source *source,
				    const struct ladder_row *row)
{
	const uint16_t side = shorter(source);
	return (struct protocol_rung){
		.width = scaled(source->width, row->side, side),
		.height = scaled(source->height, row->side, side),
		.bps = row->bps,
	};
}

static bool usable(const struct ladder_source *source)
{
	return shorter(source) >= SIDE_LEAST &&
	       (uint32_t)source->width * source->height <= AREA_MAX;
}

unsigned ladder_rungs(const struct ladder *ladder, const struct ladder_source *source,
		      struct protocol_rung out[LADDER_RUNGS_MAX])
{
	struct protocol_rung rungs[LADDER_ROWS_MAX + 1];
	unsigned count = 0;
	if (ladder->count == 0 || !usable(source))
		return 0;
	if (source->reencode)
		rungs[count++] = (struct protocol_rung){
			.width = (uint16_t)(source->width & ~1u),
			.height = (uint16_t)(source->height & ~1u),
			.bps = rate_of(ladder, shorter(source)),
		};
	for (unsigned i = 0; i < ladder->count; i++) {
		if (ladder->rows[i].side < shorter(source))
			rungs[count++] = rung_of(source, &ladder->rows[i]);
	}
	/* Too many: those between go, the second lowest first. */
	while (count > LADDER_RUNGS_MAX) {
		rungs[count - 2] = rungs[count - 1];
		count--;
	}
	for (unsigned i = 0; i < count && i < LADDER_RUNGS_MAX; i++) {
		out[i] = rungs[i];
		out[i].slot = (uint8_t)(i + 1);
	}
	return count;
}
