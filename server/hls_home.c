#include "server/hls_home.h"

#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/output/hls_events.h"
#include "media/output/hls_window.h"
#include "media/sink.h"
#include "server/call.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/hls.h"
#include "server/room_view.h"
#include "server/worker.h"

#include <stdio.h>
#include <stdlib.h>

enum { TICK_US = 1000000, KEY_US = 2000000 };

struct hls_rendition {
	struct sink sink;
	struct hls_home *home;
	const char *name;
	struct cmaf_cutter *cutter; /* NULL: not running */
	struct hls_window *window;
	struct hls_numbers next; /* where it goes on after it was stopped */
	bool news; /* since the last image */
	int64_t key_us; /* decoding time of the newest keyframe */
};

struct hls_home {
	struct room_view *view;
	struct worker *worker;
	struct hls_rendition source;
	struct hls_events events;
	/* When each worker had readers last, monotonic; 0: never, or it was told of the end. */
	int64_t asked_us[APP_WORKERS_MAX];
	struct timer tick;
};

/* To one worker: an image, or that there is none any more. */
struct hls_note {
	struct message message;
	struct worker *worker;
	char room[NAME_MAX_LEN + 1];
	struct hls_image *image;
	unsigned asker;
};

static void drop_note(struct message *message)
{
	struct hls_note *note = list_entry(message, struct hls_note, message);
	hls_image_unref(note->image);
	free(note);
}

static void send_note(struct worker *worker, const char *room, struct hls_image *image,
		      void (*run)(struct message *message))
{
	struct hls_note *note = xcalloc(1, sizeof(*note));
	note->message.run = run;
	note->message.drop = drop_note;
	note->worker = worker;
	note->image = image ? hls_image_ref(image) : NULL;
	snprintf(note->room, sizeof(note->room), "%s", room);
	worker_note(worker, &note->message);
}

static void run_show(struct message *message)
{
	struct hls_note *note = list_entry(message, struct hls_note, message);
	struct room_view *view = room_view_find(note->worker, note->room);
	if (view && note->image)
		hls_view_show(view, note->image);
	else if (view)
		hls_view_clear(view);
	drop_note(message);
}

static void send_image(struct hls_home *home, struct hls_image *image)
{
	for (unsigned i = 0; i < home->worker->app->worker_count; i++)
		if (home->asked_us[i])
			send_note(home->worker->app->workers[i], home->view->snapshot->id, image,
				  run_show);
}

static void publish(struct hls_rendition *rendition)
{
	struct hls_home *home = rendition->home;
	if (!rendition->news)
		return;
	rendition->news = false;
	hls_events_trim(&home->events, hls_window_first_us(rendition->window));
	const struct hls_others others = { .events = &home->events };
	struct hls_image *image = hls_window_image(rendition->window, &others);
	if (image)
		send_image(home, image);
	hls_image_unref(image);
}

static struct cmaf_expected expected(void *arg)
{
	const struct hls_rendition *rendition = arg;
	struct broadcast *broadcast = rendition->home->view->broadcast;
	struct cmaf_expected result = { .video = broadcast_has_video(broadcast) };
	for (enum codec codec = CODEC_AAC; codec <= CODEC_OPUS; codec++) {
		struct media_config *config = broadcast_audio_config(broadcast, codec);
		result.audio = result.audio || config;
		media_config_unref(config);
	}
	return result;
}

static void on_map(void *arg, const struct cmaf_tracks *tracks, struct buf *header)
{
	struct hls_rendition *rendition = arg;
	hls_window_map(rendition->window, tracks, header);
}

static void on_part(void *arg, const struct cmaf_part *part)
{
	struct hls_rendition *rendition = arg;
	hls_window_part(rendition->window, part);
	rendition->news = true;
}

static void on_segment(void *arg)
{
	struct hls_rendition *rendition = arg;
	hls_window_segment(rendition->window);
	rendition->news = true;
}

static const struct cmaf_cutter_ops cutter_ops = { expected, on_map, on_part, on_segment };

/* Segments begin with keyframes, which hosts by WebRTC send when asked. */
static void ask_for_keys(struct hls_rendition *rendition, const struct frame *frame)
{
	if (!codec_is_video(frame->codec))
		return;
	if (frame->key)
		rendition->key_us = frame->dts_us;
	else if (frame->dts_us - rendition->key_us >= KEY_US)
		broadcast_request_key(rendition->home->view->broadcast, frame->rendition);
}

static void on_frame(struct sink *sink, struct frame *frame)
{
	struct hls_rendition *rendition = list_entry(sink, struct hls_rendition, sink);
	ask_for_keys(rendition, frame);
	cmaf_cutter_push(rendition->cutter, frame, loop_now_us(rendition->home->worker->loop));
	publish(rendition);
}

static void on_start(struct sink *sink, struct frame *const *gop, size_t count)
{
	struct hls_rendition *rendition = list_entry(sink, struct hls_rendition, sink);
	const int64_t now_us = loop_now_us(rendition->home->worker->loop);
	for (size_t i = 0; i < count; i++)
		cmaf_cutter_push(rendition->cutter, gop[i], now_us);
	publish(rendition);
}

static void stop(struct hls_rendition *rendition)
{
	if (!rendition->cutter)
		return;
	fanout_remove(rendition->home->worker->fanout, &rendition->sink);
	rendition->next = hls_window_next(rendition->window);
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

/* Numbers never come twice, also after a restart: a segment lasts a second and more.
 * Discontinuities are counted from less, since hls.js walks through all their numbers. */
static struct hls_numbers later(const struct hls_numbers *last, const struct hls_home *home)
{
	const int64_t now_s = loop_utc_us(home->worker->loop) / 1000000 - HLS_NUMBERS_SINCE_S;
	const uint64_t seconds = now_s > 0 ? (uint64_t)now_s : 0;
	const uint64_t changes = seconds / 3600 + home->view->snapshot->epoch;
	return (struct hls_numbers){
		.msn = last->msn > seconds ? last->msn : seconds,
		.discontinuity = last->discontinuity > changes ? last->discontinuity : changes,
	};
}

static void start(struct hls_rendition *rendition)
{
	struct hls_home *home = rendition->home;
	rendition->next = later(&rendition->next, home);
	rendition->sink = (struct sink){ .ops = &sink_ops, .audio = CODEC_AAC };
	rendition->news = false;
	if (hls_window_create(&rendition->window, rendition->name, &rendition->next))
		return;
	if (cmaf_cutter_create(&rendition->cutter, &cutter_ops, rendition)) {
		hls_window_destroy(rendition->window);
		rendition->window = NULL;
		return;
	}
	cmaf_cutter_hurry(rendition->cutter);
	if (fanout_add(home->worker->fanout, home->view->broadcast, &rendition->sink))
		stop(rendition);
}

/* Workers without readers need no images; without any the muxer rests. */
static bool still_asked(struct hls_home *home)
{
	const int64_t now_us = loop_now_us(home->worker->loop);
	bool asked = false;
	for (unsigned i = 0; i < home->worker->app->worker_count; i++) {
		if (!home->asked_us[i])
			continue;
		if (now_us - home->asked_us[i] < HLS_IDLE_US + HLS_ASK_US) {
			asked = true;
			continue;
		}
		home->asked_us[i] = 0;
		send_note(home->worker->app->workers[i], home->view->snapshot->id, NULL, run_show);
	}
	return asked;
}

static void on_tick(void *arg)
{
	struct hls_home *home = arg;
	if (!still_asked(home)) {
		stop(&home->source);
		hls_events_finish(&home->events);
		return;
	}
	if (!home->source.cutter)
		start(&home->source);
	timer_start(&home->tick, TICK_US);
}

static struct hls_home *home_of(struct room_view *view)
{
	if (view->hls_home)
		return view->hls_home;
	struct hls_home *home = xcalloc(1, sizeof(*home));
	home->view = view;
	home->worker = view->worker;
	home->source = (struct hls_rendition){ .home = home, .name = "source" };
	hls_events_init(&home->events);
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
	put_box(&home->source, &event, message);
}

/* What was said shortly before belongs to the pictures that are cached. */
static void take_recent(struct hls_home *home)
{
	struct hls_event event;
	uint64_t newest = home->view->snapshot->seq;
	for (size_t i = 0; i < VIEW_RECENT; i++)
		newest = home->view->recent[i].seq > newest ? home->view->recent[i].seq : newest;
	const uint64_t oldest = newest > VIEW_RECENT ? newest - VIEW_RECENT + 1 : 1;
	for (uint64_t seq = oldest; seq <= newest; seq++) {
		const struct view_message *message = &home->view->recent[seq % VIEW_RECENT];
		if (message->text && message->seq == seq &&
		    hls_events_add(&home->events, message->text, &event))
			log_warn(&home->worker->log, "event not understood seq=%llu",
				 (unsigned long long)seq);
	}
}

static void run_ask(struct message *message)
{
	struct hls_note *note = list_entry(message, struct hls_note, message);
	struct room_view *view = room_view_find(note->worker, note->room);
	if (view && view->is_home) {
		struct hls_home *home = home_of(view);
		const bool known = home->asked_us[note->asker];
		home->asked_us[note->asker] = loop_now_us(note->worker->loop);
		if (!timer_active(&home->tick)) {
			take_recent(home);
			on_tick(home);
		} else if (!known && home->source.cutter) { /* it lacks what the others have */
			home->source.news = hls_window_first_us(home->source.window) != 0;
			publish(&home->source);
		}
	}
	drop_note(message);
}

void hls_home_ask(struct app *app, const char *room, unsigned worker)
{
	for (unsigned i = 0; i < app->worker_count; i++) {
		struct hls_note *note = xcalloc(1, sizeof(*note));
		note->message.run = run_ask;
		note->message.drop = drop_note;
		note->worker = app->workers[i];
		note->asker = worker;
		snprintf(note->room, sizeof(note->room), "%s", room);
		worker_note(app->workers[i], &note->message);
	}
}

void hls_home_destroy(struct hls_home *home)
{
	if (!home)
		return;
	timer_stop(&home->tick);
	stop(&home->source);
	hls_events_finish(&home->events);
	free(home);
}
