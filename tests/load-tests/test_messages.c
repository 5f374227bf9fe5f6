#include "load-tests/swarm/event_watch.h"
#include "load-tests/swarm/message_book.h"
#include "load-tests/swarm/ws_reader.h"
#include "tests/support/flv_file.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct live_batch *read_text(struct message_book *book, const char *text)
{
	return message_book_read(book, text, strlen(text));
}

/* The same vectors that server and browser read (tests/data/golden). */
Test(message_book, reads_the_golden_messages)
{
	static const struct {
		const char *name;
		enum live_kind kind;
		int64_t seq;
	} rows[] = {
		{ "../golden/live-clock.json", LIVE_CLOCK, 0 },
		{ "../golden/live-product.pin.json", LIVE_EVENT, 1812 },
		{ "../golden/live-chat.json", LIVE_OTHER, 0 },
		{ "../golden/live-viewers.json", LIVE_OTHER, 0 },
	};
	struct message_book *book;
	message_book_create(&book);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t len;
		uint8_t *text = test_data_read(rows[i].name, &len);
		const struct live_batch *batch = message_book_read(book, (char *)text, len);
		cr_assert(not(batch->bad), "%s", rows[i].name);
		cr_assert(eq(sz, batch->count, 1));
		cr_assert(eq(int, batch->items[0].kind, rows[i].kind), "%s", rows[i].name);
		cr_assert(eq(i64, batch->items[0].seq, rows[i].seq));
		free(text);
	}
	message_book_destroy(book);
}

Test(message_book, reads_a_text_once_and_arrays_whole)
{
	struct message_book *book;
	message_book_create(&book);
	static const char text[] =
		"[{\"v\":1,\"type\":\"state\",\"data\":{\"seq\":7}},"
		"{\"v\":1,\"type\":\"stock\",\"seq\":8,\"at_us\":5,\"data\":{\"left\":1}},"
		"{\"v\":1,\"type\":\"price\",\"seq\":9,\"at_us\":6,\"data\":{}}]";
	const struct live_batch *batch = read_text(book, text);
	cr_assert(eq(sz, batch->count, 3));
	cr_assert(eq(int, batch->items[0].kind, LIVE_STATE));
	cr_assert(eq(i64, batch->items[0].seq, 7));
	cr_assert(eq(int, batch->items[1].kind, LIVE_EVENT_AT_ONCE));
	cr_assert(eq(int, batch->items[2].kind, LIVE_EVENT));
	cr_assert(eq(ptr, (void *)read_text(book, text), (void *)batch));
	cr_assert(read_text(book, "{\"v\":1}")->bad);
	cr_assert(read_text(book, "hello")->bad);
	for (int i = 0; i < 100; i++) { /* more than it keeps */
		char other[64];
		snprintf(other, sizeof(other), "{\"type\":\"x\",\"seq\":%d,\"data\":{}}", i + 1);
		cr_assert(eq(i64, read_text(book, other)->items[0].seq, i + 1));
	}
	message_book_destroy(book);
}

/* As long as the first time, not up to its first NUL: what a sanitizer sees at the second. */
Test(message_book, a_text_with_a_nul_is_known_again)
{
	static const char text[] = "[\0 far behind the end of what stands before the NUL";
	struct message_book *book;
	message_book_create(&book);
	const struct live_batch *first = message_book_read(book, text, sizeof(text));
	cr_assert(first->bad);
	cr_assert(eq(ptr, (void *)message_book_read(book, text, sizeof(text)), (void *)first));
	message_book_destroy(book);
}

Test(stream_clock, follows_the_line_over_the_wrap)
{
	const struct stream_clock clock = { .known = true,
					    .has_rtp = true,
					    .rtp = 0xffffff00,
					    .media_us = 4294967296999,
					    .capture_us = 1000000000,
					    .rate_ppm = 100 };
	cr_assert(eq(i64, stream_clock_of_rtp(&clock, 0xffffff00 + 900000), 1010001000));
	/* A tag's time is milliseconds modulo 2^32: 4294967296 is 0. */
	cr_assert(eq(i64, stream_clock_of_ms(&clock, 1000), 1000000000 + 1000000 - 999 + 99));
	cr_assert(eq(i64, stream_clock_of_ms(&(struct stream_clock){ 0 }, 5), 0));
}

struct errors {
	int count;
	int64_t last_us;
};

static void on_error(void *arg, int64_t error_us)
{
	struct errors *errors = arg;
	errors->count++;
	errors->last_us = error_us;
}

Test(event_watch, an_event_comes_with_the_first_picture_that_has_reached_it)
{
	struct errors errors = { 0 };
	const struct event_report report = { on_error, &errors };
	struct event_watch watch = { 0 };
	const struct live_item state = { .kind = LIVE_STATE, .seq = 10 };
	struct live_item event = { .kind = LIVE_EVENT, .seq = 11, .at_us = 1050 };
	event_watch_item(&watch, &state, &report);
	event_watch_picture(&watch, 1000, &report);
	event_watch_item(&watch, &event, &report);
	event_watch_picture(&watch, 1040, &report);
	cr_assert(eq(int, errors.count, 0));
	event_watch_picture(&watch, 1080, &report);
	cr_assert(eq(int, errors.count, 1));
	cr_assert(eq(i64, errors.last_us, 30));
	/* Late: with the picture that is there. */
	event = (struct live_item){ .kind = LIVE_EVENT, .seq = 12, .at_us = 1000 };
	event_watch_item(&watch, &event, &report);
	cr_assert(eq(i64, errors.last_us, 80));
	cr_assert(eq(u64, watch.gaps, 0));
	event = (struct live_item){ .kind = LIVE_EVENT_AT_ONCE, .seq = 14 };
	event_watch_item(&watch, &event, &report);
	cr_assert(eq(u64, watch.gaps, 1));
	cr_assert(eq(int, errors.count, 2));
}

/* ---- WebSocket ---- */

struct told {
	char text[256];
	size_t len;
};

static void on_message(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len)
{
	struct told *told = arg;
	told->len += (size_t)snprintf(told->text + told->len, sizeof(told->text) - told->len,
				      "%d:%.*s ", opcode, (int)len, (const char *)data);
}

Test(ws_reader, puts_fragments_together_whatever_the_cuts)
{
	/* Text in two fragments with a ping between, an empty text, a close (RFC 6455 §5.4). */
	static const uint8_t bytes[] = { 0x01, 3,   'H', 'e',  'l', 0x89, 1,   '!', 0x80,
					 2,    'l', 'o', 0x81, 0,   0x82, 126, 0,   3,
					 'a',  'b', 'c', 0x88, 2,   3,    0xe8 };
	for (size_t step = 1; step <= sizeof(bytes); step++) {
		struct told told = { 0 };
		struct ws_reader reader;
		ws_reader_init(&reader, on_message, &told);
		for (size_t at = 0; at < sizeof(bytes); at += step)
			ws_reader_feed(&reader, bytes + at,
				       sizeof(bytes) - at < step ? sizeof(bytes) - at : step);
		cr_assert(not(reader.bad), "step %zu", step);
		cr_assert(eq(str, told.text, "9:! 1:Hello 1: 2:abc 8:\3\xe8 "), "step %zu", step);
		ws_reader_finish(&reader);
	}
}

Test(ws_reader, refuses_what_a_server_must_not_send)
{
	static const uint8_t rows[][4] = {
		{ 0x81, 0x81, 0, 0 }, /* masked */
		{ 0xc1, 1, 'x', 0 }, /* a reserved bit */
		{ 0x80, 1, 'x', 0 }, /* continues nothing */
		{ 0x09, 0, 0, 0 }, /* a ping in fragments */
		{ 0x83, 0, 0, 0 }, /* an opcode that is not defined */
		{ 0x89, 126, 0, 200 }, /* a long control frame */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct told told = { 0 };
		struct ws_reader reader;
		ws_reader_init(&reader, on_message, &told);
		ws_reader_feed(&reader, rows[i], 4);
		cr_assert(reader.bad, "row %zu", i);
		ws_reader_finish(&reader);
	}
}

Test(ws_frame, is_masked)
{
	struct bytes out;
	uint8_t plain[300] = { 0 };
	bytes_init(&out, 1024);
	ws_frame_write(&out, WS_TEXT, "hello", 5);
	cr_assert(eq(sz, out.len, 11));
	cr_assert(eq(u8, out.data[0], 0x81));
	cr_assert(eq(u8, out.data[1], 0x85));
	for (size_t i = 0; i < 5; i++)
		cr_assert(eq(u8, out.data[6 + i] ^ out.data[2 + i % 4], (uint8_t) "hello"[i]));
	bytes_clear(&out);
	ws_frame_write(&out, WS_BINARY, plain, sizeof(plain));
	cr_assert(eq(u8, out.data[1], 0x80 | 126));
	cr_assert(eq(sz, out.len, 308));
	bytes_finish(&out);
}
