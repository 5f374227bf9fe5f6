#include "commerce/ledger.h"
#include "commerce/room.h"
#include "commerce/shelf.h"
#include "commerce/transaction.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

enum { GRACE_US = 5000000 };

static struct transaction tx;
static struct ledger *ledger;
static struct room *room;
static struct product *product;

static void setup(void)
{
	const struct room_request room_request = { .id = "demo" };
	const struct product_request request = {
		.sku = "A1", .title = "x", .stock = 10, .price = { .minor = 500, .cur = "CNY" }
	};
	ledger_create(&ledger);
	transaction_init(&tx);
	transaction_begin(&tx, ledger, 0);
	room = room_create(&room_request, ledger->next_rid, 0);
	ledger_add_room(ledger, room);
	product = product_create(&tx, room, &request, 0);
}

static void teardown(void)
{
	transaction_finish(&tx);
	ledger_destroy(ledger);
}

TestSuite(shelf, .init = setup, .fini = teardown);

static void reprice(int64_t minor, const char *cur, int64_t at_us)
{
	struct price price = { .minor = minor };
	memcpy(price.cur, cur, 4);
	transaction_begin(&tx, ledger, at_us);
	cr_assert(product_set_price(&tx, product, &price));
}

/* What a buyer that saw this revision pays at this time; negative: refused. */
static int64_t charged(int64_t asked, int64_t now_us)
{
	const struct price_rev *rev = NULL;
	const int err = product_price_for(product, asked, now_us, GRACE_US, &rev);
	return err ? err : rev->price.minor;
}

Test(shelf, you_pay_what_you_saw)
{
	reprice(700, "CNY", 1000000);
	reprice(600, "CNY", 2000000);
	cr_expect(eq(i64, charged(0, 2000000), 600));
	cr_expect(eq(i64, charged(3, 99000000), 600));
	/* Cheaper than what was seen: the current price. Dearer: what was seen, in its grace. */
	cr_expect(eq(i64, charged(2, 2000000), 600));
	cr_expect(eq(i64, charged(1, 2000000), 500));
	cr_expect(eq(i64, charged(1, 6000000), 500));
	cr_expect(eq(i64, charged(1, 6000001), -ESTALE));
	cr_expect(eq(i64, charged(2, 7000000), 600));
	cr_expect(eq(i64, charged(2, 7000001), -ESTALE));
	cr_expect(eq(i64, charged(4, 2000000), -ESTALE));
}

Test(shelf, price_that_is_not_in_force_yet_is_not_open)
{
	reprice(700, "CNY", 9000000);
	cr_expect(eq(i64, charged(2, 8999999), -EAGAIN));
	cr_expect(eq(i64, charged(2, 9000000), 700));
}

Test(shelf, cheaper_in_another_currency_is_not_cheaper)
{
	reprice(100, "EUR", 1000000);
	cr_expect(eq(i64, charged(1, 1000000), 500));
}

Test(shelf, movements_keep_the_sum)
{
	static const struct {
		enum movement_kind kind;
		int64_t qty, left, held, sold;
	} rows[] = {
		{ MOVEMENT_HOLD, 4, 6, 4, 0 },      { MOVEMENT_RELEASE, 1, 7, 3, 0 },
		{ MOVEMENT_SELL, 2, 7, 1, 2 },      { MOVEMENT_LATE, 1, 6, 1, 3 },
		{ MOVEMENT_RETURN, 3, 9, 1, 0 },    { MOVEMENT_RESTOCK, 5, 14, 1, 0 },
		{ MOVEMENT_RESTOCK, -14, 0, 1, 0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		product_move(&tx, product, rows[i].kind, rows[i].qty, "order");
		cr_expect(eq(i64, product->left, rows[i].left));
		cr_expect(eq(i64, product->held, rows[i].held));
		cr_expect(eq(i64, product->sold, rows[i].sold));
		cr_expect(eq(i64, product->initial + product->restocked,
			     product->left + product->held + product->sold));
	}
}

Test(shelf, a_turn_writes_a_product_once)
{
	transaction_seal(&tx);
	transaction_clear(&tx);
	product_move(&tx, product, MOVEMENT_HOLD, 1, "a");
	product_move(&tx, product, MOVEMENT_HOLD, 1, "b");
	cr_assert(transaction_seal(&tx));
	struct bits in;
	int seen[ROW_KINDS] = { 0 };
	bits_init(&in, tx.rows.data, tx.rows.len);
	while (bits_left(&in)) {
		int64_t row[ROW_SIZE_MAX / sizeof(int64_t)];
		const uint8_t *start;
		const int table = row_decode(&in, row, &start);
		cr_assert(ge(int, table, 0));
		seen[table]++;
	}
	cr_expect(eq(int, seen[ROW_MOVEMENT], 2));
	cr_expect(eq(int, seen[ROW_PRODUCT], 1));
	transaction_clear(&tx);
	cr_expect(not(transaction_seal(&tx)));
}
