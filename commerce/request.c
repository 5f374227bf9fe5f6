#include "commerce/request.h"

#include "server/core/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PRICE_GRACE_MS_DEFAULT = 5000,
	PRICE_GRACE_MS_MAX = 600000,
	HOLD_S_DEFAULT = 300,
	HOLD_S_MAX = 86400,
	HOST_GRACE_S_DEFAULT = 60,
	HOST_GRACE_S_MAX = 86400,
};

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

bool name_valid(const char *text)
{
	size_t len = 0;
	while (len <= NAME_MAX_LEN && name_char(text[len]))
		len++;
	return len >= 1 && len <= NAME_MAX_LEN && text[len] == '\0';
}

bool uuid_valid(const char *text)
{
	size_t len = 0;
	for (; text[len] && len < 36; len++) {
		const bool dash = len == 8 || len == 13 || len == 18 || len == 23;
		const char c = text[len];
		if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return len == 36 && text[len] == '\0';
}

/* The reader's fault, if any, as a problem. */
static int result_of(const struct json_reader *reader, struct problem *problem)
{
	if (!reader->bad)
		return 0;
	problem_bad_request(problem, reader->member,
			    reader->member[0] ? reader->why : "a JSON object is expected");
	return -EINVAL;
}

static void copy_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text ? text : "");
}

static void read_name(struct json_reader *reader, const char *member, char out[NAME_MAX_LEN + 1])
{
	const char *text = json_string_of(reader, member, 1, NAME_MAX_LEN);
	if (text && !name_valid(text))
		json_fault(reader, member, "must be 1 to 64 of A-Z a-z 0-9 _ -");
	copy_text(out, NAME_MAX_LEN + 1, text);
}

static void read_title(struct json_reader *reader, char out[TITLE_MAX_LEN + 1])
{
	const char *text = json_string_of(reader, "title", 0, SIZE_MAX);
	size_t chars = 0;
	for (const char *at = text; at && *at; at++)
		chars += (*at & 0xc0) != 0x80; /* valid UTF-8: json_parse() saw to that */
	if (chars < 1 || chars > TITLE_CHARS_MAX)
		json_fault(reader, "title", "must be 1 to 200 characters");
	copy_text(out, TITLE_MAX_LEN + 1, text);
}

int idempotency_key_parse(char out[NAME_MAX_LEN + 1], const char *text, struct problem *problem)
{
	size_t len = 0;
	while (text && len <= NAME_MAX_LEN && text[len] >= '!' && text[len] <= '~')
		len++;
	if (!text || len == 0 || len > NAME_MAX_LEN || text[len]) {
		problem_bad_request(problem, "Idempotency-Key",
				    "1 to 64 visible ASCII characters are required");
		return -EINVAL;
	}
	memcpy(out, text, len + 1);
	return 0;
}

static void read_item(struct json_reader *reader, struct order_request_item *item)
{
	read_name(reader, "sku", item->sku);
	item->qty = json_int(reader, "qty", 1, ORDER_QTY_MAX);
	item->price_rev = json_int_or(reader, "price_rev", 1, INT64_MAX, 0);
}

static void read_items(struct json_reader *reader, const json_t *items, struct order_request *out)
{
	const size_t count = json_array_size(items);
	if (!json_is_array(items) || count < 1 || count > ORDER_ITEMS_MAX) {
		json_fault(reader, "items", "must be an array of 1 to 20");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct json_reader inner;
		char path[24];
		json_reader_init(&inner, json_array_get(items, i));
		read_item(&inner, &out->items[i]);
		snprintf(path, sizeof(path), "items.%zu", i);
		if (inner.bad && !inner.member[0]) /* no object */
			json_fault(reader, path, inner.why);
		json_leave(reader, &inner, path);
	}
	out->count = (unsigned)count;
}

/* Which of the two is meant nobody knows. */
static void refuse_beside_items(struct json_reader *reader)
{
	static const char *const members[] = { "sku", "qty", "price_rev" };
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (json_has(reader, members[i]))
			json_fault(reader, members[i], "stands beside items");
}

int order_request_parse(struct order_request *out, const json_t *body, struct problem *problem)
{
	struct json_reader reader;
	json_reader_init(&reader, body);
	*out = (struct order_request){ .count = 1 };
	out->shown_us = json_int_or(&reader, "shown_us", 0, INT64_MAX, -1);
	if (json_has(&reader, "items")) {
		read_items(&reader, json_object_get(body, "items"), out);
		refuse_beside_items(&reader);
	} else {
		read_item(&reader, &out->items[0]);
	}
	return result_of(&reader, problem);
}

static void read_price(struct json_reader *reader, struct price *price)
{
	struct json_reader inner = json_enter(reader, "price");
	price->minor = json_int(&inner, "minor", 0, PRICE_MINOR_MAX);
	const char *cur = json_string_of(&inner, "cur", 3, 3);
	for (int i = 0; cur && i < 3; i++)
		if (cur[i] < 'A' || cur[i] > 'Z')
			json_fault(&inner, "cur", "must be three capital letters (ISO 4217)");
	copy_text(price->cur, sizeof(price->cur), cur);
	json_leave(reader, &inner, "price");
}

/* An https URL or a path of ours; what a page may put into an attribute, so nothing that needs
 * quoting. */
static bool image_valid(const char *text)
{
	const bool remote = !strncmp(text, "https://", 8) &&
			    (isalnum((unsigned char)text[8]) || text[8] == '[');
	const bool own = !strncmp(text, "/files/", 7) && text[7] && !strstr(text, "/.");
	if (!remote && !own)
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text == 0x7f || strchr("\"'<>\\^`{|}", *text))
			return false;
	return true;
}

static void read_image(struct json_reader *reader, char out[IMAGE_MAX_LEN + 1])
{
	const char *text = json_string_or(reader, "image", IMAGE_MAX_LEN, NULL);
	if (text && !image_valid(text))
		json_fault(reader, "image", "must be an https URL or /files/...");
	copy_text(out, IMAGE_MAX_LEN + 1, text);
}

int product_parse(struct product_request *out, const json_t *body, struct problem *problem)
{
	struct json_reader reader;
	json_reader_init(&reader, body);
	*out = (struct product_request){ 0 };
	read_name(&reader, "sku", out->sku);
	read_title(&reader, out->title);
	read_image(&reader, out->image);
	read_price(&reader, &out->price);
	out->stock = json_int(&reader, "stock", 0, STOCK_MAX);
	out->limit = json_int_or(&reader, "limit", 0, STOCK_MAX, 0);
	return result_of(&reader, problem);
}

int product_patch_parse(struct product_patch *out, const json_t *body, struct problem *problem)
{
	struct json_reader reader;
	json_reader_init(&reader, body);
	*out = (struct product_patch){ 0 };
	out->has_title = json_has(&reader, "title");
	if (out->has_title)
		read_title(&reader, out->title);
	/* A null takes the image or the limit away. */
	out->has_image = json_object_get(body, "image") != NULL;
	if (out->has_image)
		read_image(&reader, out->image);
	out->has_limit = json_object_get(body, "limit") != NULL;
	out->limit = json_int_or(&reader, "limit", 0, STOCK_MAX, 0);
	out->has_price = json_has(&reader, "price");
	if (out->has_price)
		read_price(&reader, &out->price);
	out->restock = json_int_or(&reader, "restock", -STOCK_MAX, STOCK_MAX, 0);
	if (json_has(&reader, "stock")) /* two hosts would overwrite each other's count */
		json_fault(&reader, "stock", "changes by restock alone");
	return result_of(&reader, problem);
}

static void read_settings(struct json_reader *reader, struct room_patch *patch)
{
	struct room_settings *settings = &patch->settings;
	patch->has_title = json_has(reader, "title");
	if (patch->has_title)
		read_title(reader, settings->title);
	patch->has_access = json_has(reader, "access");
	const char *access = json_string_or(reader, "access", 16, "public");
	if (access && strcmp(access, "public") != 0 && strcmp(access, "token") != 0)
		json_fault(reader, "access", "must be public or token");
	settings->token_access = access && strcmp(access, "token") == 0;
	patch->has_guest_orders = json_has(reader, "guest_orders");
	settings->guest_orders = json_bool_or(reader, "guest_orders", false);
	patch->has_high_profile = json_has(reader, "high_profile");
	settings->high_profile = json_bool_or(reader, "high_profile", false);
	patch->has_record = json_has(reader, "record");
	settings->record = json_bool_or(reader, "record", false);
	patch->has_price_grace_ms = json_has(reader, "price_grace_ms");
	settings->price_grace_ms = json_int_or(reader, "price_grace_ms", 0, PRICE_GRACE_MS_MAX,
					       PRICE_GRACE_MS_DEFAULT);
	patch->has_hold_s = json_has(reader, "hold_s");
	settings->hold_s = json_int_or(reader, "hold_s", 1, HOLD_S_MAX, HOLD_S_DEFAULT);
	patch->has_host_grace_s = json_has(reader, "host_grace_s");
	settings->host_grace_s =
		json_int_or(reader, "host_grace_s", 0, HOST_GRACE_S_MAX, HOST_GRACE_S_DEFAULT);
}

int room_parse(struct room_request *out, const json_t *body, struct problem *problem)
{
	struct json_reader reader;
	struct room_patch patch = { 0 };
	json_reader_init(&reader, body);
	*out = (struct room_request){ 0 };
	read_name(&reader, "id", out->id);
	read_settings(&reader, &patch);
	out->settings = patch.settings;
	if (!patch.has_title)
		copy_text(out->settings.title, sizeof(out->settings.title), out->id);
	return result_of(&reader, problem);
}

int room_patch_parse(struct room_patch *out, const json_t *body, struct problem *problem)
{
	struct json_reader reader;
	json_reader_init(&reader, body);
	*out = (struct room_patch){ 0 };
	read_settings(&reader, out);
	return result_of(&reader, problem);
}

int pin_parse(struct pin_request *out, const json_t *body, struct problem *problem)
{
	struct json_reader reader;
	json_reader_init(&reader, body);
	*out = (struct pin_request){ 0 };
	read_name(&reader, "sku", out->sku);
	out->at_us = json_int_or(&reader, "at_us", 0, INT64_MAX, 0);
	return result_of(&reader, problem);
}

int page_parse(struct page_request *out, const char *after, const char *limit,
	       struct problem *problem)
{
	*out = (struct page_request){ .limit = PAGE_LIMIT_DEFAULT };
	if (after && after[0]) {
		if (!name_valid(after)) {
			problem_bad_request(problem, "after", "not a cursor");
			return -EINVAL;
		}
		copy_text(out->after, sizeof(out->after), after);
	}
	if (!limit)
		return 0;
	unsigned number = 0;
	for (const char *at = limit; isdigit((unsigned char)*at) && number <= PAGE_LIMIT_MAX; at++)
		number = number * 10 + (unsigned)(*at - '0');
	if (number < 1 || number > PAGE_LIMIT_MAX || limit[strspn(limit, "0123456789")]) {
		problem_bad_request(problem, "limit", "1 to 200");
		return -EINVAL;
	}
	out->limit = number;
	return 0;
}
