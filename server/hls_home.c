#include "server/hls_home.h"

#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/output/hls_breaks.h"
#include "media/output/hls_events.h"
#include "media/output/hls_window.h"
#include "media/output/ts_muxer.h"
#include "media/sink.h"
#include "server/call.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/hls.h"
#include "server/hls_players.h"
#include "server/room_view.h"
#include "server/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_US = 1000000, KEY_US = 2000000 };

struct hls_rendition {
	struct sink sink;
	struct hls_home *home;
	char name[RENDITION_NAME_MAX]; /* empty: not used yet */
	int slot; /* in the broadcast; -1: whatever is the largest */
	int64_t asked_us; /* by anybody, monotonic */
	int64_t ts_asked_us; /* for transport streams */
	struct ts_muxer ts;
	bool makes_ts; /* of the segment at hand */
	struct cmaf_cutter *cutter; /* NULL: not running */
	struct hls_window *window;
	uint64_t next_msn; /* where it goes on after it was stopped */
	bool news; /* since the last image */
	uint32_t epoch; /* of the frame at hand */
	struct hls_breaks_place place;
	int64_t key_us; /* decoding time of the newest keyframe */
};

struct hls_home {
	struct room_view *view;
	struct worker *worker;
	struct hls_rendition renditions[HLS_RENDITIONS_MAX];
	struct hls_breaks breaks;
	struct hls_events events;
	struct hls_players players;
	/* When each worker had readers last, monotonic; 0: never, or it was told of the end. */
	int64_t asked_us[APP_WORKERS_MAX];
	struct timer tick;
};

/* To one worker: an image, or that there is none any more (of a rendition, or at all); and the
 * other way that somebody asks. */
struct hls_note {
	struct message message;
	struct worker *worker;
	char room[NAME_MAX_LEN + 1];
	char rendition[RENDITION_NAME_MAX]; /* empty: all */
	struct hls_image *image;
	unsigned asker;
	bool ts;
};

static void drop_note(struct message *message)
{
	struct hls_note *note = list_entry(message, struct hls_note, message);
	hls_image_unref(note->image);
	free(note);
}

static struct hls_note *note_for(struct worker *worker, const char *room, const char *rendition,
				 void (*run)(struct message *message))
{
	struct hls_note *note = xcalloc(1, sizeof(*note));
	note->message.run = run;
	note->message.drop = drop_note;
	note->worker = worker;
	snprintf(note->room, sizeof(note->room), "%s", room);
	snprintf(note->rendition, sizeof(note->rendition), "%s", rendition);
	return note;
}

static void run_show(struct message *message)
{
	struct hls_note *note = list_entry(message, struct hls_note, message);
	struct room_view *view = room_view_find(note->worker, note->room);
	if (view && note->image)
		hls_view_show(view, note->image);
	else if (view)
		hls_view_clear(view, note->rendition);
	drop_note(message);
}

static void tell_worker(struct hls_home *home, unsigned worker, const char *rendition,
			struct hls_image *image)
{
	struct worker *to = home->worker->app->workers[worker];
	struct hls_note *note = note_for(to, home->view->snapshot->id, rendition, run_show);
	note->image = image ? hls_image_ref(image) : NULL;
	worker_note(to, &note->message);
}

static void tell_workers(struct hls_home *home, const char *rendition, struct hls_image *image)
{
	for (unsigned i = 0; i < home->worker->app->worker_count; i++)
		if (home->asked_us[i])
			tell_worker(home, i, rendition, image);
}

/* How far the other renditions are. */
static size_t put_reports(const struct hls_rendition *rendition,
			  struct hls_report reports[HLS_RENDITIONS_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++) {
		const struct hls_rendition *other = &rendition->home->renditions[i];
		if (other != rendition && other->window &&
		    hls_window_report(other->window, &reports[count]))
			count++;
	}
	return count;
}

/* The oldest date that any playlist of the room shows. */
static int64_t first_us(const struct hls_home *home)
{
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++) {
		const struct hls_window *window = home->renditions[i].window;
		const int64_t us = window ? hls_window_first_us(window) : 0;
		first = us && us < first ? us : first;
	}
	return first;
}

static void publish(struct hls_rendition *rendition)
{
	struct hls_home *home = rendition->home;
	if (!rendition->news)
		return;
	rendition->news = false;
	hls_events_trim(&home->events, first_us(home));
	struct hls_report reports[HLS_RENDITIONS_MAX];
	const struct hls_others others = { .events = &home->events,
					   .reports = reports,
					   .report_count = put_reports(rendition, reports) };
	struct hls_image *image = hls_window_image(rendition->window, &others);
	if (image)
		tell_workers(home, rendition->name, image);
	hls_image_unref(image);
}

static struct cmaf_expected expected(void *arg)
{
	const struct hls_rendition *rendition = arg;
	struct broadcast *broadcast = rendition->home->view->broadcast;
	struct broadcast_expected source;
	broadcast_expected(broadcast, &source);
	return (struct cmaf_expected){ source.video, source.audio, source.aac };
}

/* What one rendition alone has, the others get at their next keyframe. */
static void on_map(void *arg, const struct cmaf_tracks *tracks, struct buf *header)
{
	struct hls_rendition *rendition = arg;
	struct hls_home *home = rendition->home;
	const uint32_t epoch = rendition->epoch;
	const bool alone = hls_breaks_next(&home->breaks, &rendition->place, epoch);
	hls_window_map(rendition->window, tracks, header);
	hls_window_discontinuity(rendition->window, rendition->place.number);
	ts_muxer_tracks(&rendition->ts, tracks);
	for (size_t i = 0; alone && i < HLS_RENDITIONS_MAX; i++) {
		struct hls_rendition *other = &home->renditions[i];
		if (other->cutter && hls_breaks_lacks(&home->breaks, &other->place, epoch))
			cmaf_cutter_break(other->cutter);
	}
}

static bool was_asked(const struct hls_home *home, int64_t asked_us)
{
	return asked_us && loop_now_us(home->worker->loop) - asked_us < HLS_IDLE_US + HLS_ASK_US;
}

static bool wants_ts(const struct hls_rendition *rendition)
{
	return was_asked(rendition->home, rendition->ts_asked_us);
}

static void on_part(void *arg, const struct cmaf_part *part)
{
	struct hls_rendition *rendition = arg;
	/* Begins with a keyframe. */
	if (part->starts_segment)
		rendition->makes_ts =
			wants_ts(rendition) && (rendition->makes_ts || part->independent);
	struct buf *ts = rendition->makes_ts ? ts_muxer_part(&rendition->ts, part->content) : NULL;
	hls_window_part(rendition->window, part, ts);
	buf_unref(ts);
	rendition->news = true;
}

static void on_segment(void *arg)
{
	struct hls_rendition *rendition = arg;
	hls_window_segment(rendition->window);
	rendition->news = true;
}

static const struct cmaf_cutter_ops cutter_ops = { expected, on_map, on_part, on_segment };

static bool is_sound_alone(const struct hls_rendition *rendition)
{
	return !strcmp(rendition->name, RENDITION_AUDIO);
}

/* Segments begin with keyframes, which hosts by WebRTC send when asked. */
static void ask_for_keys(struct hls_rendition *rendition, const struct frame *frame)
{
	if (!codec_is_video(frame->codec) || is_sound_alone(rendition))
		return;
	if (frame->key)
		rendition->key_us = frame->dts_us;
	else if (frame->dts_us - rendition->key_us >= KEY_US)
		broadcast_request_key(rendition->home->view->broadcast, frame->rendition);
}

static void take(struct hls_rendition *rendition, struct frame *frame)
{
	/* On its way to the slot that it wants a sink is shown others. */
	const bool other = codec_is_video(frame->codec) && rendition->slot >= 0 &&
			   frame->rendition != rendition->slot;
	if (other)
		return;
	ask_for_keys(rendition, frame);
	rendition->epoch = frame->epoch;
	cmaf_cutter_push(rendition->cutter, frame, loop_now_us(rendition->home->worker->loop));
}

static void on_frame(struct sink *sink, struct frame *frame)
{
	struct hls_rendition *rendition = list_entry(sink, struct hls_rendition, sink);
	take(rendition, frame);
	publish(rendition);
}

static void on_start(struct sink *sink, struct frame *const *gop, size_t count)
{
	struct hls_rendition *rendition = list_entry(sink, struct hls_rendition, sink);
	for (size_t i = 0; i < count; i++)
		take(rendition, gop[i]);
	publish(rendition);
}

static void stop(struct hls_rendition *rendition)
{
	if (!rendition->cutter)
		return;
	fanout_remove(rendition->home->worker->fanout, &rendition->sink);
	rendition->next_msn = hls_window_next_msn(rendition->window);
	cmaf_cutter_destroy(rendition->cutter);
	hls_window_destroy(rendition->window);
	rendition->cutter = NULL;
	rendition->window = NULL;
}

/* Readers see the end; whoever still asks has the next show begin in a window of its own. */
static void on_ended(struct sink *sink)
{
	struct hls_rendition *rendition = list_entry(sink, struct hls_rendition, sink);
	cmaf_cutter_flush(rendition->cutter);
	hls_window_end(rendition->window);
	rendition->news = true;
	publish(rendition);
	stop(rendition);
}

static const struct sink_ops sink_ops = { .start = on_start, .frame = on_frame, .ended = on_ended };

/* Numbers never come twice, also after a restart: a segment lasts a second and more. */
static uint64_t first_msn(const struct hls_rendition *rendition)
{
	const struct loop *loop = rendition->home->worker->loop;
	const int64_t now_s = loop_utc_us(loop) / 1000000 - HLS_NUMBERS_SINCE_S;
	const uint64_t seconds = now_s > 0 ? (uint64_t)now_s : 0;
	return rendition->next_msn > seconds ? rendition->next_msn : seconds;
}

/* Discontinuities are counted from less, since hls.js walks through all their numbers. */
static void begin_breaks(struct hls_home *home, uint64_t first_msn)
{
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++)
		if (home->renditions[i].cutter)
			return;
	hls_breaks_begin(&home->breaks, first_msn / 3600 + home->view->snapshot->epoch);
}

/* False when the room has no such rendition now. */
static bool find_slot(const struct hls_rendition *rendition, int *slot)
{
	struct rendition_table table;
	*slot = -1;
	/* A host that comes back may bring its sound a little later. */
	if (!strcmp(rendition->name, HLS_SOURCE) || is_sound_alone(rendition))
		return true;
	broadcast_renditions(rendition->home->view->broadcast, &table);
	const int index = rendition_table_named(&table, rendition->name);
	if (index >= 0)
		*slot = table.at[index].slot;
	return index >= 0;
}

static void start(struct hls_rendition *rendition)
{
	struct hls_home *home = rendition->home;
	if (!find_slot(rendition, &rendition->slot))
		return;
	rendition->next_msn = first_msn(rendition);
	begin_breaks(home, rendition->next_msn);
	rendition->sink = (struct sink){ .ops = &sink_ops, .audio = CODEC_AAC };
	rendition->news = false;
	rendition->place = (struct hls_breaks_place){ 0 };
	ts_muxer_init(&rendition->ts);
	if (hls_window_create(&rendition->window, rendition->name, rendition->next_msn))
		return;
	if (cmaf_cutter_create(&rendition->cutter, &cutter_ops, rendition)) {
		hls_window_destroy(rendition->window);
		rendition->window = NULL;
		return;
	}
	cmaf_cutter_hurry(rendition->cutter);
	if (is_sound_alone(rendition))
		cmaf_cutter_sound_alone(rendition->cutter);
	if (fanout_add(home->worker->fanout, home->view->broadcast, &rendition->sink))
		stop(rendition);
	else if (rendition->slot >= 0)
		fanout_want(&rendition->sink, rendition->slot);
}

/* Workers without readers need no images. */
static bool still_asked(struct hls_home *home)
{
	bool asked = false;
	for (unsigned i = 0; i < home->worker->app->worker_count; i++) {
		if (!home->asked_us[i])
			continue;
		if (was_asked(home, home->asked_us[i])) {
			asked = true;
			continue;
		}
		tell_worker(home, i, "", NULL);
		home->asked_us[i] = 0;
	}
	return asked;
}

/* Starts what is wanted and stops what nobody asks for, or what has become another slot's. */
static void look_after(struct hls_rendition *rendition)
{
	struct hls_home *home = rendition->home;
	int slot;
	const bool wanted = was_asked(home, rendition->asked_us);
	const bool moved =
		rendition->cutter && (!find_slot(rendition, &slot) || slot != rendition->slot);
	if (rendition->cutter && (!wanted || moved)) {
		stop(rendition);
		tell_workers(home, rendition->name, NULL);
	}
	if (wanted && !rendition->cutter)
		start(rendition);
	if (!wanted)
		rendition->asked_us = 0;
}

static void set_viewers(struct hls_home *home, unsigned count)
{
	home->worker->hls_viewers += count - home->view->hls_viewers;
	home->view->hls_viewers = count;
}

static void count_players(struct hls_home *home)
{
	const size_t count = hls_players_count(&home->players, loop_now_us(home->worker->loop));
	set_viewers(home, (unsigned)count);
}

void hls_home_watched(struct hls_home *home, const uint64_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hls_players_see(&home->players, numbers[i], loop_now_us(home->worker->loop));
	count_players(home);
}

static void on_tick(void *arg)
{
	struct hls_home *home = arg;
	const bool asked = still_asked(home);
	count_players(home);
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++)
		if (asked)
			look_after(&home->renditions[i]);
		else
			stop(&home->renditions[i]);
	if (asked)
		timer_start(&home->tick, TICK_US);
	else
		hls_events_finish(&home->events);
}

static struct hls_home *home_of(struct room_view *view)
{
	if (view->hls_home)
		return view->hls_home;
	struct hls_home *home = xcalloc(1, sizeof(*home));
	home->view = view;
	home->worker = view->worker;
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++)
		home->renditions[i].home = home;
	hls_events_init(&home->events);
	hls_players_init(&home->players);
	timer_init(&home->tick, view->worker->loop, on_tick, home);
	view->hls_home = home;
	return home;
}

/* The event as a box in the next part, bound to the room's media time. */
static void put_box(struct hls_rendition *rendition, const struct hls_event *event,
		    const struct buf *message)
{
	struct broadcast_clock line;
	if (!rendition->cutter || !broadcast_clock(rendition->home->view->broadcast, &line))
		return;
	const int64_t since_us = event->at_us - line.capture_us;
	const struct cmaf_event content = {
		.type = event->type,
		.id = (uint32_t)event->seq,
		.media_us = line.media_us + since_us - since_us / 1000000 * line.rate_ppm,
		.text = (const char *)message->data,
		.len = message->len,
	};
	struct buf *box = cmaf_event(&content);
	if (box)
		cmaf_cutter_event(rendition->cutter, box);
	buf_unref(box);
}

void hls_home_event(struct room_view *view, struct buf *message)
{
	struct hls_home *home = view->hls_home;
	struct hls_event event;
	if (!home || !timer_active(&home->tick) || hls_events_add(&home->events, message, &event))
		return;
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++)
		put_box(&home->renditions[i], &event, message);
}

/* What was said shortly before belongs to the pictures that are cached. */
static void take_recent(struct hls_home *home)
{
	const struct room_feed *feed = &home->view->feed;
	struct hls_event event;
	uint64_t newest = home->view->snapshot->seq;
	for (size_t i = 0; i < FEED_RECENT; i++)
		newest = feed->recent[i].seq > newest ? feed->recent[i].seq : newest;
	const uint64_t oldest = newest > FEED_RECENT ? newest - FEED_RECENT + 1 : 1;
	for (uint64_t seq = oldest; seq <= newest; seq++) {
		const struct feed_message *message = &feed->recent[seq % FEED_RECENT];
		if (message->text && message->seq == seq &&
		    hls_events_add(&home->events, message->text, &event))
			log_warn(&home->worker->log, "event not understood seq=%llu",
				 (unsigned long long)seq);
	}
}

/* That of the name, or one that is free; NULL: there are too many. */
static struct hls_rendition *rendition_of(struct hls_home *home, const char *name)
{
	struct hls_rendition *free_one = NULL;
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++) {
		struct hls_rendition *rendition = &home->renditions[i];
		if (!strcmp(rendition->name, name))
			return rendition;
		if (!rendition->asked_us && !rendition->cutter)
			free_one = rendition;
	}
	if (free_one) {
		*free_one = (struct hls_rendition){ .home = home };
		snprintf(free_one->name, sizeof(free_one->name), "%s", name);
	}
	return free_one;
}

/* A worker whose first reader it is lacks what the others have. */
static void show_all(struct hls_home *home)
{
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++) {
		struct hls_rendition *rendition = &home->renditions[i];
		if (!rendition->window)
			continue;
		rendition->news = hls_window_first_us(rendition->window) != 0;
		publish(rendition);
	}
}

static void take_ask(struct hls_home *home, const struct hls_note *note)
{
	struct hls_rendition *rendition = rendition_of(home, note->rendition);
	const unsigned asker = note->asker;
	const int64_t now_us = loop_now_us(home->worker->loop);
	const bool known = home->asked_us[asker];
	home->asked_us[asker] = now_us;
	if (rendition)
		rendition->asked_us = now_us;
	if (rendition && note->ts)
		rendition->ts_asked_us = now_us;
	if (!timer_active(&home->tick)) {
		take_recent(home);
		on_tick(home);
		return;
	}
	if (rendition && !rendition->cutter)
		look_after(rendition);
	if (!known)
		show_all(home);
}

static void run_ask(struct message *message)
{
	struct hls_note *note = list_entry(message, struct hls_note, message);
	struct room_view *view = room_view_find(note->worker, note->room);
	if (view && view->is_home)
		take_ask(home_of(view), note);
	drop_note(message);
}

void hls_home_ask(struct app *app, const char *room, const struct hls_wish *wish, unsigned worker)
{
	for (unsigned i = 0; i < app->worker_count; i++) {
		struct hls_note *note = note_for(app->workers[i], room, wish->rendition, run_ask);
		note->asker = worker;
		note->ts = wish->ts;
		worker_note(app->workers[i], &note->message);
	}
}

void hls_home_destroy(struct hls_home *home)
{
	if (!home)
		return;
	timer_stop(&home->tick);
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++)
		stop(&home->renditions[i]);
	hls_events_finish(&home->events);
	hls_players_finish(&home->players);
	set_viewers(home, 0);
	free(home);
}
