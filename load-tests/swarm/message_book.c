#include "load-tests/swarm/message_book.h"

#include "server/core/alloc.h"
#include "server/core/json.h"

#include <stdlib.h>
#include <string.h>

enum { PAGES = 32 };

struct page {
	uint64_t hash;
	size_t len;
	char *text; /* NULL: empty */
	struct live_batch batch;
};

struct message_book {
	struct page pages[PAGES];
	unsigned next; /* to be written over */
};

void message_book_create(struct message_book **out)
{
	*out = xcalloc(1, sizeof(**out));
}

void message_book_destroy(struct message_book *book)
{
	for (unsigned i = 0; book && i < PAGES; i++)
		free(book->pages[i].text);
	free(book);
}

/* FNV-1a, eight bytes a step. */
static uint64_t hash_of(const char *text, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325ull ^ len;
	for (; len >= 8; text += 8, len -= 8) {
		uint64_t word;
		memcpy(&word, text, sizeof(word));
		hash = (hash ^ word) * 0x100000001b3ull;
		hash ^= hash >> 32;
	}
	for (; len; text++, len--)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3ull;
	return hash;
}

static void read_clock(struct live_item *item, const json_t *data)
{
	const json_t *rtp = json_object_get(data, "rtp");
	item->clock = (struct stream_clock){
		.known = json_is_integer(json_object_get(data, "media_us")) &&
			 json_is_integer(json_object_get(data, "capture_us")),
		.has_rtp = json_is_integer(rtp),
		.rtp = (uint32_t)json_integer_value(rtp),
		.media_us = json_integer_value(json_object_get(data, "media_us")),
		.capture_us = json_integer_value(json_object_get(data, "capture_us")),
		.rate_ppm = json_number_value(json_object_get(data, "rate_ppm")),
	};
}

static void read_item(struct live_batch *batch, const json_t *message)
{
	const char *type = json_string_value(json_object_get(message, "type"));
	const json_t *data = json_object_get(message, "data");
	struct live_item item = { .kind = LIVE_OTHER };
	if (!type || !json_is_object(data)) {
		batch->bad = true;
		return;
	}
	item.seq = json_integer_value(json_object_get(message, "seq"));
	item.at_us = json_integer_value(json_object_get(message, "at_us"));
	if (!strcmp(type, "clock")) {
		item.kind = LIVE_CLOCK;
		read_clock(&item, data);
	} else if (!strcmp(type, "state")) {
		item.kind = LIVE_STATE;
		item.seq = json_integer_value(json_object_get(data, "seq"));
	} else if (item.seq) {
		const bool at_once = !strcmp(type, "stock") || !strncmp(type, "room.", 5);
		item.kind = at_once ? LIVE_EVENT_AT_ONCE : LIVE_EVENT;
	}
	if (batch->count < MESSAGE_BATCH_MAX)
		batch->items[batch->count] = item;
	batch->count++;
}

static void parse(struct live_batch *batch, const char *text, size_t len)
{
	json_t *value = len <= MESSAGE_TEXT_MAX ? json_parse(text, len) : NULL;
	memset(batch, 0, sizeof(*batch));
	batch->bad = !value;
	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++)
			read_item(batch, json_array_get(value, i));
	} else if (value) {
		read_item(batch, value);
	}
	json_decref(value);
}

const struct live_batch *message_book_read(struct message_book *book, const char *text, size_t len)
{
	const uint64_t hash = hash_of(text, len);
	for (unsigned i = 0; i < PAGES; i++) {
		const struct page *page = &book->pages[i];
		if (page->text && page->hash == hash && page->len == len &&
		    !memcmp(page->text, text, len))
			return &page->batch;
	}
	struct page *page = &book->pages[book->next++ % PAGES];
	free(page->text);
	page->hash = hash;
	page->len = len;
	page->text = xrealloc(NULL, len + 1);
	memcpy(page->text, text, len); /* which may hold NULs */
	parse(&page->batch, text, len);
	return &page->batch;
}
