#include "media/transcoder/scale.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MAX = 96, PLANE_MAX = SIDE_MAX * SIDE_MAX };

static struct scale *scale;
static uint8_t in[PLANE_MAX], out[PLANE_MAX];

static void teardown(void)
{
	scale_destroy(scale);
}

TestSuite(scale, .fini = teardown);

static void make(unsigned width, unsigned height, unsigned out_width, unsigned out_height)
{
	const struct scale_size from = { width, height };
	const struct scale_size to = { out_width, out_height };
	cr_assert(eq(int, scale_create(&scale, from, to), 0));
}

Test(scale, a_plane_of_one_value_keeps_it)
{
	static const unsigned sizes[][4] = {
		{ 64, 36, 48, 27 }, { 64, 36, 32, 18 }, { 96, 54, 32, 18 }, { 90, 60, 7, 5 },
		{ 33, 17, 32, 16 }, { 16, 9, 32, 18 },  { 96, 96, 1, 1 },   { 1, 1, 5, 3 },
	};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (unsigned value = 0; value <= 255; value += 51) {
			make(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3]);
			memset(in, (int)value, sizeof(in));
			memset(out, 99, sizeof(out));
			scale_plane(scale, out, sizes[i][2], in, sizes[i][0]);
			for (unsigned at = 0; at < sizes[i][2] * sizes[i][3]; at++)
				cr_assert(eq(int, out[at], (int)value));
			cr_assert(eq(int, out[sizes[i][2] * sizes[i][3]], 99), "no byte further");
			scale_destroy(scale);
			scale = NULL;
		}
	}
}

Test(scale, half_the_size_is_the_mean_of_four)
{
	static const uint8_t four[] = { 0, 100, 7, 9, 200, 100, 8, 8 };
	make(4, 2, 2, 1);
	scale_plane(scale, out, 2, four, 4);
	cr_assert(eq(int, out[0], 100));
	cr_assert(eq(int, out[1], 8));
}

/* The plain definition: each sample out is the mean of the area it covers. */
static double mean_of_area(unsigned width, unsigned height, unsigned x, unsigned y,
			   const unsigned *to)
{
	const double wide = (double)width / to[0], high = (double)height / to[1];
	double sum = 0;
	for (unsigned row = 0; row < height; row++) {
		for (unsigned column = 0; column < width; column++) {
			const double left = column > x * wide ? column : x * wide;
			const double right =
				column + 1 < (x + 1) * wide ? column + 1 : (x + 1) * wide;
			const double top = row > y * high ? row : y * high;
			const double bottom = row + 1 < (y + 1) * high ? row + 1 : (y + 1) * high;
			if (right > left && bottom > top)
				sum += (right - left) * (bottom - top) * in[row * width + column];
		}
	}
	return sum / (wide * high);
}

static void assert_means(unsigned width, unsigned height, const unsigned *to)
{
	srand(1);
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)rand();
	make(width, height, to[0], to[1]);
	scale_plane(scale, out, to[0], in, width);
	for (unsigned y = 0; y < to[1]; y++) {
		for (unsigned x = 0; x < to[0]; x++)
			cr_assert(epsilon_eq(dbl, out[y * to[0] + x],
					     mean_of_area(width, height, x, y, to), 2.1));
	}
	scale_destroy(scale);
	scale = NULL;
}

Test(scale, each_sample_is_the_mean_of_its_area)
{
	assert_means(64, 36, (unsigned[]){ 48, 27 });
	assert_means(76, 36, (unsigned[]){ 57, 27 });
	assert_means(16, 12, (unsigned[]){ 12, 9 });
	assert_means(60, 40, (unsigned[]){ 40, 20 });
	assert_means(66, 40, (unsigned[]){ 22, 13 });
	assert_means(40, 60, (unsigned[]){ 31, 59 });
}

Test(scale, strides_are_kept_to)
{
	make(4, 2, 2, 1);
	memset(in, 10, sizeof(in));
	memset(in + 4, 255, 12);
	memset(out, 99, sizeof(out));
	scale_plane(scale, out, 50, in, 16);
	cr_assert(eq(int, out[0], 10));
	cr_assert(eq(int, out[1], 10));
	cr_assert(eq(int, out[2], 99));
}

Test(scale, sizes_out_of_range_are_refused)
{
	const struct scale_size none = { 0, 4 }, small = { 4, 4 }, huge = { 4, SCALE_SIDE_MAX + 1 };
	cr_assert(eq(int, scale_create(&scale, none, small), -EINVAL));
	cr_assert(eq(int, scale_create(&scale, small, huge), -EINVAL));
}
