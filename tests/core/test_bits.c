#include "server/core/bits.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(bits, reads_big_endian_numbers_in_sequence)
{
	static const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
	struct bits bits;
	bits_init(&bits, data, sizeof(data));
	cr_assert(eq(u8, bits_u8(&bits), 0x01));
	cr_assert(eq(u16, bits_be16(&bits), 0x0203));
	cr_assert(eq(u32, bits_be24(&bits), 0x040506));
	cr_assert(eq(u32, bits_be32(&bits), 0x0708090a));
	cr_assert(eq(sz, bits_left(&bits), 0));
	cr_assert(bits_ok(&bits));
}

Test(bits, past_the_end_yields_zero_and_stays_bad)
{
	static const uint8_t data[] = { 0xff };
	struct bits bits;
	bits_init(&bits, data, sizeof(data));
	cr_assert(eq(u16, bits_be16(&bits), 0));
	cr_assert(not(bits_ok(&bits)));
	cr_assert(eq(u8, bits_u8(&bits), 0));
	cr_assert(eq(ptr, (void *)bits_bytes(&bits, 1), NULL));
}

Test(bits, reads_exp_golomb_codes)
{
	/* H.264 §9.1, table 9-2: 1 010 011 00100 -> 0 1 2 3 */
	static const uint8_t data[] = { 0xa6, 0x40 };
	struct bits bits;
	bits_init(&bits, data, sizeof(data));
	for (unsigned i = 0; i < 4; i++)
		cr_assert(eq(u32, bits_ue(&bits), i));
	bits_init(&bits, data, sizeof(data));
	cr_assert(eq(i32, bits_se(&bits), 0));
	cr_assert(eq(i32, bits_se(&bits), 1));
	cr_assert(eq(i32, bits_se(&bits), -1));
	cr_assert(eq(i32, bits_se(&bits), 2));
}

Test(bits, endless_zeros_are_bad)
{
	static const uint8_t data[8] = { 0 };
	struct bits bits;
	bits_init(&bits, data, sizeof(data));
	cr_assert(eq(u32, bits_ue(&bits), 0));
	cr_assert(not(bits_ok(&bits)));
}

Test(bits, sub_reader_cannot_leave_its_part)
{
	static const uint8_t data[] = { 1, 2, 3 };
	struct bits bits;
	bits_init(&bits, data, sizeof(data));
	struct bits sub = bits_sub(&bits, 2);
	bits_skip(&sub, 3);
	cr_assert(not(bits_ok(&sub)));
	cr_assert(eq(u8, bits_u8(&bits), 3));
	sub = bits_sub(&bits, 1);
	cr_assert(not(bits_ok(&sub)));
}
