#include "media/rtp/rtp_red.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static const struct red_block former = { (const uint8_t *)"former", 6, 960 };
static const struct red_block newest = { (const uint8_t *)"new", 3, 0 };

Test(rtp_red, is_laid_out_as_rfc_2198_section_3_draws_it)
{
	/* 1 | 1101111 | 00001111000000 (960) | 0000000110 (6), 0 | 1101111 */
	static const uint8_t expected[] = { 0xef, 0x0f, 0x00, 0x06, 0x6f, 'f', 'o',
					    'r',  'm',  'e',  'r',  'n',  'e', 'w' };
	uint8_t out[64];
	const size_t len = rtp_red_write(out, sizeof(out), 111, &former, 1, &newest);
	cr_assert(eq(sz, len, sizeof(expected)));
	cr_assert(eq(int, memcmp(out, expected, sizeof(expected)), 0));
}

Test(rtp_red, two_former_blocks_come_the_oldest_first)
{
	static const uint8_t expected[] = { 0xef, 0x1e, 0x00, 0x02, 0xef, 0x0f, 0x00,
					    0x06, 0x6f, 'o',  'l',  'f',  'o',  'r',
					    'm',  'e',  'r',  'n',  'e',  'w' };
	const struct red_block both[] = { { (const uint8_t *)"ol", 2, 1920 }, former };
	uint8_t out[64];
	const size_t len = rtp_red_write(out, sizeof(out), 111, both, 2, &newest);
	cr_assert(eq(sz, len, sizeof(expected)));
	cr_assert(eq(int, memcmp(out, expected, sizeof(expected)), 0));
}

static size_t write_one(const uint8_t *data, size_t len, uint32_t age, size_t cap)
{
	static uint8_t out[4096];
	const struct red_block block = { data, len, age };
	return rtp_red_write(out, cap, 111, &block, 1, &newest);
}

Test(rtp_red, refuses_what_its_fields_cannot_tell)
{
	static const uint8_t data[2048];
	cr_assert(gt(sz, write_one(data, RED_BLOCK_MAX, RED_AGE_MAX, 4096), 0));
	cr_assert(eq(sz, write_one(data, RED_BLOCK_MAX + 1, 960, 4096), 0));
	cr_assert(eq(sz, write_one(data, 0, 960, 4096), 0));
	cr_assert(eq(sz, write_one(data, 6, RED_AGE_MAX + 1, 4096), 0));
	cr_assert(eq(sz, write_one(data, 6, 0, 4096), 0));
	cr_assert(eq(sz, write_one(data, 6, 960, 13), 0));
	cr_assert(eq(sz, write_one(data, 6, 960, 14), 14));
	uint8_t out[64];
	cr_assert(eq(sz, rtp_red_write(out, sizeof(out), 111, NULL, 0, &newest), 0));
}
