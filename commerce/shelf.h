/*
 * Products: what is sold, its stock in four heaps (left, allotted, held, sold) and the revisions of
 * its price. Every change of stock is a movement, and only movements change stock. Control thread.
 */
#ifndef SOUK_COMMERCE_SHELF_H
#define SOUK_COMMERCE_SHELF_H

#include "commerce/request.h"
#include "commerce/row.h"
#include "server/core/json.h"
#include "server/core/list.h"

struct buf;
struct room;
struct transaction;

/* In force from from_us until the next one's. */
struct price_rev {
	int64_t rev;
	struct price price;
	int64_t from_us;
};

struct product {
	struct list link; // room.products
	struct list dirty; // transaction.products
	struct list announce; // ledger.announcing
	struct room *room;
	int64_t pid; /* a product added again under the same SKU is another one */
	char sku[NAME_MAX_LEN + 1];
	char title[TITLE_MAX_LEN + 1];
	char image[IMAGE_MAX_LEN + 1]; /* empty: none */
	int64_t limit; /* per buyer; 0: none */
	int64_t initial, restocked, left, allotted, held, sold;
	int64_t created_us;
	bool removed;
	struct price_rev *revs; /* oldest first; the last is in force */
	size_t rev_count;
	struct buf *json; /* rendered; NULL when out of date */
	int64_t announced_us; /* last stock event, and what it and order.sum said */
	int64_t announced_left;
	int64_t announced_ordered;
};

/* Puts it on the room's shelf. The revision after `last_rev` is its first price. */
struct product *product_create(struct transaction *tx, struct room *room,
			       const struct product_request *request, int64_t last_rev);

/* Loading: without a shelf yet. */
struct product *product_from_row(const struct product_row *row);
void product_load_price(struct product *product, const struct price_row *row);
void product_to_row(const struct product *product, struct product_row *row);

int64_t product_ordered(const struct product *product); /* pieces held, paid or fulfilled */
const struct price_rev *product_price(const struct product *product); /* in force */

/* A new revision from now on, unless the price is already this one: then false. */
bool product_set_price(struct transaction *tx, struct product *product, const struct price *price);

/*
 * "You pay what you saw": the price for a buyer that saw revision `asked` (0: none named). 0;
 * -EAGAIN: not yet in force; -ESTALE: no longer honoured, or never was.
 */
int product_price_for(const struct product *product, int64_t asked, int64_t now_us,
		      int64_t grace_us, const struct price_rev **out);

/* Moves `qty` pieces; what is taken must be there. `order_id` NULL: by the host. Restock may be
 * negative. */
void product_move(struct transaction *tx, struct product *product, enum movement_kind kind,
		  int64_t qty, const char *order_id);

json_t *price_json(const struct price *price, int64_t rev); /* {minor,cur,rev}; rev 0: without */
json_t *product_json(const struct product *product);
/* The same as text, kept until it changes; the product keeps the reference. */
struct buf *product_rendering(struct product *product);
void product_forget_rendering(struct product *product);

void product_destroy(struct product *product); /* takes NULL */

#endif
