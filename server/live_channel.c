#include "server/live_channel.h"

#include "commerce/rate_limit.h"
#include "server/channels.h"
#include "server/core/alloc.h"
#include "server/core/loop.h"
#include "server/live.h"
#include "server/rtc_session.h"
#include "server/worker.h"

#include <errno.h>
#include <stdlib.h>

struct live_channel {
	struct worker *worker;
	struct rtc_session *session;
	uint64_t id;
	struct jwt_claims claims;
	bool identified;
	struct token_bucket packets;
	bool open; /* `live` is in use */
	struct live live;
};

struct live_channel *live_channel_create(struct rtc_session *session,
					 const struct jwt_claims *claims)
{
	struct live_channel *channel = xcalloc(1, sizeof(*channel));
	channel->worker = session->worker;
	channel->session = session;
	channel->id = app_next_id(channel->worker->app);
	if (claims) {
		channel->claims = *claims;
		channel->identified = true;
	}
	map_set_u64(&channel->worker->channels, channel->id, channel);
	return channel;
}

void live_channel_attach(struct live_channel *channel)
{
	channel_note_attach(channel->worker, channel->id);
}

void live_channel_feed(struct live_channel *channel, const uint8_t *packet, size_t len)
{
	struct worker *worker = channel->worker;
	if (token_bucket_take(&channel->packets, LIVE_CHANNEL_PACKETS_S, LIVE_CHANNEL_PACKETS_BURST,
			      loop_now_us(worker->loop)))
		metric_add(worker->app->counters.channel_refused, 1);
	else
		channel_note_packet(worker, channel->id, packet, len);
}

void live_channel_packet(struct live_channel *channel, const uint8_t *packet, size_t len)
{
	rtc_session_send_sctp(channel->session, packet, len);
}

static int send_text(void *carrier, struct live_text *text)
{
	struct live_channel *channel = carrier;
	if (!channel->open)
		return -ENOTCONN;
	return channel_note_send(channel->worker, channel->id, text->text);
}

/* Without a channel the picture goes on: only SCTP is ended. */
static void end(void *carrier, int code, const char *reason)
{
	(void)code;
	(void)reason;
	struct live_channel *channel = carrier;
	channel_note_detach(channel->worker, channel->id);
}

static bool clock_of(void *carrier, const struct broadcast_clock *line, struct live_clock *out)
{
	const struct live_channel *channel = carrier;
	return rtc_session_clock(channel->session, line, out);
}

static const struct live_carrier_ops carrier_ops = {
	.send = send_text,
	.end = end,
	.clock = clock_of,
};

void live_channel_opened(struct live_channel *channel)
{
	if (channel->open)
		return;
	channel->open = true;
	live_init(&channel->live, channel->session->view,
		  channel->identified ? &channel->claims : NULL, &carrier_ops, channel);
	live_greet(&channel->live);
}

void live_channel_message(struct live_channel *channel, const char *text, size_t len)
{
	if (channel->open)
		live_receive(&channel->live, text, len);
}

void live_channel_behind(struct live_channel *channel)
{
	if (channel->open)
		live_fall_behind(&channel->live);
}

void live_channel_closed(struct live_channel *channel)
{
	if (!channel->open)
		return;
	channel->open = false;
	live_finish(&channel->live);
}

void live_channel_destroy(struct live_channel *channel)
{
	if (!channel)
		return;
	live_channel_closed(channel);
	map_remove_u64(&channel->worker->channels, channel->id);
	channel_note_detach(channel->worker, channel->id);
	free(channel);
}
