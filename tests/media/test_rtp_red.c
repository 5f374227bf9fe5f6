#include "media/rtp/rtp_red.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static const struct red_block former = { (const uint8_t *)"former", 6 };
static const struct red_block newest = { (const uint8_t *)"new", 3 };

Test(rtp_red, is_laid_out_as_rfc_2198_section_3_draws_it)
{
	/* 1 | 1101111 | 00001111000000 (960) | 0000000110 (6), 0 | 1101111 */
	static const uint8_t expected[] = { 0xef, 0x0f, 0x00, 0x06, 0x6f, 'f', 'o',
					    'r',  'm',  'e',  'r',  'n',  'e', 'w' };
	uint8_t out[64];
	const size_t len = rtp_red_write(out, sizeof(out), 111, &former, 960, &newest);
	cr_assert(eq(sz, len, sizeof(expected)));
	cr_assert(eq(int, memcmp(out, expected, sizeof(expected)), 0));
}

Test(rtp_red, refuses_what_its_fields_cannot_tell)
{
	static const uint8_t data[2048];
	uint8_t out[4096];
	const struct red_block longest = { data, RED_BLOCK_MAX },
			       longer = { data, RED_BLOCK_MAX + 1 };
	const struct red_block none = { data, 0 };
	cr_assert(gt(sz, rtp_red_write(out, sizeof(out), 111, &longest, RED_AGE_MAX, &newest), 0));
	cr_assert(eq(sz, rtp_red_write(out, sizeof(out), 111, &longer, 960, &newest), 0));
	cr_assert(eq(sz, rtp_red_write(out, sizeof(out), 111, &none, 960, &newest), 0));
	cr_assert(
		eq(sz, rtp_red_write(out, sizeof(out), 111, &former, RED_AGE_MAX + 1, &newest), 0));
	cr_assert(eq(sz, rtp_red_write(out, sizeof(out), 111, &former, 0, &newest), 0));
	cr_assert(eq(sz, rtp_red_write(out, 13, 111, &former, 960, &newest), 0));
	cr_assert(eq(sz, rtp_red_write(out, 14, 111, &former, 960, &newest), 14));
}
