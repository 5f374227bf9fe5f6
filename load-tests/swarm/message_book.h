/*
 * Live messages (docs/api.md section 5) as viewers need them. The server renders a message once for
 * all, so thousands of viewers get the same text: the book parses each text once. One thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_MESSAGE_BOOK_H
#define SOUK_LOAD_TESTS_SWARM_MESSAGE_BOOK_H

#include "load-tests/swarm/stream_clock.h"

#include <stddef.h>

enum { MESSAGE_BATCH_MAX = 64, MESSAGE_TEXT_MAX = 64 * 1024 };

enum live_kind {
	LIVE_OTHER,
	LIVE_CLOCK,
	LIVE_STATE, /* contains everything up to its seq */
	LIVE_EVENT, /* of the timeline, shown with the picture of its at_us */
	LIVE_EVENT_AT_ONCE, /* of the timeline: stock and room.* */
};

struct live_item {
	enum live_kind kind;
	int64_t seq, at_us;
	struct stream_clock clock;
};

struct live_batch {
	bool bad; /* not of the form of a live message */
	size_t count;
	struct live_item items[MESSAGE_BATCH_MAX]; /* further ones are counted, not kept */
};

struct message_book;

void message_book_create(struct message_book **out);
void message_book_destroy(struct message_book *book); /* takes NULL */

/* Valid until the next call. */
const struct live_batch *message_book_read(struct message_book *book, const char *text, size_t len);

#endif
