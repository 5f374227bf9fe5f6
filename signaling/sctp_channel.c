#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "signaling/dcep.h"
#include "signaling/sctp_slot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void send_control(struct sctp_slot *slot, uint16_t stream, const void *data, size_t len)
{
	struct buf *buf = buf_copy(data, len);
	if (!buf)
		return;
	sctp_queue_put(slot, buf, stream, DCEP_PPID);
	buf_unref(buf);
}

int sctp_hub_send_text(struct sctp_slot *slot, uint16_t stream, struct buf *text)
{
	if (slot->state != SLOT_UP || stream >= SCTP_STREAMS || !(slot->open >> stream & 1))
		return -ENOTCONN;
	if (text->len > SCTP_MESSAGE_OUT_MAX)
		return -EMSGSIZE;
	if (slot->queued >= SCTP_QUEUE_MAX) {
		slot->hub->stats.refused++;
		return -ENOBUFS;
	}
	slot->hub->stats.messages_out++;
	if (text->len)
		return sctp_queue_put(slot, text, stream, DCEP_PPID_TEXT);
	/* RFC 8831 §6.6: SCTP has no empty messages. */
	struct buf *zero = buf_copy("", 1);
	const int err = zero ? sctp_queue_put(slot, zero, stream, DCEP_PPID_TEXT_EMPTY) : -ENOMEM;
	buf_unref(zero);
	return err;
}

static void send_open(struct sctp_slot *slot, uint16_t stream)
{
	uint8_t message[DCEP_SIZE_MAX];
	const size_t len = dcep_write_open(message, slot->labels[stream]);
	send_control(slot, stream, message, len);
}

int sctp_hub_open(struct sctp_slot *slot, const char *label, bool dtls_client)
{
	if (strlen(label) > DCEP_LABEL_MAX || slot->state == SLOT_GONE)
		return -EINVAL;
	uint16_t stream = dtls_client ? 0 : 1;
	while (stream < SCTP_STREAMS && ((slot->open | slot->opening) >> stream & 1))
		stream += 2;
	if (stream >= SCTP_STREAMS)
		return -ENOBUFS;
	slot->opening |= (uint16_t)(1u << stream);
	slot->labels[stream] = xstrdup(label);
	if (slot->state == SLOT_UP)
		send_open(slot, stream);
	else
		sctp_slot_connect(slot);
	return 0;
}

void sctp_channel_up(struct sctp_slot *slot)
{
	for (unsigned i = 0; i < SCTP_STREAMS; i++)
		if (slot->opening >> i & 1)
			send_open(slot, (uint16_t)i);
}

static void take_control(struct sctp_slot *slot, uint16_t stream, const struct buf *data)
{
	struct dcep message;
	const uint16_t bit = (uint16_t)(1u << stream);
	if (dcep_parse(&message, data->data, data->len) || slot->open & bit)
		return;
	if (message.type == DCEP_OPEN) {
		uint8_t ack[DCEP_ACK_SIZE];
		if (slot->queued >= SCTP_QUEUE_MAX) /* opens and closes, and takes no answer */
			return;
		slot->open |= bit;
		send_control(slot, stream, ack, dcep_write_ack(ack));
		slot->hub->ops->open(slot->arg, stream, message.label);
	} else if (slot->opening & bit) {
		char *label = slot->labels[stream];
		slot->labels[stream] = NULL;
		slot->opening &= (uint16_t)~bit;
		slot->open |= bit;
		slot->hub->ops->open(slot->arg, stream, label);
		free(label);
	}
}

void sctp_channel_data(struct sctp_slot *slot, uint16_t stream, uint32_t ppid,
		       const struct buf *data)
{
	if (stream >= SCTP_STREAMS || slot->state != SLOT_UP)
		return;
	if (ppid == DCEP_PPID) {
		take_control(slot, stream, data);
		return;
	}
	/* Some libraries send all as binary; an empty message has a byte that means nothing. */
	const bool filled = ppid == DCEP_PPID_TEXT || ppid == DCEP_PPID_BINARY;
	const bool empty = ppid == DCEP_PPID_TEXT_EMPTY || ppid == DCEP_PPID_BINARY_EMPTY;
	if (!(slot->open >> stream & 1) || (!filled && !empty))
		return;
	slot->hub->stats.messages_in++;
	slot->hub->ops->message(slot->arg, stream, (const char *)data->data,
				filled ? data->len : 0);
}

/* RFC 8831 §6.7: a channel is closed by resetting the stream in both directions. */
void sctp_channel_reset(struct sctp_slot *slot, uint16_t stream)
{
	union {
		struct sctp_reset_streams reset;
		uint8_t room[sizeof(struct sctp_reset_streams) + sizeof(uint16_t)];
	} request = {
		.reset = { .srs_assoc_id = slot->association,
			   .srs_flags = SCTP_STREAM_RESET_OUTGOING,
			   .srs_number_streams = 1 },
	};
	if (stream >= SCTP_STREAMS || !(slot->open >> stream & 1))
		return;
	slot->open &= (uint16_t) ~(1u << stream);
	request.reset.srs_stream_list[0] = stream;
	usrsctp_setsockopt(slot->hub->socket, IPPROTO_SCTP, SCTP_RESET_STREAMS, &request,
			   sizeof(request));
	slot->hub->ops->channel_closed(slot->arg, stream);
}

void sctp_channel_finish(struct sctp_slot *slot)
{
	for (int i = 0; i < SCTP_STREAMS; i++)
		free(slot->labels[i]);
}
