/* What stays in the buses for now, so that each reader gets more of it in one turn. */
#include "media/broadcast.h"
#include "media/fanout_state.h"

enum { PICTURES = (1u << TRACK_AAC) - 1 /* a bit for each track of them */ };

static uint64_t unread(const struct fanout_channel *channel, enum track track)
{
	if (!channel->wanting[track])
		return 0;
	const uint64_t head = bus_head(broadcast_bus(channel->broadcast, track));
	return head > channel->cursor[track] ? head - channel->cursor[track] : 0;
}

/* How long Opus, and a picture whose Opus is being made, may wait; 0: not at all. */
static int64_t company_wait_us(const struct fanout_channel *channel, unsigned news)
{
	const int64_t now_us = channel->woken_us;
	if (news & PICTURES) {
		const bool late = channel->sound_late_us &&
				  now_us - channel->sound_late_us < FANOUT_SOUND_LATE_US;
		const bool due = channel->wanting[TRACK_OPUS] && !late &&
				 broadcast_opus_due(channel->broadcast);
		return due ? FANOUT_PICTURE_WAIT_US : 0;
	}
	const bool alone = now_us - channel->picture_us > FANOUT_SOUND_ALONE_US;
	if (alone || !(news >> TRACK_OPUS & 1))
		return 0;
	if (channel->fanout->stats.busy)
		return FANOUT_SOUND_WAIT_BUSY_US;
	return channel->opus_passed_on ? 0 : FANOUT_SOUND_WAIT_US;
}

/* The same for everything that readers who gather have not got yet. A picture ends it; the limit is
 * for shows that have none, or none any more. */
static int64_t gathering_wait_us(const struct fanout_channel *channel, unsigned news)
{
	/* A little early is in time: the picture that makes it full must not miss by its jitter. */
	const int64_t due_us = channel->picture_us + channel->batch_us - channel->batch_us / 8;
	const bool picture_due = channel->woken_us >= due_us;
	if (!news || (picture_due && news & PICTURES) ||
	    broadcast_ends(channel->broadcast) != channel->ends)
		return 0;
	for (int i = 0; i < FRAME_TRACKS; i++)
		if (unread(channel, (enum track)i) >= TRACK_BATCH)
			return 0;
	return channel->batch_us + FANOUT_GATHER_US;
}

static void on_over(void *arg)
{
	struct fanout_channel *channel = arg;
	channel->dirty = true;
	loop_defer(channel->fanout->loop, &channel->fanout->more);
}

void fanout_wait_init(struct fanout_channel *channel)
{
	timer_init(&channel->wait, channel->fanout->loop, on_over, channel);
}

unsigned fanout_ready(struct fanout_channel *channel)
{
	unsigned news = 0;
	for (int i = 0; i < FRAME_TRACKS; i++)
		news |= unread(channel, (enum track)i) ? 1u << i : 0;
	const int64_t now_us = channel->woken_us;
	const int64_t wait_us = channel->gathers ? gathering_wait_us(channel, news)
						 : company_wait_us(channel, news);
	if (wait_us && (!channel->wait_until_us || now_us + wait_us < channel->wait_until_us)) {
		channel->wait_until_us = now_us + wait_us;
		timer_start_at(&channel->wait, channel->wait_until_us);
	}
	if (wait_us && now_us < channel->wait_until_us)
		return 0;
	if (wait_us && !channel->gathers && news & PICTURES)
		channel->sound_late_us = now_us;
	channel->wait_until_us = 0;
	timer_stop(&channel->wait);
	return news;
}
