/*
 * 200,000 random requests against the engine and against a model so simple that it can be seen to
 * be right: flat arrays, no store, no time but one number. In between commits fail and the store is
 * opened anew. SOUK_MODEL_SEED repeats a run.
 */
#include "tests/commerce/engine_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	REQUESTS = 200000,
	BATCH = 100,
	PRODUCTS = 6,
	BUYERS = 12,
	KEYS = 4000,
	ITEMS = 3,
	ORDERS_MAX = REQUESTS,
	REVS_MAX = REQUESTS / 10,
	HOLD_S = 60,
	GRACE_MS = 5000,
};

#define DAY_US (INT64_C(24) * 3600 * 1000000)

struct item {
	int product;
	int64_t qty, asked_rev, minor;
};

struct order {
	char id[40];
	int state; /* as enum order_state */
	int buyer, count;
	struct item items[ITEMS];
	int64_t expires_us;
};

struct key {
	bool bound;
	int order, kind; /* 0: place, else 1 + verb */
	int64_t at_us;
};

struct shelf {
	int64_t left, held, sold, limit;
	int revs;
	int64_t minor[REVS_MAX], from_us[REVS_MAX];
	int64_t tally[BUYERS];
};

struct model {
	int64_t now_us;
	struct shelf shelf[PRODUCTS];
	struct key keys[BUYERS][KEYS];
	int orders;
	struct order order[ORDERS_MAX];
};

/* What the model says the engine will answer. */
struct expected {
	int status;
	const char *code;
	bool replayed;
	int order; /* that a 2xx is about; -1: none */
};

static struct engine_fixture f;
static struct model *model, *before;
static struct expected expected[BATCH];
static int asked, answered;
static bool failing;
static uint64_t random_state;
static unsigned long long seed;

static int64_t pick(int64_t count)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (int64_t)(random_state % (uint64_t)count);
}

static void on_reply(void *arg, const struct answer *answer)
{
	(void)arg;
	const struct expected *want = &expected[answered++];
	if (failing && !f.fail_commits) {
		cr_assert(answer->status == 503, "seed %llu: %d: %s", seed, answer->status,
			  answer->body);
		return;
	}
	cr_assert(answer->status == want->status, "seed %llu: %d %s instead of %d %s: %s", seed,
		  answer->status, answer->code ? answer->code : "", want->status,
		  want->code ? want->code : "", answer->body);
	if (want->code)
		cr_assert_str_eq(answer->code, want->code, "seed %llu", seed);
	cr_assert(answer->replayed == want->replayed, "seed %llu", seed);
	if (want->order < 0)
		return;
	struct order *order = &model->order[want->order];
	json_t *body = json_parse(answer->body, answer->body_len);
	if (!order->id[0])
		snprintf(order->id, sizeof(order->id), "%s", json_at(body, "id"));
	cr_assert_str_eq(json_at(body, "id"), order->id, "seed %llu", seed);
	json_decref(body);
}

static void expect(int status, const char *code, bool replayed, int order)
{
	expected[asked++] = (struct expected){ status, code, replayed, order };
}

static struct engine_reply reply(void)
{
	return (struct engine_reply){ .fn = on_reply };
}

static bool counts(int state)
{
	return state == 0 || state == 1 || state == 2;
}

static void move(struct order *order, int state)
{
	static const int in_held[] = { 1, 0, 0, 0, 0, 0, 0 };
	static const int in_sold[] = { 0, 1, 1, 0, 0, 0, 0 };
	for (int i = 0; i < order->count; i++) {
		struct shelf *shelf = &model->shelf[order->items[i].product];
		const int64_t qty = order->items[i].qty;
		const int held = in_held[state] - in_held[order->state];
		const int sold = in_sold[state] - in_sold[order->state];
		shelf->held += held * qty;
		shelf->sold += sold * qty;
		shelf->left -= (held + sold) * qty;
		shelf->tally[order->buyer] += (counts(state) - counts(order->state)) * qty;
	}
	order->state = state;
}

static void expire_all(void)
{
	for (int i = 0; i < model->orders; i++)
		if (model->order[i].state == 0 && model->order[i].expires_us <= model->now_us)
			move(&model->order[i], 4);
}

/* The price charged, or -1. */
static int64_t price_of(const struct shelf *shelf, int64_t rev)
{
	const int64_t now = shelf->minor[shelf->revs - 1];
	if (rev == 0 || rev == shelf->revs)
		return now;
	if (rev > shelf->revs || model->now_us > shelf->from_us[rev] + GRACE_MS * 1000)
		return -1;
	return now < shelf->minor[rev - 1] ? now : shelf->minor[rev - 1];
}

static const char *judge(const struct order *order)
{
	for (int i = 0; i < order->count; i++) {
		const struct item *item = &order->items[i];
		const struct shelf *shelf = &model->shelf[item->product];
		int64_t wanted = 0;
		for (int j = 0; j <= i; j++)
			if (order->items[j].product == item->product)
				wanted += order->items[j].qty;
		if (price_of(shelf, item->asked_rev) < 0)
			return "price_changed";
		if (shelf->limit && shelf->tally[order->buyer] + wanted > shelf->limit)
			return "limit_reached";
		if (wanted > shelf->left)
			return "sold_out";
	}
	return NULL;
}

static void send_order(const struct order *order, int key)
{
	struct order_request request = { .room = "demo", .shown_us = -1 };
	char sub[8];
	snprintf(sub, sizeof(sub), "b%d", order->buyer);
	snprintf(request.key, sizeof(request.key), "k%d", key);
	const struct caller caller = viewer("demo", sub);
	for (int i = 0; i < order->count; i++) {
		struct order_request_item *item = &request.items[request.count++];
		snprintf(item->sku, sizeof(item->sku), "P%d", order->items[i].product);
		item->qty = order->items[i].qty;
		item->price_rev = order->items[i].asked_rev;
	}
	engine_place_order(f.engine, &request, &caller, reply());
}

static bool same_items(const struct order *a, const struct order *b)
{
	if (a->count != b->count)
		return false;
	for (int i = 0; i < a->count; i++)
		if (a->items[i].product != b->items[i].product ||
		    a->items[i].qty != b->items[i].qty ||
		    a->items[i].asked_rev != b->items[i].asked_rev)
			return false;
	return true;
}

static struct key *key_of(int buyer, int number)
{
	struct key *key = &model->keys[buyer][number];
	if (key->bound && key->at_us + DAY_US <= model->now_us)
		key->bound = false;
	return key;
}

static void place(void)
{
	struct order order = { .buyer = (int)pick(BUYERS), .count = 1 + (int)pick(ITEMS) };
	const int number = (int)pick(KEYS);
	struct key *key = key_of(order.buyer, number);
	for (int i = 0; i < order.count; i++) {
		struct item *item = &order.items[i];
		item->product = (int)pick(PRODUCTS);
		item->qty = 1 + pick(4);
		const int revs = model->shelf[item->product].revs;
		item->asked_rev = pick(2) ? 0 : revs - pick(2) + (pick(20) == 0);
	}
	if (key->bound && key->kind == 0 && pick(2)) {
		const int buyer = order.buyer;
		order = model->order[key->order];
		order.buyer = buyer;
	}
	send_order(&order, number);
	if (key->bound) {
		const bool same = key->kind == 0 && same_items(&order, &model->order[key->order]);
		expect(same ? 201 : 409, same ? NULL : "key_reused", same, same ? key->order : -1);
		return;
	}
	const char *refusal = judge(&order);
	if (refusal) {
		expect(409, refusal, false, -1);
		return;
	}
	order.id[0] = '\0';
	order.state = 3; /* nothing moved yet */
	order.expires_us = model->now_us + HOLD_S * INT64_C(1000000);
	const int at = model->orders++;
	model->order[at] = order;
	move(&model->order[at], 0);
	*key = (struct key){ .bound = true, .order = at, .at_us = model->now_us };
	expect(201, NULL, false, at);
}

/* The state after the verb, or -1. */
static int after_verb(const struct order *order, enum order_verb verb)
{
	static const int from[] = {
		[ORDER_CANCEL] = 0, [ORDER_PAY] = 0, [ORDER_REFUND] = 1, [ORDER_FULFIL] = 1
	};
	static const int to[] = {
		[ORDER_CANCEL] = 3, [ORDER_PAY] = 1, [ORDER_REFUND] = 6, [ORDER_FULFIL] = 2
	};
	return order->state == from[verb] ? to[verb] : -1;
}

static const char *judge_late(const struct order *order)
{
	for (int i = 0; i < order->count; i++) {
		const struct shelf *shelf = &model->shelf[order->items[i].product];
		int64_t wanted = 0;
		for (int j = 0; j < order->count; j++)
			if (order->items[j].product == order->items[i].product)
				wanted += order->items[j].qty;
		if (wanted > shelf->left)
			return "sold_out";
		if (shelf->limit && shelf->tally[order->buyer] + wanted > shelf->limit)
			return "limit_reached";
	}
	return NULL;
}

static void change(void)
{
	/* Late orders are the interesting ones; those of this batch have no id yet. */
	const int recent = model->orders < 400 ? model->orders : 400;
	if (!recent)
		return;
	const int at = model->orders - 1 - (int)pick(recent);
	struct order *order = &model->order[at];
	if (!order->id[0])
		return;
	struct order_change request = { .verb = (enum order_verb)pick(4) };
	char sub[8];
	snprintf(sub, sizeof(sub), "b%d", order->buyer);
	snprintf(request.id, sizeof(request.id), "%s", order->id);
	const int number = (int)pick(KEYS);
	snprintf(request.key, sizeof(request.key), "k%d", number);
	const struct caller caller =
		host("demo", sub); /* may do everything, in the buyer's scope */
	engine_change_order(f.engine, &request, &caller, reply());
	struct key *key = key_of(order->buyer, number);
	const int kind = 1 + (int)request.verb;
	if (key->bound) {
		const bool same = key->kind == kind && key->order == at;
		expect(same ? 200 : 409, same ? NULL : "key_reused", same, same ? at : -1);
		return;
	}
	const bool late = request.verb == ORDER_PAY && order->state == 4;
	const char *refusal = late ? judge_late(order) : NULL;
	const int state = late ? 1 : after_verb(order, request.verb);
	if (refusal || state < 0) {
		expect(409, refusal ? refusal : "bad_state", false, -1);
		return;
	}
	move(order, state);
	*key = (struct key){ .bound = true, .order = at, .kind = kind, .at_us = model->now_us };
	expect(200, NULL, false, at);
}

static void patch(void)
{
	char sku[8];
	const int at = (int)pick(PRODUCTS);
	struct shelf *shelf = &model->shelf[at];
	struct product_patch request = { 0 };
	snprintf(sku, sizeof(sku), "P%d", at);
	request.restock = pick(30) - 8;
	request.has_limit = pick(10) == 0;
	request.limit = pick(3) ? 20 + pick(400) : 0;
	request.has_price = pick(4) == 0;
	request.price = (struct price){ .minor = 100 + pick(5), .cur = "CNY" };
	engine_patch_product(f.engine, "demo", sku, &request, reply());
	if (shelf->left + request.restock < 0) {
		expect(409, "bad_state", false, -1);
		return;
	}
	shelf->left += request.restock;
	if (request.has_limit)
		shelf->limit = request.limit;
	if (request.has_price && shelf->minor[shelf->revs - 1] != request.price.minor) {
		shelf->minor[shelf->revs] = request.price.minor;
		shelf->from_us[shelf->revs++] = model->now_us;
	}
	expect(200, NULL, false, -1);
}

static void run_batch(void)
{
	asked = answered = 0;
	failing = pick(50) == 0;
	if (failing) {
		memcpy(before, model, sizeof(*model));
		f.fail_commits = 1;
	}
	/* A day passes now and then; at least a second always, so that no event is refused. */
	f.fake.now_us += pick(100) == 0 ? DAY_US + 1000000 : 1000000 + pick(3000000);
	model->now_us = f.fake.now_us + f.fake.clock.utc_offset_us;
	expire_all();
	for (int patches = 0; asked < BATCH;) {
		const int64_t what = pick(100);
		if (what < 55)
			place();
		else if (what < 96)
			change();
		else if (patches++ < 8)
			patch();
	}
	fixture_settle(&f);
	cr_assert(eq(int, answered, asked), "seed %llu", seed);
	if (failing && !f.fail_commits) /* there was something to commit */
		memcpy(model, before, sizeof(*model));
	f.fail_commits = 0;
	while (f.event_count)
		json_decref(f.events[--f.event_count]);
	if (pick(100) == 0) {
		fixture_close(&f);
		fixture_open(&f);
	}
}

static void compare(void)
{
	char sku[16];
	fixture_advance(&f, 50000);
	model->now_us = f.fake.now_us + f.fake.clock.utc_offset_us;
	expire_all();
	for (int i = 0; i < PRODUCTS; i++) {
		snprintf(sku, sizeof(sku), "P%d", i);
		cr_assert(shown(&f, sku, "left") == model->shelf[i].left, "seed %llu", seed);
		cr_assert(shown(&f, sku, "held") == model->shelf[i].held, "seed %llu", seed);
		cr_assert(shown(&f, sku, "sold") == model->shelf[i].sold, "seed %llu", seed);
	}
}

static void start(void)
{
	char json[160];
	fixture_start(&f);
	fixture_close(&f);
	f.sync_normal = true; /* nobody cuts the power here */
	fixture_open(&f);
	cr_assert(eq(int, ask_room(&f, "{\"id\":\"demo\",\"hold_s\":60}"), 201));
	for (int i = 0; i < PRODUCTS; i++) {
		snprintf(json, sizeof(json),
			 "{\"sku\":\"P%d\",\"title\":\"x\",\"stock\":%d,"
			 "\"price\":{\"minor\":100,\"cur\":\"CNY\"}}",
			 i, 50 * i);
		cr_assert(eq(int, ask_product(&f, "demo", json), 201));
		model->shelf[i].left = INT64_C(50) * i;
		model->shelf[i].minor[0] = 100;
		model->shelf[i].revs = 1;
	}
}

Test(model, engine_agrees_with_the_model, .timeout = 110)
{
	const char *given = getenv("SOUK_MODEL_SEED");
	seed = given ? strtoull(given, NULL, 10) : (unsigned long long)time(NULL);
	random_state = seed * 2654435761U + 1;
	printf("seed %llu\n", seed);
	model = calloc(1, sizeof(*model));
	before = calloc(1, sizeof(*before));
	cr_assert(model && before);
	start();
	for (int i = 0; i < REQUESTS / BATCH; i++) {
		run_batch();
		if (i % 50 == 0)
			compare();
	}
	compare();
	char fault[256];
	cr_expect(eq(int, check_faults(f.dir, fault), 0), "seed %llu: %s", seed, fault);
	printf("orders %d\n", model->orders);
	fixture_stop(&f);
	free(model);
	free(before);
}
