#include "signaling/sctp.h"

#include "server/core/alloc.h"
#include "server/core/bits.h"
#include "server/core/buf.h"
#include "signaling/sctp_crc32c.h"
#include "signaling/sctp_library.h"
#include "signaling/sctp_slot.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	TICK_US = 50000,
	INIT_WAIT_US = 1000000, /* browsers send INIT at once, some peers wait for ours */
	HEADER_SIZE = 12, /* RFC 9260 §3.1: ports, tag, checksum */
	CHECKSUM_AT = 8,
};

/* What usrsctp reported inside of its callback, where it must not be called. */
enum event_type { EVENT_UP, EVENT_GONE, EVENT_TOO_LONG, EVENT_RESET, EVENT_DATA };

struct event {
	struct list link;
	struct sctp_slot *slot;
	enum event_type type;
	uint16_t stream;
	uint32_t ppid;
	uint32_t association;
	struct buf *data;
};

/* ---- slots ---- */

static struct sctp_slot *slot_of(const struct sctp_hub *hub, uint16_t id)
{
	return id < hub->size ? hub->slots[id] : NULL;
}

/* Id 0 is no port. */
static size_t find_free(struct sctp_hub *hub)
{
	for (size_t i = 0; i < hub->size; i++) {
		const size_t id = (hub->next + i) % hub->size;
		if (id && !hub->slots[id]) {
			hub->next = id + 1;
			return id;
		}
	}
	if (hub->size > SCTP_SLOTS_MAX)
		return 0;
	const size_t old = hub->size;
	hub->size = old ? old * 2 : 64;
	hub->slots = xrealloc(hub->slots, hub->size * sizeof(struct sctp_slot *));
	memset(hub->slots + old, 0, (hub->size - old) * sizeof(struct sctp_slot *));
	hub->next = (old ? old : 1) + 1;
	return old ? old : 1;
}

int sctp_hub_attach(struct sctp_hub *hub, void *arg, struct sctp_slot **out)
{
	if (hub->stats.slots == SCTP_SLOTS_MAX)
		return -ENOBUFS;
	const size_t id = find_free(hub);
	struct sctp_slot *slot = xcalloc(1, sizeof(*slot));
	slot->hub = hub;
	slot->arg = arg;
	slot->id = (uint16_t)id;
	slot->since_us = loop_now_us(hub->loop);
	list_init(&slot->queue);
	list_append(&hub->waiting, &slot->wait_link);
	bytes_init(&slot->partial, SCTP_MESSAGE_IN_MAX);
	hub->slots[id] = slot;
	if (!hub->stats.slots++) {
		/* The library's clock stood while there was nobody; timers that it starts now
		 * must not be due at once. */
		sctp_library_tick(slot->since_us);
		timer_start(&hub->tick, TICK_US);
	}
	*out = slot;
	return 0;
}

struct sockaddr_conn sctp_slot_address(const struct sctp_slot *slot)
{
	return (struct sockaddr_conn){
		.sconn_family = AF_CONN,
		.sconn_port = slot->id,
		.sconn_addr = slot->hub,
	};
}

void sctp_slot_connect(struct sctp_slot *slot)
{
	struct sockaddr_conn to = sctp_slot_address(slot);
	if (slot->connecting || slot->state != SLOT_NEW)
		return;
	slot->connecting = true;
	usrsctp_connect(slot->hub->socket, (struct sockaddr *)&to, sizeof(to));
}

/* Without an association the library answers ENOENT, which is as well. */
static void abort_slot(struct sctp_slot *slot)
{
	struct sockaddr_conn to = sctp_slot_address(slot);
	struct sctp_sendv_spa spa = {
		.sendv_flags = SCTP_SEND_SNDINFO_VALID,
		.sendv_sndinfo.snd_flags = SCTP_ABORT,
	};
	usrsctp_sendv(slot->hub->socket, "", 0, (struct sockaddr *)&to, 1, &spa, sizeof(spa),
		      SCTP_SENDV_SPA, 0);
}

static void event_free(struct event *event)
{
	list_remove(&event->link);
	buf_unref(event->data);
	free(event);
}

void sctp_hub_detach(struct sctp_slot *slot)
{
	if (!slot)
		return;
	struct sctp_hub *hub = slot->hub;
	if (slot->state != SLOT_GONE)
		abort_slot(slot);
	list_for_each_safe (link, &hub->inbox) {
		struct event *event = list_entry(link, struct event, link);
		if (event->slot == slot)
			event_free(event);
	}
	sctp_queue_clear(slot);
	sctp_channel_finish(slot);
	list_remove(&slot->wait_link);
	bytes_finish(&slot->partial);
	hub->slots[slot->id] = NULL;
	hub->stats.slots--;
	free(slot);
}

/* ---- out ---- */

static int on_output(void *arg, void *data, size_t len, uint8_t tos, uint8_t set_df)
{
	(void)tos;
	(void)set_df;
	struct sctp_hub *hub = arg;
	uint8_t *packet = data;
	uint16_t id;
	if (len < HEADER_SIZE)
		return 0;
	memcpy(&id, packet + 2, sizeof(id));
	struct sctp_slot *slot = slot_of(hub, id);
	if (!slot)
		return 0;
	const uint16_t port = htons(SCTP_PORT);
	memcpy(packet, &port, sizeof(port));
	memcpy(packet + 2, &port, sizeof(port));
	memset(packet + CHECKSUM_AT, 0, 4);
	const uint32_t crc = sctp_crc32c(packet, len);
	for (int i = 0; i < 4; i++)
		packet[CHECKSUM_AT + i] = (uint8_t)(crc >> 8 * i); /* RFC 9260 appendix A */
	hub->stats.packets_out++;
	hub->ops->packet_out(slot->arg, packet, len);
	return 0;
}

/* ---- events out of the library ---- */

static void keep_event(struct sctp_slot *slot, const struct event *event)
{
	struct event *copy = xcalloc(1, sizeof(*copy));
	*copy = *event;
	copy->slot = slot;
	list_append(&slot->hub->inbox, &copy->link);
}

static void on_association_change(struct sctp_slot *slot, const struct sctp_assoc_change *change)
{
	const bool up = change->sac_state == SCTP_COMM_UP || change->sac_state == SCTP_RESTART;
	keep_event(slot, &(struct event){ .type = up ? EVENT_UP : EVENT_GONE,
					  .association = change->sac_assoc_id });
}

static void on_stream_reset(struct sctp_slot *slot, const struct sctp_stream_reset_event *reset)
{
	const size_t fixed = sizeof(*reset);
	if (!(reset->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) ||
	    reset->strreset_length < fixed)
		return;
	const size_t count = (reset->strreset_length - fixed) / sizeof(uint16_t);
	for (size_t i = 0; i < count; i++)
		keep_event(slot, &(struct event){ .type = EVENT_RESET,
						  .stream = reset->strreset_stream_list[i] });
}

static void on_notification(struct sctp_slot *slot, const union sctp_notification *notification,
			    size_t len)
{
	if (len < sizeof(notification->sn_header) || len < notification->sn_header.sn_length)
		return;
	if (notification->sn_header.sn_type == SCTP_ASSOC_CHANGE)
		on_association_change(slot, &notification->sn_assoc_change);
	else if (notification->sn_header.sn_type == SCTP_STREAM_RESET_EVENT)
		on_stream_reset(slot, &notification->sn_strreset_event);
}

static void on_piece(struct sctp_slot *slot, const void *data, size_t len,
		     const struct sctp_rcvinfo *info, bool last)
{
	struct bytes *partial = &slot->partial;
	/* The library finishes a message before it delivers the next one. */
	if (partial->len && slot->partial_stream != info->rcv_sid)
		bytes_clear(partial);
	slot->partial_stream = info->rcv_sid;
	bytes_put(partial, data, len);
	if (!bytes_ok(partial)) {
		keep_event(slot, &(struct event){ .type = EVENT_TOO_LONG });
	} else if (last) {
		keep_event(slot, &(struct event){ .type = EVENT_DATA,
						  .stream = info->rcv_sid,
						  .ppid = ntohl(info->rcv_ppid),
						  .data = buf_from_bytes(partial) });
		bytes_clear(partial);
	}
}

/* The signature is usrsctp's. NOLINTNEXTLINE(readability-function-size) */
static int on_receive(struct socket *socket, union sctp_sockstore from, void *data, size_t len,
		      struct sctp_rcvinfo info, int flags, void *arg)
{
	(void)socket;
	struct sctp_hub *hub = arg;
	struct sctp_slot *slot = slot_of(hub, from.sconn.sconn_port);
	if (data && slot) {
		if (flags & MSG_NOTIFICATION)
			on_notification(slot, data, len);
		else
			on_piece(slot, data, len, &info, flags & MSG_EOR);
	}
	free(data);
	return 1;
}

/* ---- events to the owner ---- */

static void association_gone(struct sctp_slot *slot)
{
	if (slot->state == SLOT_GONE)
		return;
	slot->state = SLOT_GONE;
	slot->open = slot->opening = 0;
	slot->hub->ops->closed(slot->arg);
}

static void association_up(struct sctp_slot *slot, uint32_t association)
{
	slot->association = association;
	if (slot->state != SLOT_NEW)
		return;
	slot->state = SLOT_UP;
	list_remove(&slot->wait_link);
	sctp_channel_up(slot);
}

static void dispatch(struct sctp_slot *slot, const struct event *event)
{
	switch (event->type) {
	case EVENT_UP:
		association_up(slot, event->association);
		break;
	case EVENT_TOO_LONG:
		if (slot->state != SLOT_GONE)
			abort_slot(slot);
		association_gone(slot);
		break;
	case EVENT_GONE:
		association_gone(slot);
		break;
	case EVENT_RESET:
		sctp_channel_reset(slot, event->stream);
		break;
	case EVENT_DATA:
		if (event->data)
			sctp_channel_data(slot, event->stream, event->ppid, event->data);
		break;
	}
}

static void drain(struct sctp_hub *hub)
{
	if (hub->draining)
		return;
	hub->draining = true;
	while (!list_empty(&hub->inbox)) {
		struct event *event = list_entry(hub->inbox.next, struct event, link);
		list_remove(&event->link);
		dispatch(event->slot, event);
		event_free(event);
	}
	hub->draining = false;
}

/* ---- in ---- */

void sctp_hub_feed(struct sctp_slot *slot, const uint8_t *packet, size_t len)
{
	struct sctp_hub *hub = slot->hub;
	uint8_t copy[SCTP_PACKET_MAX];
	struct bits bits;
	bits_init(&bits, packet, len);
	bits_skip(&bits, CHECKSUM_AT);
	const uint32_t crc = bits_le32(&bits);
	if (!bits_ok(&bits) || len > sizeof(copy) || slot->state == SLOT_GONE) {
		hub->stats.packets_bad++;
		return;
	}
	memcpy(copy, packet, len);
	memset(copy + CHECKSUM_AT, 0, 4);
	if (sctp_crc32c(copy, len) != crc) {
		hub->stats.packets_bad++;
		return;
	}
	const uint16_t port = htons(SCTP_PORT), id = slot->id;
	memcpy(copy, &id, sizeof(id));
	memcpy(copy + 2, &port, sizeof(port));
	hub->stats.packets_in++;
	usrsctp_conninput(hub, copy, len, 0);
	/* Callbacks may detach the slot, so this comes first. */
	sctp_queue_pump(slot);
	drain(hub);
}

static void on_tick(void *arg)
{
	struct sctp_hub *hub = arg;
	const int64_t now_us = loop_now_us(hub->loop);
	if (hub->stats.slots)
		timer_again(&hub->tick, TICK_US);
	while (!list_empty(&hub->waiting)) {
		struct sctp_slot *slot = list_entry(hub->waiting.next, struct sctp_slot, wait_link);
		if (now_us - slot->since_us < INIT_WAIT_US)
			break;
		list_remove(&slot->wait_link);
		sctp_slot_connect(slot);
	}
	sctp_library_tick(now_us);
	drain(hub);
}

/* ---- the hub ---- */

int sctp_hub_create(struct sctp_hub **out, struct loop *loop, const struct sctp_hub_ops *ops)
{
	static const struct sctp_library_ops library = {
		.output = on_output,
		.receive = on_receive,
	};
	struct sctp_hub *hub = xcalloc(1, sizeof(*hub));
	hub->loop = loop;
	hub->ops = ops;
	list_init(&hub->waiting);
	list_init(&hub->inbox);
	timer_init_lazy(&hub->tick, loop, on_tick, hub);
	const int err = sctp_library_open(&hub->socket, hub, &library);
	if (err) {
		free(hub);
		return err;
	}
	*out = hub;
	return 0;
}

void sctp_hub_stats(const struct sctp_hub *hub, struct sctp_hub_stats *out)
{
	*out = hub->stats;
}

void sctp_hub_destroy(struct sctp_hub *hub)
{
	if (!hub)
		return;
	assert(hub->stats.slots == 0);
	timer_stop(&hub->tick);
	sctp_library_close(hub->socket, hub);
	free(hub->slots);
	free(hub);
}
