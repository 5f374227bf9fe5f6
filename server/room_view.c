#include "server/room_view.h"

#include "server/control.h"
#include "server/core/alloc.h"
#include "server/flv.h"
#include "server/hls_home.h"
#include "server/live.h"
#include "server/poster.h"
#include "server/record_home.h"
#include "server/relay_home.h"
#include "server/room_cost.h"
#include "server/rtc_clock.h"
#include "server/stills.h"
#include "server/transcoders.h"
#include "server/worker.h"

#include <stdlib.h>

enum {
	CLOCK_OFF_US = 2000, /* a clock that is wrong by this is told at once */
	UNFIT_S = 2, /* rungs may take as long to come */
};

struct room_view *room_view_find(struct worker *worker, const char *room)
{
	return map_get_str(&worker->rooms, room);
}

static struct room_view *view_create(struct worker *worker)
{
	struct room_view *view = xcalloc(1, sizeof(*view));
	view->worker = worker;
	hls_view_init(&view->hls);
	map_init(&view->names);
	room_feed_init(&view->feed, view);
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
	view->makes = true;
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
	if (!view->makes)
		make_home(view, pool);
	sound_update(&view->sound[0]);
	sound_update(&view->sound[1]);
	rungs_update(&view->rungs, room_view_profile_max(view), watched_by_rtc(view));
}

static void count_made(struct room_view *view)
{
	if (!view->makes)
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

static void tell_unseen(struct room_view *view)
{
	const bool unseen = view->snapshot->state == ROOM_LIVE && !room_view_by_rtc(view);
	const uint32_t epoch = unseen ? broadcast_epoch(view->broadcast) : 0;
	if (epoch == view->unseen_told)
		return;
	view->unseen_told = epoch;
	control_note_unseen(view->worker, view->snapshot->id, epoch);
}

void room_view_count(struct room_view *view)
{
	struct rendition_table table;
	broadcast_renditions(view->broadcast, &table);
	view->unfit_s = is_fit(view, &table) ? 0 : view->unfit_s + 1;
	if (view->is_home)
		tell_unseen(view);
	count_made(view);
}

static void finish_made(struct room_view *view)
{
	if (!view->makes)
		return;
	count_made(view);
	sound_finish(&view->sound[0]);
	sound_finish(&view->sound[1]);
	rungs_finish(&view->rungs);
	still_home_destroy(view->stills);
	view->stills = NULL;
	view->makes = false;
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
	while (!list_empty(&view->feed.lives))
		live_end(live_of_reader(view->feed.lives.next), LIVE_NO_ROOM, "the room is gone");
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
	const bool other_profiles = view->makes && view->snapshot->settings.high_profile !=
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

void room_view_message(struct room_view *view, uint64_t seq, struct buf *message)
{
	room_feed_push(&view->feed, seq, message);
	if (seq) {
		hls_home_event(view, message);
		record_home_event(view, message);
	}
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
	return view->unfit_s < UNFIT_S && view->worker->app->config.ladder.count &&
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
	if (line.epoch == view->told.epoch && clock_error_us(&view->told, &line) < CLOCK_OFF_US)
		return;
	view->told = line;
	list_for_each_safe (link, &view->feed.lives)
		live_send_clock(live_of_reader(link));
	list_for_each (link, &view->feed.flvs)
		flv_viewer_send_clock(list_entry(link, struct feed_reader, link));
	rtc_clock_changed(view);
}

void room_view_destroy(struct room_view *view)
{
	finish_made(view);
	hls_home_destroy(view->hls_home);
	record_home_destroy(view->record);
	relay_home_destroy(view->relays);
	hls_view_finish(view);
	poster_destroy(view->poster);
	room_feed_finish(&view->feed);
	map_finish(&view->names);
	room_snapshot_unref(view->snapshot);
	broadcast_unref(view->broadcast);
	free(view);
}
