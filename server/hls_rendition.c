#include "media/fanout.h"
#include "server/core/buf.h"
#include "server/hls_home_state.h"
#include "server/room_view.h"
#include "server/worker.h"

#include <string.h>

enum { KEY_US = 2000000 };

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

void hls_rendition_publish(struct hls_rendition *rendition)
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
		hls_home_tell(home, rendition->name, image);
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

static bool wants_ts(const struct hls_rendition *rendition)
{
	return hls_home_was_asked(rendition->home, rendition->ts_asked_us);
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
	hls_rendition_publish(rendition);
}

static void on_start(struct sink *sink, struct frame *const *gop, size_t count)
{
	struct hls_rendition *rendition = list_entry(sink, struct hls_rendition, sink);
	for (size_t i = 0; i < count; i++)
		take(rendition, gop[i]);
	hls_rendition_publish(rendition);
}

void hls_rendition_stop(struct hls_rendition *rendition)
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
	hls_rendition_publish(rendition);
	hls_rendition_stop(rendition);
}

static const struct sink_ops sink_ops = { .start = on_start, .frame = on_frame, .ended = on_ended };

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Numbers never come twice, also after a restart: a segment lasts a second and more. Beside other
 * renditions the one that follows the short ones of the beginning has the number that it has there:
 * some players take the same number for the same time. */
static uint64_t first_msn(const struct hls_rendition *rendition)
{
	const struct hls_home *home = rendition->home;
	const int64_t now_s = loop_utc_us(home->worker->loop) / 1000000 - HLS_NUMBERS_SINCE_S;
	const uint64_t least = larger(rendition->next_msn, home->retired_msn);
	uint64_t next = 0;
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++)
		if (home->renditions[i].window)
			next = larger(next, hls_window_next_msn(home->renditions[i].window));
	if (next > CMAF_HURRY_SEGMENTS)
		return larger(least, next - CMAF_HURRY_SEGMENTS);
	return larger(least, now_s > 0 ? (uint64_t)now_s : 0);
}

/* Discontinuities are counted from less, since hls.js walks through all their numbers. */
static void begin_breaks(struct hls_home *home, uint64_t first_msn)
{
	for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++)
		if (home->renditions[i].cutter)
			return;
	hls_breaks_begin(&home->breaks, first_msn / 3600 + home->view->snapshot->epoch);
}

bool hls_rendition_find_slot(const struct hls_rendition *rendition, int *slot)
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

void hls_rendition_start(struct hls_rendition *rendition)
{
	struct hls_home *home = rendition->home;
	if (!hls_rendition_find_slot(rendition, &rendition->slot))
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
		hls_rendition_stop(rendition);
	else if (rendition->slot >= 0)
		fanout_want(&rendition->sink, rendition->slot);
}

void hls_rendition_put_event(struct hls_rendition *rendition, const struct hls_event *event,
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
