#include "commerce/idempotency.h"
#include "commerce/shelf.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct idempotency keys;
static struct product product;
static struct order *order;

static void setup(void)
{
	idempotency_init(&keys);
	snprintf(product.sku, sizeof(product.sku), "A1");
	order = calloc(1, sizeof(*order) + sizeof(struct order_item));
	snprintf(order->id, sizeof(order->id), "order");
	order->count = 1;
	order->items[0] = (struct order_item){ .product = &product, .qty = 2, .asked_rev = 7 };
}

static void teardown(void)
{
	idempotency_finish(&keys);
	free(order);
}

TestSuite(idempotency, .init = setup, .fini = teardown);

static void bind(const char *room, const char *sub, const char *key, enum change_kind kind,
		 int64_t at_us)
{
	const struct change_row row = {
		.room = room, .sub = sub, .key = key, .kind = kind, .at_us = at_us
	};
	idempotency_bind(&keys, &row, order, at_us);
}

Test(idempotency, scope_is_room_buyer_and_key)
{
	bind("demo", "ann", "k", CHANGE_PLACE, 0);
	cr_expect(idempotency_find(&keys, "demo", "ann", "k", 1) != NULL);
	cr_expect(idempotency_find(&keys, "demo2", "ann", "k", 1) == NULL);
	cr_expect(idempotency_find(&keys, "demo", "bob", "k", 1) == NULL);
	cr_expect(idempotency_find(&keys, "demo", "ann", "k2", 1) == NULL);
	/* The parts are not merely joined. */
	cr_expect(idempotency_find(&keys, "dem", "oann", "k", 1) == NULL);
	cr_expect(idempotency_find(&keys, "demo", "annk", "", 1) == NULL);
}

Test(idempotency, items_are_compared_and_shown_us_is_not)
{
	struct order_request request = { .count = 1, .shown_us = 5 };
	snprintf(request.items[0].sku, sizeof(request.items[0].sku), "A1");
	request.items[0].qty = 2;
	request.items[0].price_rev = 7;
	bind("demo", "ann", "k", CHANGE_PLACE, 0);
	const struct binding *binding = idempotency_find(&keys, "demo", "ann", "k", 1);
	cr_expect(binding_is_place(binding, &request));
	request.items[0].price_rev = 8;
	cr_expect(not(binding_is_place(binding, &request)));
	request.items[0].price_rev = 7;
	request.items[0].qty = 3;
	cr_expect(not(binding_is_place(binding, &request)));
	request.items[0].qty = 2;
	request.items[0].sku[1] = '2';
	cr_expect(not(binding_is_place(binding, &request)));
	request.items[0].sku[1] = '1';
	request.count = 2;
	cr_expect(not(binding_is_place(binding, &request)));
	cr_expect(not(binding_is_change(binding, CHANGE_PAY, "order")));
}

Test(idempotency, path_is_compared)
{
	bind("demo", "ann", "k", CHANGE_PAY, 0);
	const struct binding *binding = idempotency_find(&keys, "demo", "ann", "k", 1);
	cr_expect(binding_is_change(binding, CHANGE_PAY, "order"));
	cr_expect(not(binding_is_change(binding, CHANGE_PAY, "other")));
	cr_expect(not(binding_is_change(binding, CHANGE_CANCEL, "order")));
	cr_expect(not(binding_is_place(binding, &(struct order_request){ .count = 1 })));
}

Test(idempotency, keys_end_after_a_day_and_are_forgotten)
{
	char key[16];
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		bind("demo", "ann", key, CHANGE_PLACE, i);
	}
	cr_expect(idempotency_find(&keys, "demo", "ann", "k0", IDEMPOTENCY_KEEP_US - 1) != NULL);
	cr_expect(idempotency_find(&keys, "demo", "ann", "k0", IDEMPOTENCY_KEEP_US) == NULL);
	bind("demo", "ann", "k0", CHANGE_PAY, IDEMPOTENCY_KEEP_US + 49);
	cr_expect(eq(sz, keys.bindings.count, 51)); /* k0 anew, k50 to k99 */
	const struct binding *anew =
		idempotency_find(&keys, "demo", "ann", "k0", IDEMPOTENCY_KEEP_US + 49);
	cr_expect(binding_is_change(anew, CHANGE_PAY, "order"));
}
