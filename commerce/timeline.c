#include "commerce/timeline.h"

#include "commerce/room.h"
#include "commerce/transaction.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"
#include "server/core/crypto.h"
#include "server/core/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* Old events go in runs, so that not every commit deletes. */
enum { TRIM_RUN = 256, FIRST_SIZE = 64, MESSAGE_MAX = 16384 };

static struct buf *render(const char *room, const struct event_row *row)
{
	struct bytes text;
	bytes_init(&text, MESSAGE_MAX);
	bytes_printf(
		&text,
		"{\"v\":1,\"type\":\"%s\",\"room\":\"%s\",\"epoch\":%" PRId64 ",\"seq\":%" PRId64
		",\"id\":\"%s\",\"at_us\":%" PRId64 ",\"err_us\":%" PRId64 ",\"data\":%s}",
		row->type, room, row->epoch, row->seq, row->id, row->at_us, row->err_us, row->data);
	struct buf *message = bytes_ok(&text) ? buf_from_bytes(&text) : NULL;
	bytes_finish(&text);
	if (!message) /* our own texts are bounded */
		abort();
	return message;
}

static struct timeline_event *slot(const struct timeline *timeline, uint64_t seq)
{
	return &timeline->ring[seq & (timeline->size - 1)];
}

static uint64_t first_seq(const struct timeline *timeline)
{
	return timeline->seq - timeline->count + 1;
}

static void grow(struct timeline *timeline)
{
	const size_t size = timeline->size ? timeline->size * 2 : FIRST_SIZE;
	struct timeline_event *ring = xcalloc(size, sizeof(*ring));
	for (uint64_t seq = first_seq(timeline); timeline->count && seq <= timeline->seq; seq++)
		ring[seq & (size - 1)] = *slot(timeline, seq);
	free(timeline->ring);
	timeline->ring = ring;
	timeline->size = size;
}

static void add(struct timeline *timeline, int64_t stored_us, struct buf *message)
{
	if (timeline->count == timeline->size)
		grow(timeline);
	timeline->seq++;
	timeline->count++;
	*slot(timeline, timeline->seq) =
		(struct timeline_event){ .stored_us = stored_us, .message = message };
}

static void drop_first(struct timeline *timeline)
{
	struct timeline_event *event = slot(timeline, first_seq(timeline));
	buf_unref(event->message);
	event->message = NULL;
	timeline->count--;
}

static void trim(struct transaction *tx, struct room *room)
{
	struct timeline *timeline = &room->timeline;
	if (timeline->seq % TRIM_RUN != 0)
		return;
	const int64_t oldest_us = tx->now_us - TIMELINE_KEEP_US;
	const uint64_t before = first_seq(timeline);
	while (timeline->count > TIMELINE_EVENTS_MAX ||
	       (timeline->count > 1 && slot(timeline, first_seq(timeline))->stored_us < oldest_us))
		drop_first(timeline);
	if (first_seq(timeline) == before)
		return;
	const struct trim_row row = { .rid = room->rid, .seq = (int64_t)first_seq(timeline) - 1 };
	transaction_row(tx, ROW_TRIM, &row);
}

struct buf *timeline_append(struct transaction *tx, struct room *room, const char *type,
			    int64_t at_us, json_t *data)
{
	char id[UUID_TEXT];
	uuid7(tx->now_us, id);
	char *text = json_text(data);
	json_decref(data);
	if (!text)
		abort();
	const struct event_row row = {
		.rid = room->rid,
		.seq = (int64_t)room->timeline.seq + 1,
		.id = id,
		.type = type,
		.epoch = room->epoch,
		.at_us = at_us,
		.err_us = room->clock_err_us,
		.stored_us = tx->now_us,
		.data = text,
	};
	struct buf *message = render(room->id, &row);
	add(&room->timeline, tx->now_us, message);
	transaction_row(tx, ROW_EVENT, &row);
	transaction_room(tx, room);
	transaction_notice(tx, room, type, room->timeline.seq, at_us, buf_ref(message));
	trim(tx, room);
	free(text);
	return message;
}

int timeline_load(struct timeline *timeline, const char *room, const struct event_row *row)
{
	if (!timeline->count)
		timeline->seq = (uint64_t)row->seq - 1;
	if ((uint64_t)row->seq != timeline->seq + 1)
		return -EUCLEAN;
	add(timeline, row->stored_us, render(room, row));
	return 0;
}

struct buf *timeline_message(const struct timeline *timeline, uint64_t seq)
{
	if (!timeline->count || seq > timeline->seq || seq < first_seq(timeline))
		return NULL;
	return slot(timeline, seq)->message;
}

bool timeline_covers(const struct timeline *timeline, uint64_t after)
{
	return after >= timeline->seq || after + 1 >= first_seq(timeline);
}

void timeline_finish(struct timeline *timeline)
{
	while (timeline->count)
		drop_first(timeline);
	free(timeline->ring);
	*timeline = (struct timeline){ 0 };
}
