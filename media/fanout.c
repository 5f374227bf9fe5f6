#include "media/fanout.h"

#include "media/broadcast.h"
#include "media/fanout_state.h"
#include "server/core/alloc.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Stable: of equal times the first array comes first, so that a keyframe leads its group. */
static size_t merge(struct frame **out, struct frame **a, size_t a_count, struct frame **b,
		    size_t b_count)
{
	size_t count = 0;
	while (a_count || b_count) {
		const bool take_a = !b_count || (a_count && (*a)->dts_us <= (*b)->dts_us);
		out[count++] = take_a ? *a++ : *b++;
		a_count -= take_a;
		b_count -= !take_a;
	}
	return count;
}

static void release(struct frame **frames, size_t count)
{
	for (size_t i = 0; i < count; i++)
		frame_unref(frames[i]);
}

static void work_soon(void *arg)
{
	struct fanout *fanout = arg;
	loop_defer(fanout->loop, &fanout->more);
}

static bool load_batch(struct fanout *fanout, struct fanout_channel *channel)
{
	const unsigned ready = fanout_ready(channel);
	/* Each track is merged into the batch; two arrays take turns. */
	struct frame *turn[2][BATCH_MAX];
	size_t count = 0;
	int with = 0;
	for (int i = 0; i < FRAME_TRACKS; i++) {
		const enum track track = (enum track)i;
		struct frame *frames[TRACK_BATCH];
		bool skipped = false;
		if (!(ready >> i & 1))
			continue;
		const size_t more =
			bus_read(broadcast_bus(channel->broadcast, track), &channel->cursor[track],
				 frames, TRACK_BATCH, &skipped);
		fanout->stats.skips += skipped && track_is_video(track);
		if (more && track_is_video(track))
			channel->picture_us = channel->woken_us;
		if (more && track == TRACK_OPUS)
			channel->opus_passed_on = !frames[more - 1]->made;
		channel->batch_tracks |= more ? 1u << track : 0;
		count = merge(turn[!with], turn[with], count, frames, more);
		with = !with;
	}
	memcpy(channel->batch, turn[with], count * sizeof(struct frame *));
	channel->batch_count = count;
	return channel->batch_count > 0;
}

/* All sinks that are up to date lack the new batch. */
static void begin_walk(struct fanout_channel *channel)
{
	struct list *first = channel->next_first;
	channel->next_first = NULL;
	channel->walked = 0;
	if (first) { /* the head of the ring moves in front of it */
		list_remove(&channel->done);
		list_append(first, &channel->done);
	}
	if (list_empty(&channel->done))
		return;
	/* todo is empty: it takes the whole ring over. */
	list_append(&channel->done, &channel->todo);
	list_remove(&channel->done);
}

static bool wants(const struct sink *sink, const struct frame *frame)
{
	if (codec_is_video(frame->codec))
		return !sink->skip_video;
	return !sink->skip_audio && frame->codec == sink->audio;
}

static void deliver(struct fanout *fanout, struct fanout_channel *channel, struct sink *sink)
{
	for (size_t i = 0; i < channel->batch_count && sink->channel == channel; i++) {
		struct frame *frame = channel->batch[i];
		if (!wants(sink, frame))
			continue;
		fanout->stats.frames++;
		if (codec_is_video(frame->codec))
			fanout_deliver_picture(channel, sink, frame);
		else
			sink->ops->frame(sink, frame);
	}
	if (sink->channel == channel && sink->ops->flush)
		sink->ops->flush(sink);
}

/* The decodable start for this sink; 0 when there is none yet. */
static size_t read_start(struct fanout *fanout, struct fanout_channel *channel, struct sink *sink)
{
	struct broadcast *broadcast = channel->broadcast;
	struct sink_picture *picture = &sink->picture;
	const enum track sound = sound_track(sink->audio);
	const uint64_t sound_until = channel->cursor[sound];
	if (sink->skip_video || (!sink->skip_audio && broadcast_audio_only(broadcast)))
		return bus_read_since(broadcast_bus(broadcast, sound), sound_until, INT64_MIN,
				      fanout->gop, 1);
	struct frame *pictures[BUS_FRAMES_MAX];
	struct frame *sounds[BUS_AUDIO_TAIL];
	const enum track track = (enum track)picture->shown;
	const size_t picture_count = bus_read_gop(broadcast_bus(broadcast, track),
						  channel->cursor[track], pictures, BUS_FRAMES_MAX);
	if (!picture_count)
		return 0;
	if (!picture_fits(picture, pictures[picture_count - 1])) {
		release(pictures, picture_count);
		return 0;
	}
	picture->shown_us = pictures[picture_count - 1]->dts_us;
	const size_t sound_count =
		sink->skip_audio ? 0
				 : bus_read_since(broadcast_bus(broadcast, sound), sound_until,
						  pictures[0]->dts_us, sounds, BUS_AUDIO_TAIL);
	return merge(fanout->gop, pictures, picture_count, sounds, sound_count);
}

static bool start(struct fanout *fanout, struct fanout_channel *channel, struct sink *sink)
{
	const size_t count = read_start(fanout, channel, sink);
	if (!count)
		return false;
	list_remove(&sink->link);
	list_append(&channel->done, &sink->link);
	sink->started = true;
	if (!sink->skip_video)
		fanout_choose(channel, sink);
	sink->ops->start(sink, fanout->gop, count);
	release(fanout->gop, count);
	return true;
}

/* The first list's links go in front of the second's. */
static void put_in_front(struct list *from, struct list *to)
{
	while (!list_empty(from)) {
		struct list *link = from->prev;
		list_remove(link);
		list_prepend(to, link);
	}
}

/* One pass over those who wait; false when the slice is over. */
static bool start_joining(struct fanout *fanout, struct fanout_channel *channel, int64_t until_us)
{
	/* A start may remove any other sink: only the heads are held. */
	struct list turn;
	list_init(&turn);
	put_in_front(&channel->joining, &turn);
	bool in_time = true;
	while (in_time && !list_empty(&turn)) {
		struct sink *sink = list_entry(turn.next, struct sink, link);
		list_remove(&sink->link);
		list_append(&channel->joining, &sink->link);
		if (start(fanout, channel, sink))
			in_time = loop_now_us(fanout->loop) < until_us;
	}
	put_in_front(&turn, &channel->joining);
	return in_time;
}

static void end_walk(struct fanout *fanout, struct fanout_channel *channel)
{
	const int64_t took_us = loop_now_us(fanout->loop) - channel->woken_us;
	if (took_us > fanout->stats.longest_us)
		fanout->stats.longest_us = took_us;
	release(channel->batch, channel->batch_count);
	channel->batch_count = 0;
	channel->batch_tracks = 0;
}

static void tell_ended(struct fanout_channel *channel)
{
	struct list all;
	list_init(&all);
	put_in_front(&channel->joining, &all);
	put_in_front(&channel->todo, &all);
	put_in_front(&channel->done, &all);
	channel->next_first = NULL;
	while (!list_empty(&all)) {
		struct sink *sink = list_entry(all.next, struct sink, link);
		list_remove(&sink->link);
		list_append(sink->started ? &channel->done : &channel->joining, &sink->link);
		sink->ops->ended(sink);
	}
}

/* The sink whose turn is next has its memory fetched, and the one after it tells where that is. */
static void fetch_ahead(const struct fanout_channel *channel)
{
	enum { LINE = 64 };
	const struct list *next = channel->todo.next;
	if (next == &channel->todo)
		return;
	const struct sink *sink = list_entry(next, struct sink, link);
	for (unsigned i = 0; i < sink->warm_count; i++)
		for (size_t at = 0; at < sink->warm[i].iov_len; at += LINE)
			__builtin_prefetch((const char *)sink->warm[i].iov_base + at);
	for (size_t at = 0; at < offsetof(struct sink, picture); at += LINE)
		__builtin_prefetch((const char *)list_entry(next->next, struct sink, link) + at);
}

/* Walks on; false when the slice is over before the sinks are. */
static bool walk(struct fanout *fanout, struct fanout_channel *channel, int64_t until_us)
{
	while (!list_empty(&channel->todo)) {
		struct sink *sink = list_entry(channel->todo.next, struct sink, link);
		list_remove(&sink->link);
		list_append(&channel->done, &sink->link);
		/* About the golden section: no two viewers stay neighbours of the turn. */
		if (++channel->walked == channel->sinks * 3 / 8 + 1)
			channel->next_first = &sink->link;
		fetch_ahead(channel);
		deliver(fanout, channel, sink);
		if (channel->walked % CLOCK_EVERY == 0 && loop_now_us(fanout->loop) >= until_us)
			return false;
	}
	return true;
}

/* Serves a channel until it is up to date or the slice is over (false). */
static bool serve(struct fanout *fanout, struct fanout_channel *channel, int64_t until_us)
{
	fanout_refresh_table(channel);
	for (;;) {
		if (!walk(fanout, channel, until_us))
			return false;
		if (channel->batch_count)
			end_walk(fanout, channel);
		if (!start_joining(fanout, channel, until_us))
			return false;
		channel->woken_us = loop_now_us(fanout->loop);
		if (!load_batch(fanout, channel))
			break;
		begin_walk(channel);
	}
	const unsigned ends = broadcast_ends(channel->broadcast);
	if (ends != channel->ends) {
		channel->ends = ends;
		tell_ended(channel);
	}
	return true;
}

static void channel_destroy(struct fanout *fanout, struct fanout_channel *channel)
{
	list_remove(&channel->link);
	timer_stop(&channel->wait);
	fanout->channel_count--;
	release(channel->batch, channel->batch_count);
	broadcast_unwait(channel->broadcast, channel->waiter);
	broadcast_unref(channel->broadcast);
	free(channel);
}

static void measure(struct fanout *fanout, int64_t began_us)
{
	enum { SECOND_US = 1000000 };
	const int64_t now_us = loop_now_us(fanout->loop);
	const int64_t passed_us = now_us - fanout->second_us;
	fanout->worked_us += now_us - began_us;
	if (passed_us < SECOND_US)
		return;
	const int64_t most = fanout->stats.busy ? FANOUT_BUSY_TO : FANOUT_BUSY_FROM;
	fanout->stats.busy = fanout->worked_us * 100 > passed_us * most;
	fanout->second_us = now_us;
	fanout->worked_us = 0;
}

static void work(void *arg)
{
	struct fanout *fanout = arg;
	const int64_t began_us = loop_now_us(fanout->loop);
	const int64_t until_us = began_us + FANOUT_SLICE_US;
	fanout->stats.slices++;
	bool in_time = true;
	for (size_t turns = fanout->channel_count; in_time && turns > 0; turns--) {
		struct fanout_channel *channel =
			list_entry(fanout->channels.next, struct fanout_channel, link);
		list_remove(&channel->link);
		list_append(&fanout->channels, &channel->link);
		if (broadcast_wait_clear(channel->waiter))
			channel->dirty = true;
		if (channel->dirty) {
			in_time = serve(fanout, channel, until_us);
			channel->dirty = !in_time;
		}
		if (!channel->sinks)
			channel_destroy(fanout, channel);
	}
	fanout->walking = !in_time;
	if (!in_time)
		work_soon(fanout);
	measure(fanout, began_us);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	eventfd_t value;
	eventfd_read(fd, &value);
	work(arg);
}

int fanout_create(struct fanout **out, struct loop *loop)
{
	struct fanout *fanout = xcalloc(1, sizeof(*fanout));
	fanout->loop = loop;
	list_init(&fanout->channels);
	deferred_init(&fanout->more, work, fanout);
	fanout->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fanout->wake_fd < 0)
		goto fail;
	fanout->wake =
		event_new(loop_base(loop), fanout->wake_fd, EV_READ | EV_PERSIST, on_wake, fanout);
	if (!fanout->wake || event_add(fanout->wake, NULL))
		goto fail;
	*out = fanout;
	return 0;
fail:
	fanout_destroy(fanout);
	return -ENOMEM;
}

static struct fanout_channel *channel_create(struct fanout *fanout, struct broadcast *broadcast,
					     const struct sink *sink)
{
	struct fanout_channel *channel = xcalloc(1, sizeof(*channel));
	list_init(&channel->joining);
	list_init(&channel->todo);
	list_init(&channel->done);
	channel->fanout = fanout;
	fanout_wait_init(channel);
	channel->audio = sink->audio;
	channel->gathers = sink->gathers;
	channel->batch_us = sink->batch_us;
	channel->broadcast = broadcast_ref(broadcast);
	channel->waiter = broadcast_wait(broadcast, fanout->wake_fd, work_soon, fanout);
	channel->ends = broadcast_ends(broadcast);
	channel->changed = broadcast_renditions_changed(broadcast);
	broadcast_renditions(broadcast, &channel->table);
	list_append(&fanout->channels, &channel->link);
	fanout->channel_count++;
	return channel;
}

static struct fanout_channel *channel_of(struct fanout *fanout, struct broadcast *broadcast,
					 const struct sink *sink)
{
	list_for_each (link, &fanout->channels) {
		struct fanout_channel *channel = list_entry(link, struct fanout_channel, link);
		if (channel->broadcast == broadcast && channel->audio == sink->audio &&
		    channel->gathers == sink->gathers && channel->batch_us == sink->batch_us)
			return channel;
	}
	return channel_create(fanout, broadcast, sink);
}

int fanout_add(struct fanout *fanout, struct broadcast *broadcast, struct sink *sink)
{
	struct fanout_channel *channel = channel_of(fanout, broadcast, sink);
	sink->channel = channel;
	sink->started = false;
	list_append(&channel->joining, &sink->link);
	channel->sinks++;
	channel->dirty = true;
	fanout->stats.sinks++;
	if (!sink->skip_video)
		fanout_begin_picture(channel, sink);
	if (!sink->skip_audio)
		fanout_subscribe(channel, sound_track(sink->audio));
	fanout_wait_for_wanted(channel);
	work_soon(fanout);
	return 0;
}

void fanout_remove(struct fanout *fanout, struct sink *sink)
{
	struct fanout_channel *channel = sink->channel;
	if (!channel)
		return;
	if (channel->next_first == &sink->link)
		channel->next_first = NULL;
	list_remove(&sink->link);
	sink->channel = NULL;
	channel->sinks--;
	fanout->stats.sinks--;
	if (!sink->skip_video)
		fanout_end_picture(channel, sink);
	if (!sink->skip_audio)
		fanout_unsubscribe(channel, sound_track(sink->audio));
	fanout_wait_for_wanted(channel);
	if (!channel->sinks)
		work_soon(fanout);
}

size_t fanout_audience(const struct sink *sink)
{
	return sink->channel ? sink->channel->fanout->stats.sinks : 0;
}

bool fanout_is_walking(const struct fanout *fanout)
{
	return fanout->walking;
}

void fanout_stats(struct fanout *fanout, struct fanout_stats *out)
{
	*out = fanout->stats;
	fanout->stats.longest_us = 0;
}

void fanout_destroy(struct fanout *fanout)
{
	if (!fanout)
		return;
	assert(fanout->stats.sinks == 0);
	deferred_cancel(&fanout->more);
	while (!list_empty(&fanout->channels))
		channel_destroy(fanout,
				list_entry(fanout->channels.next, struct fanout_channel, link));
	if (fanout->wake)
		event_free(fanout->wake);
	if (fanout->wake_fd >= 0)
		close(fanout->wake_fd);
	free(fanout);
}
