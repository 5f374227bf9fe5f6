#include "load-tests/publish/pacer.h"

#include "media/frame.h"
#include "server/core/alloc.h"

#include <stdlib.h>

enum { WIRE_OVERHEAD = 40 + 16 + 28 /* RTP with extensions, SRTP, UDP and IP */ };

struct out_packet *out_packet_create(struct frame *frame, const uint8_t *payload, uint16_t len)
{
	struct out_packet *packet = xcalloc(1, sizeof(*packet));
	list_init(&packet->link);
	packet->frame = frame ? frame_ref(frame) : NULL;
	packet->payload = payload;
	packet->payload_len = len;
	return packet;
}

size_t out_packet_size(const struct out_packet *packet)
{
	return packet->payload_len + WIRE_OVERHEAD;
}

void out_packet_destroy(struct out_packet *packet)
{
	if (!packet)
		return;
	list_remove(&packet->link);
	if (packet->frame)
		frame_unref(packet->frame);
	else
		free((uint8_t *)packet->payload);
	free(packet);
}

void pacer_init(struct pacer *pacer)
{
	*pacer = (struct pacer){ 0 };
	for (unsigned i = 0; i < PACER_CLASSES; i++)
		list_init(&pacer->queue[i]);
}

void pacer_finish(struct pacer *pacer)
{
	for (unsigned i = 0; i < PACER_CLASSES; i++) {
		list_for_each_safe (link, &pacer->queue[i])
			out_packet_destroy(list_entry(link, struct out_packet, link));
	}
}

void pacer_set_rate(struct pacer *pacer, int64_t bps)
{
	pacer->bps = bps * PACER_SPEED_PERCENT / 100;
}

bool pacer_push(struct pacer *pacer, enum pacer_class class, struct out_packet *packet)
{
	if (pacer->count >= PACER_PACKETS_MAX) {
		out_packet_destroy(packet);
		return false;
	}
	list_append(&pacer->queue[class], &packet->link);
	pacer->count++;
	pacer->bytes += out_packet_size(packet);
	return true;
}

static void refill(struct pacer *pacer, int64_t now_us)
{
	if (!pacer->filled_us)
		pacer->filled_us = now_us;
	const int64_t most = pacer->bps * PACER_BURST_US / 1000000;
	pacer->credit += pacer->bps * (now_us - pacer->filled_us) / 1000000;
	pacer->filled_us = now_us;
	if (pacer->credit > most)
		pacer->credit = most;
}

static struct out_packet *first(const struct pacer *pacer)
{
	/* Sound is small and does not wait. */
	const unsigned classes = pacer->credit > 0 ? PACER_CLASSES : PACER_SOUND + 1;
	for (unsigned i = 0; i < classes; i++)
		if (!list_empty(&pacer->queue[i]))
			return list_entry(pacer->queue[i].next, struct out_packet, link);
	return NULL;
}

struct out_packet *pacer_next(struct pacer *pacer, int64_t now_us)
{
	refill(pacer, now_us);
	struct out_packet *packet = first(pacer);
	if (!packet)
		return NULL;
	const size_t size = out_packet_size(packet);
	list_remove(&packet->link);
	pacer->count--;
	pacer->bytes -= size;
	pacer->credit -= (int64_t)size * 8;
	return packet;
}

int64_t pacer_wait_us(const struct pacer *pacer)
{
	return pacer->bps ? (int64_t)pacer->bytes * 8 * 1000000 / pacer->bps : 0;
}
