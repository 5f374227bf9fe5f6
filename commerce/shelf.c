#include "commerce/shelf.h"

#include "commerce/ledger.h"
#include "commerce/room.h"
#include "commerce/transaction.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/json.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a movement of one piece does to the heaps. */
static const struct {
	int left, held, sold;
} effects[] = {
	[MOVEMENT_INITIAL] = { 1, 0, 0 }, [MOVEMENT_RESTOCK] = { 1, 0, 0 },
	[MOVEMENT_HOLD] = { -1, 1, 0 },   [MOVEMENT_RELEASE] = { 1, -1, 0 },
	[MOVEMENT_SELL] = { 0, -1, 1 },   [MOVEMENT_LATE] = { -1, 0, 1 },
	[MOVEMENT_RETURN] = { 1, 0, -1 },
};

static struct product *product_new(void)
{
	struct product *product = xcalloc(1, sizeof(*product));
	list_init(&product->link);
	list_init(&product->dirty);
	list_init(&product->announce);
	return product;
}

static void add_rev(struct product *product, const struct price_rev *rev)
{
	product->revs = xrealloc(product->revs, (product->rev_count + 1) * sizeof(*product->revs));
	product->revs[product->rev_count++] = *rev;
	product_forget_rendering(product);
}

static void write_rev(struct transaction *tx, struct product *product, const struct price *price,
		      int64_t number)
{
	const struct price_rev rev = { .rev = number, .price = *price, .from_us = tx->now_us };
	const struct price_row row = {
		.pid = product->pid,
		.rev = number,
		.minor = price->minor,
		.cur = price->cur,
		.from_us = tx->now_us,
	};
	add_rev(product, &rev);
	transaction_row(tx, ROW_PRICE, &row);
	transaction_product(tx, product);
}

struct product *product_create(struct transaction *tx, struct room *room,
			       const struct product_request *request, int64_t last_rev)
{
	struct product *product = product_new();
	product->room = room;
	product->pid = tx->ledger->next_pid++;
	memcpy(product->sku, request->sku, sizeof(product->sku));
	memcpy(product->title, request->title, sizeof(product->title));
	memcpy(product->image, request->image, sizeof(product->image));
	product->limit = request->limit;
	product->created_us = tx->now_us;
	list_append(&room->products, &product->link);
	write_rev(tx, product, &request->price, last_rev + 1);
	product_move(tx, product, MOVEMENT_INITIAL, request->stock, NULL);
	product->announced_left = product->left;
	return product;
}

struct product *product_from_row(const struct product_row *row)
{
	struct product *product = product_new();
	product->pid = row->pid;
	snprintf(product->sku, sizeof(product->sku), "%s", row->sku);
	snprintf(product->title, sizeof(product->title), "%s", row->title);
	snprintf(product->image, sizeof(product->image), "%s", row->image);
	product->limit = row->limit;
	product->initial = row->initial;
	product->restocked = row->restocked;
	product->left = row->left;
	product->allotted = row->allotted;
	product->held = row->held;
	product->sold = row->sold;
	product->created_us = row->created_us;
	product->removed = row->removed != 0;
	product->announced_left = row->left;
	product->announced_ordered = product_ordered(product);
	return product;
}

void product_load_price(struct product *product, const struct price_row *row)
{
	struct price_rev rev = { .rev = row->rev, .from_us = row->from_us };
	rev.price.minor = row->minor;
	snprintf(rev.price.cur, sizeof(rev.price.cur), "%s", row->cur);
	add_rev(product, &rev);
}

void product_to_row(const struct product *product, struct product_row *row)
{
	*row = (struct product_row){
		.pid = product->pid,
		.rid = product->room->rid,
		.sku = product->sku,
		.title = product->title,
		.image = product->image,
		.limit = product->limit,
		.initial = product->initial,
		.restocked = product->restocked,
		.left = product->left,
		.allotted = product->allotted,
		.held = product->held,
		.sold = product->sold,
		.created_us = product->created_us,
		.removed = product->removed,
	};
}

int64_t product_ordered(const struct product *product)
{
	return product->held + product->sold;
}

const struct price_rev *product_price(const struct product *product)
{
	assert(product->rev_count > 0);
	return &product->revs[product->rev_count - 1];
}

static bool price_equal(const struct price *a, const struct price *b)
{
	return a->minor == b->minor && strcmp(a->cur, b->cur) == 0;
}

bool product_set_price(struct transaction *tx, struct product *product, const struct price *price)
{
	const struct price_rev *now = product_price(product);
	if (price_equal(&now->price, price))
		return false;
	write_rev(tx, product, price, now->rev + 1);
	return true;
}

int product_price_for(const struct product *product, int64_t asked, int64_t now_us,
		      int64_t grace_us, const struct price_rev **out)
{
	const struct price_rev *current = product_price(product);
	const struct price_rev *seen = current;
	size_t at = product->rev_count - 1;
	while (asked && product->revs[at].rev != asked) {
		if (at == 0)
			return -ESTALE;
		seen = &product->revs[--at];
	}
	if (seen->from_us > now_us)
		return -EAGAIN;
	if (seen == current) {
		*out = current;
		return 0;
	}
	const int64_t end_us = seen[1].from_us;
	if (now_us > end_us + grace_us)
		return -ESTALE;
	const bool cheaper_now = strcmp(current->price.cur, seen->price.cur) == 0 &&
				 current->price.minor < seen->price.minor;
	*out = cheaper_now ? current : seen;
	return 0;
}

void product_move(struct transaction *tx, struct product *product, enum movement_kind kind,
		  int64_t qty, const char *order_id)
{
	const struct movement_row row = {
		.id = tx->ledger->next_movement++,
		.pid = product->pid,
		.order_id = order_id,
		.kind = kind,
		.left = effects[kind].left * qty,
		.held = effects[kind].held * qty,
		.sold = effects[kind].sold * qty,
		.at_us = tx->now_us,
	};
	product->left += row.left;
	product->held += row.held;
	product->sold += row.sold;
	assert(product->left >= 0 && product->held >= 0 && product->sold >= 0);
	if (kind == MOVEMENT_INITIAL)
		product->initial += qty;
	else if (kind == MOVEMENT_RESTOCK)
		product->restocked += qty;
	transaction_row(tx, ROW_MOVEMENT, &row);
	transaction_product(tx, product);
	if (list_empty(&product->announce))
		list_append(&tx->ledger->announcing, &product->announce);
}

json_t *price_json(const struct price *price, int64_t rev)
{
	json_t *object = json_object();
	json_object_set_new(object, "minor", json_integer(price->minor));
	json_object_set_new(object, "cur", json_string(price->cur));
	if (rev)
		json_object_set_new(object, "rev", json_integer(rev));
	return object;
}

json_t *product_json(const struct product *product)
{
	const struct price_rev *rev = product_price(product);
	json_t *object = json_object();
	json_object_set_new(object, "sku", json_string(product->sku));
	json_object_set_new(object, "title", json_string(product->title));
	json_object_set_new(object, "image",
			    product->image[0] ? json_string(product->image) : json_null());
	json_object_set_new(object, "price", price_json(&rev->price, rev->rev));
	json_object_set_new(object, "stock", json_integer(product->initial + product->restocked));
	json_object_set_new(object, "limit",
			    product->limit ? json_integer(product->limit) : json_null());
	json_object_set_new(object, "left", json_integer(product->left));
	json_object_set_new(object, "allotted", json_integer(product->allotted));
	json_object_set_new(object, "held", json_integer(product->held));
	json_object_set_new(object, "sold", json_integer(product->sold));
	return object;
}

struct buf *product_rendering(struct product *product)
{
	if (product->json)
		return product->json;
	json_t *object = product_json(product);
	char *text = json_text(object);
	json_decref(object);
	product->json = text ? buf_copy(text, strlen(text)) : NULL;
	free(text);
	if (!product->json)
		abort();
	return product->json;
}

void product_forget_rendering(struct product *product)
{
	buf_unref(product->json);
	product->json = NULL;
}

void product_destroy(struct product *product)
{
	if (!product)
		return;
	list_remove(&product->link);
	list_remove(&product->dirty);
	list_remove(&product->announce);
	product_forget_rendering(product);
	free(product->revs);
	free(product);
}
