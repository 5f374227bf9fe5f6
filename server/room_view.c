#include "server/room_view.h"

#include "media/output/flv_muxer.h"
#include "server/control.h"
#include "server/core/alloc.h"
#include "server/core/bytes.h"
#include "server/flv.h"
#include "server/hls_home.h"
#include "server/live.h"
#include "server/poster.h"
#include "server/record_home.h"
#include "server/relay_home.h"
#include "server/room_cost.h"
#include "server/stills.h"
#include "server/transcoders.h"
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>

enum { JOINED_MAX = 1024 * 1024 };

struct room_view *room_view_find(struct worker *worker, const char *room)
{
	return map_get_str(&worker->rooms, room);
}

/* "[a,b,c]" of the messages from the first on, as many as fit; at least one. Returns their number.
 */
static size_t join_messages(struct bytes *out, const struct view_message *messages, size_t count)
{
	size_t done = 0;
	bytes_clear(out);
	bytes_u8(out, '[');
	while (done < count && (!done || out->len + messages[done].text->len < VIEW_BATCH_BYTES)) {
		if (done)
			bytes_u8(out, ',');
		bytes_put(out, messages[done].text->data, messages[done].text->len);
		done++;
	}
	bytes_u8(out, ']');
	return done;
}

struct buf *room_view_rest(const struct room_view *view, uint64_t seq)
{
	struct bytes joined;
	size_t kept = 0;
	bytes_init(&joined, JOINED_MAX);
	bytes_u8(&joined, '[');
	for (size_t i = 0; i < view->batch.count; i++) {
		const struct view_message *message = &view->pending[i];
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

static void make_tag(struct room_view *view)
{
	const struct buf *text = view->batch.text.text;
	struct broadcast_clock clock;
	if (!list_empty(&view->flvs) && broadcast_clock(view->broadcast, &clock))
		view->batch.tag = flv_now_tag(&clock, loop_utc_us(view->worker->loop),
					      (const char *)text->data, text->len);
}

static void begin_batch(struct room_view *view)
{
	struct view_batch *batch = &view->batch;
	struct bytes joined;
	bytes_init(&joined, JOINED_MAX);
	batch->count = join_messages(&joined, view->pending, view->flushing);
	batch->text.text = buf_from_bytes(&joined);
	bytes_finish(&joined);
	for (size_t i = 0; i < batch->count; i++) {
		const uint64_t seq = view->pending[i].seq;
		if (seq && !batch->first_seq)
			batch->first_seq = seq;
		if (seq)
			batch->last_seq = seq;
	}
	view->batches++;
	if (batch->text.text)
		make_tag(view);
}

static void end_batch(struct room_view *view)
{
	const size_t count = view->batch.count;
	for (size_t i = 0; i < count; i++)
		buf_unref(view->pending[i].text);
	memmove(view->pending, view->pending + count,
		(view->pending_count - count) * sizeof(*view->pending));
	view->pending_count -= count;
	view->flushing -= count;
	live_text_finish(&view->batch.text);
	buf_unref(view->batch.tag);
	view->batch = (struct view_batch){ 0 };
}

/* False when the slice is over before the list is. */
static bool serve(struct room_view *view, struct list *readers,
		  void (*deliver)(struct view_reader *reader, struct room_view *view),
		  int64_t until_us)
{
	while (!list_empty(readers)) {
		struct view_reader *reader = list_entry(readers->next, struct view_reader, link);
		if (reader->batch == view->batches)
			break;
		reader->batch = view->batches;
		list_remove(&reader->link);
		list_append(readers, &reader->link);
		deliver(reader, view);
		if (loop_now_us(view->worker->loop) >= until_us)
			return false;
	}
	return true;
}

/* One message alone goes soon. */
static void plan_flush(struct room_view *view)
{
	const int64_t since_us = loop_now_us(view->worker->loop) - view->flushed_us;
	const bool busy = view->flushed_us && since_us < VIEW_BUSY_FOR_US;
	timer_start(&view->flush, busy ? VIEW_FLUSH_BUSY_US : VIEW_FLUSH_US);
}

static void on_slice(void *arg)
{
	struct room_view *view = arg;
	const int64_t until_us = loop_now_us(view->worker->loop) + VIEW_SLICE_US;
	while (view->flushing) {
		if (!view->batch.count)
			begin_batch(view);
		const bool whole = !view->batch.text.text ||
				   (serve(view, &view->lives, live_deliver, until_us) &&
				    serve(view, &view->flvs, flv_viewer_deliver, until_us));
		if (!whole) {
			loop_defer(view->worker->loop, &view->slice);
			return;
		}
		end_batch(view);
	}
	if (view->pending_count)
		plan_flush(view);
}

static void on_flush(void *arg)
{
	struct room_view *view = arg;
	view->flushing = view->pending_count;
	view->flushed_us = loop_now_us(view->worker->loop);
	on_slice(view);
}

static struct room_view *view_create(struct worker *worker)
{
	struct room_view *view = xcalloc(1, sizeof(*view));
	view->worker = worker;
	list_init(&view->lives);
	list_init(&view->flvs);
	hls_view_init(&view->hls);
	map_init(&view->names);
	timer_init(&view->flush, worker->loop, on_flush, view);
	deferred_init(&view->slice, on_slice, view);
	return view;
}

static void make_home(struct room_view *view, struct transcode_pool *pool)
{
	struct worker *worker = view->worker;
	view->cost = room_cost_find(&worker->costs, worker->app->metrics, worker->index,
				    view->snapshot->id);
	const struct rungs_params rungs = {
		.loop = worker->loop,
		.broadcast = view->broadcast,
		.fanout = worker->fanout,
		.pool = pool,
		.ladder = &worker->app->config.ladder,
		.cost = view->cost,
	};
	sound_init(&view->sound[0], CODEC_AAC, view->broadcast, worker->fanout, pool);
	sound_init(&view->sound[1], CODEC_OPUS, view->broadcast, worker->fanout, pool);
	rungs_init(&view->rungs, &rungs);
	view->home = true;
}

/* Viewers by WebRTC are those who hear Opus; what makes AAC of it is none. */
static bool watched_by_rtc(const struct room_view *view)
{
	return broadcast_readers(view->broadcast, TRACK_OPUS) > view->sound[0].running;
}

void room_view_make(struct room_view *view)
{
	struct transcode_pool *pool = transcoders_of(view->worker);
	view->is_home = true;
	record_home_update(view);
	relay_home_update(view);
	if (!pool)
		return;
	if (!view->home)
		make_home(view, pool);
	sound_update(&view->sound[0]);
	sound_update(&view->sound[1]);
	rungs_update(&view->rungs, room_view_profile_max(view), watched_by_rtc(view));
}

static void count_made(struct room_view *view)
{
	if (!view->home)
		return;
	rungs_second(&view->rungs);
	for (int i = 0; i < 2; i++)
		room_cost_add(view->cost, ROOM_COST_SOUND_CPU, sound_cpu_us(&view->sound[i]));
}

/* Whether browsers decode something of it, or nothing is known. */
static bool is_fit(const struct room_view *view, const struct rendition_table *table)
{
	for (unsigned i = 0; i < table->count; i++)
		if (rendition_fits(&table->at[i], room_view_profile_max(view)))
			return true;
	return !table->count;
}

void room_view_count(struct room_view *view)
{
	struct rendition_table table;
	broadcast_renditions(view->broadcast, &table);
	view->unfit_s = is_fit(view, &table) ? 0 : view->unfit_s + 1;
	count_made(view);
}

static void finish_made(struct room_view *view)
{
	if (!view->home)
		return;
	count_made(view);
	sound_finish(&view->sound[0]);
	sound_finish(&view->sound[1]);
	rungs_finish(&view->rungs);
	still_home_destroy(view->stills);
	view->stills = NULL;
	view->home = false;
}

static void room_gone(struct room_view *view)
{
	finish_made(view);
	hls_home_destroy(view->hls_home);
	view->hls_home = NULL;
	record_home_destroy(view->record);
	view->record = NULL;
	relay_home_destroy(view->relays);
	view->relays = NULL;
	map_remove_str(&view->worker->rooms, view->snapshot->id);
	view->gone = true;
	view->users++; /* the loop below may end the last session */
	while (!list_empty(&view->lives))
		live_end(live_of_reader(view->lives.next), LIVE_NO_ROOM, "the room is gone");
	hls_view_end(view);
	poster_end(view->poster);
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
	const bool other_profiles = view->home && view->snapshot->settings.high_profile !=
							  snapshot->settings.high_profile;
	room_snapshot_unref(view->snapshot);
	broadcast_unref(view->broadcast);
	view->snapshot = snapshot;
	view->broadcast = broadcast;
	if (view->is_home)
		record_home_update(view);
	relay_home_update(view);
	if (other_profiles)
		room_view_make(view);
}

void room_view_read(struct room_view *view, struct list *list, struct view_reader *reader)
{
	reader->batch = view->batches;
	list_append(list, &reader->link);
}

static void remember(struct room_view *view, uint64_t seq, struct buf *message)
{
	struct view_message *slot = &view->recent[seq % VIEW_RECENT];
	buf_unref(slot->text);
	*slot = (struct view_message){ .seq = seq, .text = buf_ref(message) };
}

void room_view_message(struct room_view *view, uint64_t seq, struct buf *message)
{
	if (seq) {
		remember(view, seq, message);
		hls_home_event(view, message);
		record_home_event(view, message);
	}
	if (view->pending_count == VIEW_PENDING_MAX) {
		list_for_each (link, &view->lives)
			live_fall_behind(live_of_reader(link));
		return;
	}
	if (view->pending_count == view->pending_size) {
		view->pending_size = view->pending_size ? view->pending_size * 2 : 16;
		view->pending =
			xrealloc(view->pending, view->pending_size * sizeof(*view->pending));
	}
	view->pending[view->pending_count++] =
		(struct view_message){ .seq = seq, .text = buf_ref(message) };
	if (!view->flushing && !timer_active(&view->flush))
		plan_flush(view);
}

static const struct view_message *recent(const struct room_view *view, uint64_t seq)
{
	const struct view_message *slot = &view->recent[seq % VIEW_RECENT];
	return slot->text && slot->seq == seq ? slot : NULL;
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

uint64_t room_view_replay(const struct room_view *view, uint64_t seq,
			  void (*send)(void *arg, const char *text, size_t len), void *arg)
{
	struct view_message events[VIEW_RECENT];
	const struct view_message *event;
	size_t count = 0;
	while (count < VIEW_RECENT && (event = recent(view, seq + 1))) {
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
	struct rendition_table table;
	broadcast_renditions(view->broadcast, &table);
	if (is_fit(view, &table))
		return true;
	/* A rung for a new source is offered some milliseconds after its first picture. */
	return view->unfit_s < VIEW_UNFIT_S && view->worker->app->config.ladder.count &&
	       table.at[0].profile <= RUNGS_PROFILE_MAX;
}

uint8_t room_view_profile_max(const struct room_view *view)
{
	/* ITU-T H.264 annex A: High is 100, what is above adds bits or colours. */
	return view->snapshot->settings.high_profile ? 100 : 99;
}

void room_view_report(struct room_view *view, bool again)
{
	const unsigned viewers = view->viewers + view->hls_viewers;
	if (viewers == view->viewers_told && !again)
		return;
	view->viewers_told = viewers;
	control_note_viewers(view->worker, view->snapshot->id, viewers);
}

/* How wrong the line that readers know is about the present one. */
static int64_t clock_error_us(const struct broadcast_clock *known,
			      const struct broadcast_clock *line)
{
	const int64_t since_us = line->media_us - known->media_us;
	const int64_t capture_us =
		known->capture_us + since_us + since_us * known->rate_ppm / 1000000;
	return llabs(line->capture_us - capture_us);
}

void room_view_check_clock(struct room_view *view)
{
	struct broadcast_clock line;
	if (!broadcast_clock(view->broadcast, &line))
		return;
	if (line.epoch == view->told.epoch &&
	    clock_error_us(&view->told, &line) < VIEW_CLOCK_OFF_US)
		return;
	view->told = line;
	list_for_each_safe (link, &view->lives)
		live_send_clock(live_of_reader(link));
	list_for_each (link, &view->flvs)
		flv_viewer_send_clock(list_entry(link, struct view_reader, link));
}

void room_view_destroy(struct room_view *view)
{
	finish_made(view);
	hls_home_destroy(view->hls_home);
	record_home_destroy(view->record);
	relay_home_destroy(view->relays);
	hls_view_finish(view);
	poster_destroy(view->poster);
	timer_stop(&view->flush);
	deferred_cancel(&view->slice);
	live_text_finish(&view->batch.text);
	buf_unref(view->batch.tag);
	for (size_t i = 0; i < view->pending_count; i++)
		buf_unref(view->pending[i].text);
	for (size_t i = 0; i < VIEW_RECENT; i++)
		buf_unref(view->recent[i].text);
	free(view->pending);
	map_finish(&view->names);
	room_snapshot_unref(view->snapshot);
	broadcast_unref(view->broadcast);
	free(view);
}
