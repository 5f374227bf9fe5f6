/*
 * Spreads packets over time, so that a keyframe does not fill the queue of a narrow path at once:
 * a little faster than the estimate, sound first, then repeats, then pictures. Owns what waits in
 * it. Pure; one owner.
 */
#ifndef SOUK_LOAD_TESTS_PUBLISH_PACER_H
#define SOUK_LOAD_TESTS_PUBLISH_PACER_H

#include "media/rtp_port.h"
#include "server/core/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame;
struct sender_stream;

enum pacer_class { PACER_SOUND, PACER_REPEAT, PACER_PICTURE, PACER_CLASSES };

enum {
	PACER_SPEED_PERCENT = 150, /* of the estimate */
	PACER_BURST_US = 10000, /* unused time that may be caught up with */
	PACER_PACKETS_MAX = 8192, /* beyond: the newest is dropped */
};

/* A packet on its way: its header is completed when it leaves. */
struct out_packet {
	struct list link; // pacer.queue[]
	struct sender_stream *stream;
	struct frame *frame; /* holds the payload; NULL: payload is our own */
	const uint8_t *payload;
	uint16_t payload_len;
	bool marker, padded;
	uint32_t timestamp;
	int64_t capture_us; /* UTC */
	uint16_t seq; /* once sent */
	uint8_t header[RTP_HEADER_MAX]; /* as sent */
	uint8_t header_len; /* 0: not sent yet */
	uint8_t repeats;
	int64_t sent_us;
};

/* Takes its own reference to `frame`; without one `payload` is freed with the packet. */
struct out_packet *out_packet_create(struct frame *frame, const uint8_t *payload, uint16_t len);
size_t out_packet_size(const struct out_packet *packet); /* on the wire, about */
void out_packet_destroy(struct out_packet *packet); /* takes NULL */

struct pacer {
	struct list queue[PACER_CLASSES]; // out_packet.link
	unsigned count;
	size_t bytes;
	int64_t bps;
	int64_t credit; /* bits; negative: the last packet has not been paid yet */
	int64_t filled_us; /* 0: never */
};

void pacer_init(struct pacer *pacer);
void pacer_finish(struct pacer *pacer);

void pacer_set_rate(struct pacer *pacer, int64_t bps);
/* Takes the packet over; false and destroyed when there are too many. */
bool pacer_push(struct pacer *pacer, enum pacer_class class, struct out_packet *packet);
/* What may leave now, NULL when nothing; the caller owns it. */
struct out_packet *pacer_next(struct pacer *pacer, int64_t now_us);
/* How long what waits will take. */
int64_t pacer_wait_us(const struct pacer *pacer);

#endif
