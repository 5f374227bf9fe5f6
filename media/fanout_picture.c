/* Which sinks are shown which rendition. */
#include "media/broadcast.h"
#include "media/fanout_state.h"

void fanout_subscribe(struct fanout_channel *channel, enum track track)
{
	/* Who wants this track in the middle of a walk gets what follows the batch. */
	const bool follows = channel->batch_tracks >> track & 1;
	if (!channel->wanting[track]++ && !follows)
		channel->cursor[track] = bus_head(broadcast_bus(channel->broadcast, track));
	broadcast_reader_add(channel->broadcast, track);
}

void fanout_unsubscribe(struct fanout_channel *channel, enum track track)
{
	channel->wanting[track]--;
	broadcast_reader_remove(channel->broadcast, track);
}

void fanout_wait_for_wanted(struct fanout_channel *channel)
{
	unsigned tracks = 0;
	for (int i = 0; i < FRAME_TRACKS; i++)
		tracks |= channel->wanting[i] ? 1u << i : 0;
	broadcast_wait_for(channel->waiter, tracks);
}

static void subscribe_picture(struct fanout_channel *channel, const struct sink_picture *picture)
{
	fanout_subscribe(channel, (enum track)picture->shown);
	if (picture->next != picture->shown)
		fanout_subscribe(channel, (enum track)picture->next);
}

static void unsubscribe_picture(struct fanout_channel *channel, const struct sink_picture *picture)
{
	fanout_unsubscribe(channel, (enum track)picture->shown);
	if (picture->next != picture->shown)
		fanout_unsubscribe(channel, (enum track)picture->next);
}

void fanout_choose(struct fanout_channel *channel, struct sink *sink)
{
	struct sink_picture *picture = &sink->picture;
	const struct picture_choice choice = picture_choose(picture, &channel->table);
	const struct sink_picture former = *picture;
	if (!sink->started)
		picture->shown = picture->next = choice.first;
	if (picture->next != choice.then)
		picture_go(picture, choice.then, &channel->table);
	if (picture->shown == former.shown && picture->next == former.next)
		return;
	subscribe_picture(channel, picture); /* first, so that a rung does not stop in between */
	unsubscribe_picture(channel, &former);
	fanout_wait_for_wanted(channel);
}

void fanout_refresh_table(struct fanout_channel *channel)
{
	enum { LISTS = 3 };
	struct list *const lists[LISTS] = { &channel->joining, &channel->todo, &channel->done };
	const unsigned changed = broadcast_renditions_changed(channel->broadcast);
	const int64_t now_us = loop_now_us(channel->fanout->loop);
	const bool same = changed == channel->changed;
	if (same && now_us - channel->table_us < TABLE_US)
		return;
	channel->changed = changed;
	channel->table_us = now_us;
	broadcast_renditions(channel->broadcast, &channel->table);
	if (same)
		return;
	for (size_t i = 0; i < LISTS; i++) {
		list_for_each (link, lists[i]) {
			struct sink *sink = list_entry(link, struct sink, link);
			if (!sink->skip_video)
				fanout_choose(channel, sink);
		}
	}
}

/* A change of the rendition is on its way. */
static void deliver_changing(struct fanout_channel *channel, struct sink *sink, struct frame *frame)
{
	struct frame *out[PICTURE_HELD_MAX + 1];
	const struct sink_picture former = sink->picture;
	if (picture_asks(&sink->picture, frame))
		broadcast_request_key(channel->broadcast, sink->picture.next);
	const size_t count = picture_take(&sink->picture, frame_ref(frame), out);
	if (sink->picture.shown != former.shown) {
		fanout_unsubscribe(channel, (enum track)former.shown);
		fanout_wait_for_wanted(channel);
	}
	for (size_t i = 0; i < count && sink->channel == channel; i++)
		if (picture_fits(&sink->picture, out[i]))
			sink->ops->frame(sink, out[i]);
	for (size_t i = 0; i < count; i++)
		frame_unref(out[i]);
}

void fanout_deliver_picture(struct fanout_channel *channel, struct sink *sink, struct frame *frame)
{
	struct sink_picture *picture = &sink->picture;
	if (picture->next != picture->shown || picture->held_count) {
		deliver_changing(channel, sink, frame);
	} else if (frame->rendition == picture->shown && picture_fits(picture, frame)) {
		picture->shown_us = frame->dts_us;
		sink->ops->frame(sink, frame);
	}
}

void fanout_begin_picture(struct fanout_channel *channel, struct sink *sink)
{
	const struct picture_choice choice = picture_choose(&sink->picture, &channel->table);
	sink->picture.shown = sink->picture.next = choice.first;
	subscribe_picture(channel, &sink->picture);
}

void fanout_end_picture(struct fanout_channel *channel, struct sink *sink)
{
	picture_drop(&sink->picture);
	unsubscribe_picture(channel, &sink->picture);
}

void fanout_want(struct sink *sink, int slot)
{
	sink->picture.wanted = (uint8_t)(slot + 1);
	if (sink->channel && !sink->skip_video)
		fanout_choose(sink->channel, sink);
}

const struct rendition_table *fanout_renditions(const struct sink *sink)
{
	return sink->channel ? &sink->channel->table : NULL;
}
