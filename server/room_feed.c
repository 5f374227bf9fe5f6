#include "server/room_feed.h"

#include "media/output/flv_muxer.h"
#include "server/core/alloc.h"
#include "server/core/bytes.h"
#include "server/flv.h"
#include "server/live.h"
#include "server/room_view.h"
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>

enum {
	JOINED_MAX = 1024 * 1024,
	BUSY_FOR_US = 2 * FEED_FLUSH_BUSY_US, /* behind a flush */
	SLICE_US = 2000, /* then sockets and pictures have their turn */
};

/* "[a,b,c]" of the messages from the first on, as many as fit; at least one. Returns their number.
 */
static size_t join_messages(struct bytes *out, const struct feed_message *messages, size_t count)
{
	size_t done = 0;
	bytes_clear(out);
	bytes_u8(out, '[');
	while (done < count && (!done || out->len + messages[done].text->len < FEED_BATCH_BYTES)) {
		if (done)
			bytes_u8(out, ',');
		bytes_put(out, messages[done].text->data, messages[done].text->len);
		done++;
	}
	bytes_u8(out, ']');
	return done;
}

struct buf *room_feed_rest(const struct room_feed *feed, uint64_t seq)
{
	struct bytes joined;
	size_t kept = 0;
	bytes_init(&joined, JOINED_MAX);
	bytes_u8(&joined, '[');
	for (size_t i = 0; i < feed->batch.count; i++) {
		const struct feed_message *message = &feed->pending[i];
		if (message->seq && message->seq <= seq)
			continue;
		if (kept++)
			bytes_u8(&joined, ',');
		bytes_put(&joined, message->text->data, message->text->len);
	}
	bytes_u8(&joined, ']');
	struct buf *rest = kept ? buf_from_bytes(&joined) : NULL;
	bytes_finish(&joined);
	return rest;
}

static void make_tag(struct room_feed *feed)
{
	const struct buf *text = feed->batch.text.text;
	struct broadcast_clock clock;
	if (!list_empty(&feed->flvs) && broadcast_clock(feed->view->broadcast, &clock))
		feed->batch.tag = flv_now_tag(&clock, loop_utc_us(feed->view->worker->loop),
					      (const char *)text->data, text->len);
}

static void begin_batch(struct room_feed *feed)
{
	struct feed_batch *batch = &feed->batch;
	struct bytes joined;
	bytes_init(&joined, JOINED_MAX);
	batch->count = join_messages(&joined, feed->pending, feed->flushing);
	batch->text.text = buf_from_bytes(&joined);
	bytes_finish(&joined);
	for (size_t i = 0; i < batch->count; i++) {
		const uint64_t seq = feed->pending[i].seq;
		if (seq && !batch->first_seq)
			batch->first_seq = seq;
		if (seq)
			batch->last_seq = seq;
	}
	feed->batches++;
	if (batch->text.text)
		make_tag(feed);
}

static void end_batch(struct room_feed *feed)
{
	const size_t count = feed->batch.count;
	for (size_t i = 0; i < count; i++)
		buf_unref(feed->pending[i].text);
	memmove(feed->pending, feed->pending + count,
		(feed->pending_count - count) * sizeof(*feed->pending));
	feed->pending_count -= count;
	feed->flushing -= count;
	live_text_finish(&feed->batch.text);
	buf_unref(feed->batch.tag);
	feed->batch = (struct feed_batch){ 0 };
}

/* False when the slice is over before the list is. */
static bool serve(struct room_feed *feed, struct list *readers,
		  void (*deliver)(struct feed_reader *reader, struct room_view *view),
		  int64_t until_us)
{
	while (!list_empty(readers)) {
		struct feed_reader *reader = list_entry(readers->next, struct feed_reader, link);
		if (reader->batch == feed->batches)
			break;
		reader->batch = feed->batches;
		list_remove(&reader->link);
		list_append(readers, &reader->link);
		deliver(reader, feed->view);
		if (loop_now_us(feed->view->worker->loop) >= until_us)
			return false;
	}
	return true;
}

/* One message alone goes soon. */
static void plan_flush(struct room_feed *feed)
{
	const int64_t since_us = loop_now_us(feed->view->worker->loop) - feed->flushed_us;
	const bool busy = feed->flushed_us && since_us < BUSY_FOR_US;
	timer_start(&feed->flush, busy ? FEED_FLUSH_BUSY_US : FEED_FLUSH_US);
}

static void on_slice(void *arg)
{
	struct room_feed *feed = arg;
	const int64_t until_us = loop_now_us(feed->view->worker->loop) + SLICE_US;
	while (feed->flushing) {
		if (!feed->batch.count)
			begin_batch(feed);
		const bool whole = !feed->batch.text.text ||
				   (serve(feed, &feed->lives, live_deliver, until_us) &&
				    serve(feed, &feed->flvs, flv_viewer_deliver, until_us));
		if (!whole) {
			loop_defer(feed->view->worker->loop, &feed->slice);
			return;
		}
		end_batch(feed);
	}
	if (feed->pending_count)
		plan_flush(feed);
}

static void on_flush(void *arg)
{
	struct room_feed *feed = arg;
	feed->flushing = feed->pending_count;
	feed->flushed_us = loop_now_us(feed->view->worker->loop);
	on_slice(feed);
}

void room_feed_init(struct room_feed *feed, struct room_view *view)
{
	feed->view = view;
	list_init(&feed->lives);
	list_init(&feed->flvs);
	timer_init(&feed->flush, view->worker->loop, on_flush, feed);
	deferred_init(&feed->slice, on_slice, feed);
}

void room_feed_read(struct room_feed *feed, struct list *list, struct feed_reader *reader)
{
	reader->batch = feed->batches;
	list_append(list, &reader->link);
}

static void remember(struct room_feed *feed, uint64_t seq, struct buf *message)
{
	struct feed_message *slot = &feed->recent[seq % FEED_RECENT];
	buf_unref(slot->text);
	*slot = (struct feed_message){ .seq = seq, .text = buf_ref(message) };
}

void room_feed_push(struct room_feed *feed, uint64_t seq, struct buf *message)
{
	if (seq)
		remember(feed, seq, message);
	if (feed->pending_count == FEED_PENDING_MAX) {
		list_for_each (link, &feed->lives)
			live_fall_behind(live_of_reader(link));
		return;
	}
	if (feed->pending_count == feed->pending_size) {
		feed->pending_size = feed->pending_size ? feed->pending_size * 2 : 16;
		feed->pending =
			xrealloc(feed->pending, feed->pending_size * sizeof(*feed->pending));
	}
	feed->pending[feed->pending_count++] =
		(struct feed_message){ .seq = seq, .text = buf_ref(message) };
	if (!feed->flushing && !timer_active(&feed->flush))
		plan_flush(feed);
}

static const struct feed_message *recent(const struct room_feed *feed, uint64_t seq)
{
	const struct feed_message *slot = &feed->recent[seq % FEED_RECENT];
	return slot->text && slot->seq == seq ? slot : NULL;
}

/* The newest event that came here; a snapshot may be a little older. */
static uint64_t newest(const struct room_feed *feed)
{
	uint64_t seq = feed->view->snapshot->seq;
	while (recent(feed, seq + 1))
		seq++;
	return seq;
}

bool room_feed_has_since(const struct room_feed *feed, uint64_t seq)
{
	const uint64_t last = newest(feed);
	return seq >= last || (last - seq <= FEED_RECENT && recent(feed, seq + 1));
}

uint64_t room_feed_replay(const struct room_feed *feed, uint64_t seq,
			  void (*send)(void *arg, const char *text, size_t len), void *arg)
{
	struct feed_message events[FEED_RECENT];
	const struct feed_message *event;
	size_t count = 0;
	while (count < FEED_RECENT && (event = recent(feed, seq + 1))) {
		events[count++] = *event;
		seq++;
	}
	struct bytes joined;
	bytes_init(&joined, JOINED_MAX);
	for (size_t at = 0; at < count;) {
		at += join_messages(&joined, events + at, count - at);
		send(arg, (const char *)joined.data, joined.len);
	}
	bytes_finish(&joined);
	return seq;
}

void room_feed_finish(struct room_feed *feed)
{
	timer_stop(&feed->flush);
	deferred_cancel(&feed->slice);
	live_text_finish(&feed->batch.text);
	buf_unref(feed->batch.tag);
	for (size_t i = 0; i < feed->pending_count; i++)
		buf_unref(feed->pending[i].text);
	for (size_t i = 0; i < FEED_RECENT; i++)
		buf_unref(feed->recent[i].text);
	free(feed->pending);
}
