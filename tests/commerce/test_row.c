#include "commerce/row.h"
#include "server/core/bytes.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

Test(row, comes_back_as_it_went_in)
{
	struct bytes bytes;
	struct bits in;
	const uint8_t *start;
	int64_t space[ROW_SIZE_MAX / sizeof(int64_t)];
	const struct movement_row movement = { .id = 7, .pid = -3, .kind = 2, .left = -1 };
	const struct item_row item = { .order_id = "o", .sku = "", .qty = INT64_MAX, .cur = "CNY" };
	bytes_init(&bytes, 4096);
	row_encode(&bytes, ROW_MOVEMENT, &movement);
	row_encode(&bytes, ROW_ITEM, &item);
	bits_init(&in, bytes.data, bytes.len);
	cr_assert(eq(int, row_decode(&in, space, &start), ROW_MOVEMENT));
	cr_assert(eq(i64, ((struct movement_row *)space)->pid, -3));
	cr_assert(eq(ptr, (void *)(uintptr_t)((struct movement_row *)space)->order_id, NULL));
	cr_assert(eq(int, row_decode(&in, space, &start), ROW_ITEM));
	cr_assert(eq(i64, ((struct item_row *)space)->qty, INT64_MAX));
	cr_assert_str_eq(((struct item_row *)space)->sku, "");
	cr_assert(eq(sz, bits_left(&in), 0));
	bytes_finish(&bytes);
}

Test(row, cut_short_is_refused)
{
	struct bytes bytes;
	const uint8_t *start;
	int64_t space[ROW_SIZE_MAX / sizeof(int64_t)];
	const struct price_row price = { .pid = 1, .rev = 1, .minor = 100, .cur = "CNY" };
	bytes_init(&bytes, 4096);
	row_encode(&bytes, ROW_PRICE, &price);
	for (size_t len = 0; len < bytes.len; len++) {
		struct bits in;
		bits_init(&in, bytes.data, len);
		cr_expect(eq(int, row_decode(&in, space, &start), -EINVAL));
	}
	bytes_finish(&bytes);
}

Test(row, sum_sees_each_bit)
{
	uint8_t data[8] = { 0 };
	uint8_t before[ROW_SUM_SIZE];
	uint8_t after[ROW_SUM_SIZE];
	row_sum(data, sizeof(data), before);
	data[5] ^= 1;
	row_sum(data, sizeof(data), after);
	cr_assert(ne(int, memcmp(before, after, sizeof(before)), 0));
}
