/* Reads that need the timeline or all rooms; the rest is read from snapshots. */
#include "commerce/engine_turn.h"
#include "commerce/room.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_BYTES_MAX = 8 << 20 };

static void give_bytes(struct engine_op *op, struct bytes *text)
{
	op->answer.status = 200;
	op->answer.body = strndup(bytes_string(text), text->len);
	op->answer.body_len = text->len;
	if (!op->answer.body || !bytes_ok(text))
		abort();
	bytes_finish(text);
}

static void put_events(struct bytes *out, const struct timeline *timeline, uint64_t first,
		       uint64_t last)
{
	for (uint64_t seq = first; seq <= last; seq++) {
		const struct buf *message = timeline_message(timeline, seq);
		if (seq > first)
			bytes_u8(out, ',');
		bytes_put(out, message->data, message->len);
	}
}

static void gone(struct engine_op *op)
{
	engine_refuse(op, 410, "gone", NULL, "these events are no longer kept");
}

static void decide_list_events(struct engine *engine, struct engine_op *op)
{
	const struct room *room = engine_op_room(engine, op);
	if (!room)
		return;
	const struct timeline *timeline = &room->timeline;
	if (!op->page.after[0]) /* from the oldest that is kept */
		op->after = timeline->seq - timeline->count;
	if (!timeline_covers(timeline, op->after)) {
		gone(op);
		return;
	}
	uint64_t last = op->after + op->page.limit;
	if (last > timeline->seq)
		last = timeline->seq;
	struct bytes text;
	bytes_init(&text, LIST_BYTES_MAX);
	bytes_text(&text, "{\"items\":[");
	put_events(&text, timeline, op->after + 1, last);
	if (last < timeline->seq)
		bytes_printf(&text, "],\"next\":\"%" PRIu64 "\"}", last);
	else
		bytes_text(&text, "],\"next\":null}");
	give_bytes(op, &text);
}

static void decide_bad_cursor(struct engine *engine, struct engine_op *op)
{
	if (engine_op_room(engine, op))
		engine_refuse(op, 400, "bad_request", "after", "not a sequence number");
}

void engine_list_events(struct engine *engine, const char *room, const struct page_request *page,
			struct engine_reply reply)
{
	struct engine_op *op = engine_op_new(decide_list_events, room, reply);
	op->page = *page;
	/* 18 digits: below every overflow. */
	if (strspn(page->after, "0123456789") != strlen(page->after) || strlen(page->after) > 18)
		op->decide = decide_bad_cursor;
	else
		op->after = strtoull(page->after, NULL, 10);
	engine_read(engine, op);
}

static int by_id(const void *a, const void *b)
{
	return strcmp((*(const struct room *const *)a)->id, (*(const struct room *const *)b)->id);
}

static void decide_list_rooms(struct engine *engine, struct engine_op *op)
{
	const struct map *rooms = &engine->ledger->rooms;
	const struct room **sorted = calloc(rooms->count + 1, sizeof(const struct room *));
	if (!sorted)
		abort();
	struct map_cursor cursor = { 0 };
	size_t count = 0;
	void *value;
	while (map_next(rooms, &cursor, NULL, NULL, &value))
		sorted[count++] = value;
	qsort(sorted, count, sizeof(const struct room *), by_id);
	size_t at = 0;
	while (at < count && op->page.after[0] && strcmp(sorted[at]->id, op->page.after) <= 0)
		at++;
	json_t *items = json_array();
	for (; at < count && json_array_size(items) < op->page.limit; at++)
		json_array_append_new(items, room_json(sorted[at]));
	json_t *body = json_object();
	json_object_set_new(body, "items", items);
	json_object_set_new(body, "next",
			    at < count ? json_string(sorted[at - 1]->id) : json_null());
	answer_give(&op->answer, 200, body);
	free(sorted);
}

void engine_list_rooms(struct engine *engine, const struct page_request *page,
		       struct engine_reply reply)
{
	struct engine_op *op = engine_op_new(decide_list_rooms, NULL, reply);
	op->page = *page;
	engine_read(engine, op);
}
