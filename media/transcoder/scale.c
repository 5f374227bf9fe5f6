#include "media/transcoder/scale.h"

#include "server/core/alloc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { WHOLE_SHIFT = 8, WHOLE = 1 << WHOLE_SHIFT };

/* What one sample out is made of: weights of neighbouring samples in, together WHOLE. */
struct span {
	uint16_t first;
	uint16_t count;
	uint32_t weights; /* index of the first weight */
};

struct axis {
	unsigned in, out;
	unsigned longest; /* span */
	struct span *spans; /* one for each sample out */
	uint16_t *weights;
	/* The same in flat tables, for where no span is longer than two: its first sample and the
	 * weight of its second. */
	uint16_t *firsts;
	uint16_t *seconds;
};

/* 16 samples at a time, in whatever the compiler makes of them. */
typedef uint8_t sixteen __attribute__((vector_size(16)));
typedef uint16_t sixteen_wide __attribute__((vector_size(32)));

/* Samples change places within 16 in one instruction, which is more than every x86-64 has. */
#if defined(__x86_64__)
#define WITH_SHUFFLES __attribute__((target("ssse3")))
static bool has_shuffles(void)
{
	return __builtin_cpu_supports("ssse3");
}
#else
#define WITH_SHUFFLES
static bool has_shuffles(void)
{
	return false;
}
#endif

struct scale {
	struct axis across;
	struct axis down;
	bool three_of_four; /* across, as from 720p to 540p, by shuffles */
	uint8_t *row; /* of full width; a sample more, so that pairs may read past its end */
	uint16_t *sums;
};

/* Sample i out covers [i * in, (i + 1) * in) where a sample in is `out` long. */
static void fill_span(struct axis *axis, unsigned i, uint32_t *used)
{
	const uint64_t from = (uint64_t)i * axis->in;
	const uint64_t to = from + axis->in;
	struct span *span = &axis->spans[i];
	span->first = (uint16_t)(from / axis->out);
	span->weights = *used;
	unsigned given = 0;
	for (uint64_t at = span->first; at * axis->out < to; at++) {
		const uint64_t end = (at + 1) * axis->out;
		const uint64_t covered = (end < to ? end : to) - from;
		/* Differences of rounded sums: nothing is lost or added by rounding. */
		const unsigned sum = (unsigned)((covered * WHOLE + axis->in / 2) / axis->in);
		axis->weights[(*used)++] = (uint16_t)(sum - given);
		given = sum;
		span->count++;
	}
	if (span->count > axis->longest)
		axis->longest = span->count;
}

static void axis_init(struct axis *axis, unsigned in, unsigned out)
{
	uint32_t used = 0;
	*axis = (struct axis){ .in = in, .out = out };
	axis->spans = xcalloc(out, sizeof(*axis->spans));
	/* Neighbours share at most one sample. */
	axis->weights = xcalloc((size_t)in + 2 * (size_t)out, sizeof(*axis->weights));
	axis->firsts = xcalloc(out, sizeof(*axis->firsts));
	axis->seconds = xcalloc(out, sizeof(*axis->seconds));
	for (unsigned i = 0; i < out; i++) {
		const struct span *span = &axis->spans[i];
		fill_span(axis, i, &used);
		axis->firsts[i] = span->first;
		axis->seconds[i] = span->count > 1 ? axis->weights[span->weights + 1] : 0;
	}
}

static bool usable(struct scale_size size)
{
	return size.width > 0 && size.width <= SCALE_SIDE_MAX && size.height > 0 &&
	       size.height <= SCALE_SIDE_MAX;
}

int scale_create(struct scale **out, struct scale_size from, struct scale_size to)
{
	if (!usable(from) || !usable(to))
		return -EINVAL;
	struct scale *scale = xcalloc(1, sizeof(*scale));
	axis_init(&scale->across, from.width, to.width);
	axis_init(&scale->down, from.height, to.height);
	scale->three_of_four = 3 * from.width == 4 * to.width && has_shuffles();
	scale->row = xcalloc((size_t)from.width + 1, 1);
	scale->sums = xcalloc(from.width, sizeof(*scale->sums));
	*out = scale;
	return 0;
}

/* The plain loops below are written so that compilers make vector code of them. */

static void mix_two(uint8_t *restrict out, const uint8_t *restrict a, const uint8_t *restrict b,
		    const uint16_t *weights, unsigned width)
{
	const uint16_t first = weights[0];
	const uint16_t second = weights[1];
	for (unsigned x = 0; x < width; x++)
		out[x] = (uint8_t)((uint16_t)(a[x] * first + b[x] * second + WHOLE / 2) >>
				   WHOLE_SHIFT);
}

static void mix_many(struct scale *scale, const uint8_t *in, size_t stride, const struct span *span)
{
	const unsigned width = scale->across.in;
	uint16_t *restrict sums = scale->sums;
	for (unsigned x = 0; x < width; x++)
		sums[x] = WHOLE / 2;
	for (unsigned i = 0; i < span->count; i++) {
		const uint8_t *restrict row = in + (span->first + i) * stride;
		const uint16_t weight = scale->down.weights[span->weights + i];
		for (unsigned x = 0; x < width; x++)
			sums[x] = (uint16_t)(sums[x] + row[x] * weight);
	}
	for (unsigned x = 0; x < width; x++)
		scale->row[x] = (uint8_t)(sums[x] >> WHOLE_SHIFT);
}

static const uint8_t *mix_rows(struct scale *scale, const uint8_t *in, size_t stride,
			       const struct span *span)
{
	const uint8_t *row = in + span->first * stride;
	if (span->count > 2)
		mix_many(scale, in, stride, span);
	else if (span->count == 2)
		mix_two(scale->row, row, row + stride, scale->down.weights + span->weights,
			scale->across.in);
	else
		memcpy(scale->row, row, scale->across.in);
	return scale->row;
}

/* Rounds down, since the rows were rounded up. */
static void halve(uint8_t *restrict out, const uint8_t *restrict row, unsigned width)
{
	for (unsigned x = 0; x < width; x++)
		out[x] = (uint8_t)((row[(size_t)2 * x] + row[(size_t)2 * x + 1]) >> 1);
}

static void mix_pairs(uint8_t *restrict out, const uint8_t *restrict row, const struct axis *axis)
{
	const uint16_t *restrict firsts = axis->firsts;
	const uint16_t *restrict seconds = axis->seconds;
	for (unsigned x = 0; x < axis->out; x++) {
		const uint8_t *pair = row + firsts[x];
		const int first = pair[0];
		out[x] = (uint8_t)(first +
				   (((pair[1] - first) * seconds[x] + WHOLE / 2) >> WHOLE_SHIFT));
	}
}

/* As mix_pairs(), whose samples and weights repeat after three. */
WITH_SHUFFLES
static void mix_thirds(uint8_t *restrict out, const uint8_t *restrict row, const struct axis *axis)
{
	const uint16_t a = axis->seconds[0], b = axis->seconds[1], c = axis->seconds[2];
	const sixteen_wide second = { a, b, c, a, b, c, a, b, c, a, b, c };
	const sixteen_wide first = WHOLE - second;
	size_t x = 0;
	for (; x + sizeof(sixteen) <= axis->out; x += 12) { /* of 16; the rest is written over */
		sixteen in;
		memcpy(&in, row + x / 3 * 4, sizeof(in));
		const sixteen left = __builtin_shufflevector(in, in, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12,
							     13, 14, 0, 0, 0, 0);
		const sixteen right = __builtin_shufflevector(in, in, 1, 2, 3, 5, 6, 7, 9, 10, 11,
							      13, 14, 15, 0, 0, 0, 0);
		const sixteen_wide sum = __builtin_convertvector(left, sixteen_wide) * first +
					 __builtin_convertvector(right, sixteen_wide) * second;
		const sixteen mixed =
			__builtin_convertvector((sum + WHOLE / 2) >> WHOLE_SHIFT, sixteen);
		memcpy(out + x, &mixed, sizeof(mixed));
	}
	for (; x < axis->out; x++) {
		const uint8_t *pair = row + axis->firsts[x];
		const uint16_t weight = axis->seconds[x];
		out[x] = (uint8_t)((pair[0] * (WHOLE - weight) + pair[1] * weight + WHOLE / 2) >>
				   WHOLE_SHIFT);
	}
}

static void mix_spans(uint8_t *restrict out, const uint8_t *restrict row, const struct axis *axis)
{
	for (unsigned x = 0; x < axis->out; x++) {
		const struct span *span = &axis->spans[x];
		unsigned sum = WHOLE / 2;
		for (unsigned i = 0; i < span->count; i++)
			sum += row[span->first + i] * axis->weights[span->weights + i];
		out[x] = (uint8_t)(sum >> WHOLE_SHIFT);
	}
}

void scale_plane(struct scale *scale, uint8_t *out, size_t out_stride, const uint8_t *in,
		 size_t in_stride)
{
	const struct axis *across = &scale->across;
	for (unsigned y = 0; y < scale->down.out; y++) {
		const uint8_t *row = mix_rows(scale, in, in_stride, &scale->down.spans[y]);
		uint8_t *line = out + y * out_stride;
		if (across->in == 2 * across->out)
			halve(line, row, across->out);
		else if (scale->three_of_four)
			mix_thirds(line, row, across);
		else if (across->longest <= 2)
			mix_pairs(line, row, across);
		else
			mix_spans(line, row, across);
	}
}

static void axis_finish(struct axis *axis)
{
	free(axis->spans);
	free(axis->weights);
	free(axis->firsts);
	free(axis->seconds);
}

void scale_destroy(struct scale *scale)
{
	if (!scale)
		return;
	axis_finish(&scale->across);
	axis_finish(&scale->down);
	free(scale->row);
	free(scale->sums);
	free(scale);
}
