#include "load-tests/swarm/data_channel.h"

#include "server/core/buf.h"
#include "signaling/peer.h"

#include <errno.h>

static void on_packet_out(void *arg, const uint8_t *packet, size_t len)
{
	struct data_channel *channel = arg;
	if (channel->peer)
		peer_send_sctp(channel->peer, packet, len);
}

static void on_open(void *arg, uint16_t stream, const char *label)
{
	(void)label;
	struct data_channel *channel = arg;
	channel->open = true;
	channel->stream = stream;
	if (channel->opened)
		channel->opened(channel->arg);
}

static void on_message(void *arg, uint16_t stream, const char *text, size_t len)
{
	(void)stream;
	struct data_channel *channel = arg;
	channel->messages++;
	if (channel->message)
		channel->message(channel->arg, text, len);
}

static void on_channel_closed(void *arg, uint16_t stream)
{
	(void)stream;
	struct data_channel *channel = arg;
	channel->open = false;
}

static void on_closed(void *arg)
{
	data_channel_close(arg);
}

static const struct sctp_hub_ops hub_ops = {
	.packet_out = on_packet_out,
	.open = on_open,
	.message = on_message,
	.channel_closed = on_channel_closed,
	.closed = on_closed,
};

int data_channel_hub(struct sctp_hub **out, struct loop *loop)
{
	return sctp_hub_create(out, loop, &hub_ops);
}

int data_channel_open(struct data_channel *channel, struct sctp_hub *hub, struct peer *peer,
		      bool dtls_client)
{
	channel->peer = peer;
	const int err = sctp_hub_attach(hub, channel, &channel->slot);
	return err ? err : sctp_hub_open(channel->slot, "souk", dtls_client);
}

void data_channel_feed(struct data_channel *channel, const uint8_t *packet, size_t len)
{
	if (channel->slot)
		sctp_hub_feed(channel->slot, packet, len);
}

int data_channel_send(struct data_channel *channel, const char *text, size_t len)
{
	if (!channel->slot || !channel->open)
		return -ENOTCONN;
	struct buf *buf = buf_copy(text, len);
	const int err = buf ? sctp_hub_send_text(channel->slot, channel->stream, buf) : -ENOMEM;
	buf_unref(buf);
	return err;
}

void data_channel_close(struct data_channel *channel)
{
	sctp_hub_detach(channel->slot);
	channel->slot = NULL;
	channel->open = false;
}

void data_channel_vanish(struct data_channel *channel)
{
	channel->peer = NULL;
	data_channel_close(channel);
}
