/* All bodies that strangers send to commerce, and the texts beside them. */
#include "commerce/request.h"
#include "server/core/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static union {
	struct order_request order;
	struct product_request product;
	struct product_patch patch;
	struct room_request room;
	struct room_patch room_patch;
	struct pin_request pin;
} out;

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void parse_all(const json_t *body)
{
	struct problem problem = { 0 };
	if (!order_request_parse(&out.order, body, &problem)) {
		must(out.order.count >= 1 && out.order.count <= ORDER_ITEMS_MAX);
		for (unsigned i = 0; i < out.order.count; i++)
			must(name_valid(out.order.items[i].sku) && out.order.items[i].qty > 0);
	}
	if (!product_parse(&out.product, body, &problem))
		must(out.product.stock >= 0 && strlen(out.product.price.cur) == 3);
	if (!product_patch_parse(&out.patch, body, &problem))
		must(out.patch.restock <= STOCK_MAX);
	if (!room_parse(&out.room, body, &problem))
		must(name_valid(out.room.id) && out.room.settings.hold_s > 0);
	if (!room_patch_parse(&out.room_patch, body, &problem))
		must(out.room_patch.settings.price_grace_ms >= 0);
	if (!pin_parse(&out.pin, body, &problem))
		must(out.pin.at_us >= 0);
	if (problem.status) {
		char *text = problem_render(&problem);
		must(text != NULL);
		free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char key[NAME_MAX_LEN + 1];
	struct problem problem = { 0 };
	struct page_request page;
	char *text = strndup((const char *)data, len);
	must(text != NULL);
	if (!idempotency_key_parse(key, text, &problem))
		must(strcmp(key, text) == 0);
	if (!page_parse(&page, text, text, &problem))
		must(page.limit >= 1 && page.limit <= PAGE_LIMIT_MAX);
	free(text);
	json_t *body = json_parse(data, len);
	parse_all(body);
	json_decref(body);
	return 0;
}
