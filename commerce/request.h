/*
 * Requests as values: parsed by workers from JSON that strangers sent, with every bound of the
 * contract (docs/api.md) checked, then handed to the engine, which copies them. Pure functions
 * without state; any thread. All parsers return 0, or -EINVAL with a 400 `bad_request` in
 * `problem`.
 */
#ifndef SOUK_COMMERCE_REQUEST_H
#define SOUK_COMMERCE_REQUEST_H

#include "commerce/answer.h"
#include "server/core/json.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	NAME_MAX_LEN = 64, /* room ids, SKUs, idempotency keys */
	TITLE_CHARS_MAX = 200,
	TITLE_MAX_LEN = 4 * TITLE_CHARS_MAX, /* as UTF-8 */
	IMAGE_MAX_LEN = 1024,
	ORDER_ITEMS_MAX = 20,
	ORDER_QTY_MAX = 999,
	STOCK_MAX = 1000000000, /* also restock and limit */
	PAGE_LIMIT_MAX = 200,
	PAGE_LIMIT_DEFAULT = 50,
};
#define PRICE_MINOR_MAX INT64_C(1000000000000)

struct price {
	int64_t minor; /* minor units of the currency */
	char cur[4]; /* ISO 4217 */
};

struct order_request_item {
	char sku[NAME_MAX_LEN + 1];
	int64_t qty;
	int64_t price_rev; /* 0: the current price, whatever it is */
};

struct order_request {
	char room[NAME_MAX_LEN + 1]; /* by the caller */
	char key[NAME_MAX_LEN + 1]; /* by the caller, idempotency_key_parse() */
	int64_t shown_us; /* -1 when not sent */
	unsigned count;
	struct order_request_item items[ORDER_ITEMS_MAX];
};

enum order_verb { ORDER_CANCEL, ORDER_PAY, ORDER_REFUND, ORDER_FULFIL };

struct order_change {
	enum order_verb verb;
	char id[NAME_MAX_LEN + 1];
	char key[NAME_MAX_LEN + 1]; /* empty only for fulfil */
};

struct product_request {
	char sku[NAME_MAX_LEN + 1];
	char title[TITLE_MAX_LEN + 1];
	char image[IMAGE_MAX_LEN + 1]; /* empty: none */
	struct price price;
	int64_t stock;
	int64_t limit; /* per buyer; 0: none */
};

/* A member that was not sent keeps its `has_` false. */
struct product_patch {
	bool has_title, has_image, has_price, has_limit;
	char title[TITLE_MAX_LEN + 1];
	char image[IMAGE_MAX_LEN + 1];
	struct price price;
	int64_t limit; /* 0: from now on none (sent as null) */
	int64_t restock; /* signed; 0: nothing */
};

struct room_settings {
	char title[TITLE_MAX_LEN + 1];
	bool token_access; /* access "token" instead of "public" */
	bool guest_orders;
	bool high_profile;
	bool record;
	int64_t price_grace_ms;
	int64_t hold_s;
	int64_t host_grace_s;
};

struct room_request {
	char id[NAME_MAX_LEN + 1];
	struct room_settings settings;
};

/* A change of the settings: members not sent are taken over when it is applied. */
struct room_patch {
	bool has_title, has_access, has_guest_orders, has_high_profile, has_record;
	bool has_price_grace_ms, has_hold_s, has_host_grace_s;
	struct room_settings settings;
};

struct pin_request {
	char sku[NAME_MAX_LEN + 1];
	int64_t at_us; /* 0: now */
};

struct page_request {
	char after[NAME_MAX_LEN + 1]; /* cursor; empty: from the start */
	unsigned limit;
};

/* [A-Za-z0-9_-]{1,64}: room ids and SKUs. */
bool name_valid(const char *text);
/* Our own ids: 36 characters of a UUID in lower case. */
bool uuid_valid(const char *text);

/* `text` is the header's or member's value, NULL when absent; 1 to 64 of '!'..'~'. The fault names
 * the member "Idempotency-Key". */
int idempotency_key_parse(char out[NAME_MAX_LEN + 1], const char *text, struct problem *problem)
	__attribute__((warn_unused_result));

/* Leaves room and key to the caller. */
int order_request_parse(struct order_request *out, const json_t *body, struct problem *problem)
	__attribute__((warn_unused_result));
int product_parse(struct product_request *out, const json_t *body, struct problem *problem)
	__attribute__((warn_unused_result));
int product_patch_parse(struct product_patch *out, const json_t *body, struct problem *problem)
	__attribute__((warn_unused_result));
int room_parse(struct room_request *out, const json_t *body, struct problem *problem)
	__attribute__((warn_unused_result));
int room_patch_parse(struct room_patch *out, const json_t *body, struct problem *problem)
	__attribute__((warn_unused_result));
int pin_parse(struct pin_request *out, const json_t *body, struct problem *problem)
	__attribute__((warn_unused_result));
/* Values of the query parameters `after` and `limit`; NULL when absent. */
int page_parse(struct page_request *out, const char *after, const char *limit,
	       struct problem *problem) __attribute__((warn_unused_result));

#endif
