#include "commerce/expiry.h"
#include "commerce/order.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

enum { COUNT = 500 };

/* Deterministic, and with many equal times. */
static int64_t time_of(int i)
{
	return (int64_t)((uint32_t)i * 2654435761U % 97);
}

static void fill(struct expiry *expiry, struct order *orders)
{
	for (int i = 0; i < COUNT; i++) {
		orders[i].expires_us = time_of(i);
		expiry_add(expiry, &orders[i]);
	}
}

static size_t drain(struct expiry *expiry)
{
	size_t count = 0;
	int64_t last_us = -1;
	struct order *first;
	while ((first = expiry_first(expiry))) {
		cr_assert(ge(i64, first->expires_us, last_us));
		last_us = first->expires_us;
		expiry_remove(expiry, first);
		count++;
	}
	return count;
}

Test(expiry, orders_come_out_by_time)
{
	struct expiry expiry = { 0 };
	struct order *orders = calloc(COUNT, sizeof(*orders));
	fill(&expiry, orders);
	cr_expect(eq(sz, drain(&expiry), COUNT));
	expiry_finish(&expiry);
	free(orders);
}

Test(expiry, any_order_can_be_taken_out_once)
{
	struct expiry expiry = { 0 };
	struct order *orders = calloc(COUNT, sizeof(*orders));
	fill(&expiry, orders);
	for (int i = 0; i < COUNT; i += 3) {
		expiry_remove(&expiry, &orders[i]);
		expiry_remove(&expiry, &orders[i]);
		cr_assert(eq(sz, orders[i].expiry_place, 0));
	}
	cr_expect(eq(sz, drain(&expiry), COUNT - (COUNT + 2) / 3));
	cr_expect(expiry_first(&expiry) == NULL);
	expiry_finish(&expiry);
	free(orders);
}
