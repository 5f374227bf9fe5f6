#include "server/room_view.h"

#include "media/broadcast.h"
#include "media/output/flv_muxer.h"
#include "server/call.h"
#include "server/control.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"
#include "server/flv.h"
#include "server/live.h"
#include "server/worker.h"

#include <stdlib.h>

struct room_view *room_view_find(struct worker *worker, const char *room)
{
	return map_get_str(&worker->rooms, room);
}

/* "[a,b,c]" of the messages from `first` on, as many as fit; at least one. Returns their number. */
static size_t join_messages(struct bytes *out, struct buf *const *messages, size_t count)
{
	size_t done = 0;
	bytes_clear(out);
	bytes_u8(out, '[');
	while (done < count && (!done || out->len + messages[done]->len < VIEW_BATCH_BYTES)) {
		if (done)
			bytes_u8(out, ',');
		bytes_put(out, messages[done]->data, messages[done]->len);
		done++;
	}
	bytes_u8(out, ']');
	return done;
}

static void send_to_all(struct room_view *view, struct live_text *text)
{
	list_for_each_safe (link, &view->lives)
		live_deliver(list_entry(link, struct live, link), text);
	struct broadcast_clock clock;
	if (list_empty(&view->flvs) || !broadcast_clock(view->broadcast, &clock))
		return;
	struct buf *tag = flv_now_tag(&clock, loop_utc_us(view->worker->loop),
				      (const char *)text->text->data, text->text->len);
	list_for_each (link, &view->flvs)
		flv_viewer_event(link, tag);
	buf_unref(tag);
}

static void on_flush(void *arg)
{
	struct room_view *view = arg;
	struct bytes joined;
	bytes_init(&joined, 1024 * 1024);
	for (size_t at = 0; at < view->pending_count;) {
		at += join_messages(&joined, view->pending + at, view->pending_count - at);
		struct live_text text = { .text = buf_from_bytes(&joined) };
		if (!text.text)
			break;
		send_to_all(view, &text);
		buf_unref(text.text);
		buf_unref(text.frame);
	}
	bytes_finish(&joined);
	for (size_t i = 0; i < view->pending_count; i++)
		buf_unref(view->pending[i]);
	view->pending_count = 0;
}

static struct room_view *view_create(struct worker *worker)
{
	struct room_view *view = xcalloc(1, sizeof(*view));
	view->worker = worker;
	list_init(&view->lives);
	list_init(&view->flvs);
	timer_init(&view->flush, worker->loop, on_flush, view);
	return view;
}

static void room_gone(struct room_view *view)
{
	map_remove_str(&view->worker->rooms, view->snapshot->id);
	view->gone = true;
	view->users++; /* the loop below may end the last session */
	while (!list_empty(&view->lives))
		live_end(list_entry(view->lives.next, struct live, link), LIVE_NO_ROOM,
			 "the room is gone");
	room_view_leave(view, false);
}

void room_view_update(struct worker *worker, const char *room, struct room_snapshot *snapshot,
		      struct broadcast *broadcast)
{
	struct room_view *view = room_view_find(worker, room);
	if (!snapshot) {
		if (view)
			room_gone(view);
		broadcast_unref(broadcast);
		return;
	}
	if (!view) {
		view = view_create(worker);
		map_set_str(&worker->rooms, room, view);
	}
	room_snapshot_unref(view->snapshot);
	broadcast_unref(view->broadcast);
	view->snapshot = snapshot;
	view->broadcast = broadcast;
}

static void remember(struct room_view *view, uint64_t seq, struct buf *message)
{
	struct recent_event *slot = &view->recent[seq % VIEW_RECENT];
	buf_unref(slot->message);
	slot->seq = seq;
	slot->message = buf_ref(message);
}

void room_view_message(struct room_view *view, uint64_t seq, struct buf *message)
{
	if (seq)
		remember(view, seq, message);
	if (view->pending_count == view->pending_size) {
		view->pending_size = view->pending_size ? view->pending_size * 2 : 16;
		view->pending = xrealloc(view->pending, view->pending_size * sizeof(struct buf *));
	}
	view->pending[view->pending_count++] = buf_ref(message);
	if (!timer_active(&view->flush))
		timer_start(&view->flush, VIEW_FLUSH_US);
}

static struct buf *recent(const struct room_view *view, uint64_t seq)
{
	const struct recent_event *slot = &view->recent[seq % VIEW_RECENT];
	return slot->seq == seq ? slot->message : NULL;
}

/* The newest event that came here; a snapshot may be a little older. */
static uint64_t newest(const struct room_view *view)
{
	uint64_t seq = view->snapshot->seq;
	while (recent(view, seq + 1))
		seq++;
	return seq;
}

bool room_view_has_since(const struct room_view *view, uint64_t seq)
{
	const uint64_t last = newest(view);
	return seq >= last || (last - seq <= VIEW_RECENT && recent(view, seq + 1));
}

void room_view_replay(struct room_view *view, uint64_t seq, struct live *live)
{
	const uint64_t last = newest(view);
	struct buf *events[VIEW_RECENT];
	size_t count = 0;
	while (seq < last && count < VIEW_RECENT && (events[count] = recent(view, seq + 1))) {
		count++;
		seq++;
	}
	struct bytes joined;
	bytes_init(&joined, 1024 * 1024);
	for (size_t at = 0; at < count;) {
		at += join_messages(&joined, events + at, count - at);
		live_send(live, (const char *)joined.data, joined.len);
	}
	bytes_finish(&joined);
}

void room_view_join(struct room_view *view, bool viewer)
{
	view->users++;
	if (!viewer)
		return;
	view->viewers++;
	atomic_fetch_add(&view->worker->viewers, 1);
}

void room_view_leave(struct room_view *view, bool viewer)
{
	if (viewer) {
		view->viewers--;
		atomic_fetch_sub(&view->worker->viewers, 1);
	}
	if (--view->users == 0 && view->gone)
		room_view_destroy(view);
}

bool room_view_by_rtc(const struct room_view *view)
{
	struct media_config *video = broadcast_video_config(view->broadcast);
	/* ITU-T H.264 annex A: High is 100, what is above adds bits or colours. */
	const bool shown =
		!video || (!video->reorders && video->profile <= 100 &&
			   (video->profile < 100 || view->snapshot->settings.high_profile));
	media_config_unref(video);
	return shown;
}

void room_view_report(struct room_view *view)
{
	if (view->viewers == view->viewers_told)
		return;
	view->viewers_told = view->viewers;
	control_note_viewers(view->worker, view->snapshot->id, view->viewers);
}

void room_view_destroy(struct room_view *view)
{
	timer_stop(&view->flush);
	for (size_t i = 0; i < view->pending_count; i++)
		buf_unref(view->pending[i]);
	for (size_t i = 0; i < VIEW_RECENT; i++)
		buf_unref(view->recent[i].message);
	free(view->pending);
	room_snapshot_unref(view->snapshot);
	broadcast_unref(view->broadcast);
	free(view);
}
