/*
 * A frame cut into RTP payloads once (RFC 6184 packetization-mode 1, RFC 7587), to be sent to
 * thousands: the pieces of all packets lie in one block, what differs from viewer to viewer is the
 * RTP header alone. Immutable; lives and dies with its frame. Any thread.
 */
#ifndef SOUK_MEDIA_RTP_RTP_IMAGE_H
#define SOUK_MEDIA_RTP_RTP_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame;

/* 1,232 bytes of UDP payload pass every IPv6 path (RFC 8200 §5: 1,280); 40 are left for the RTP
 * header with its extensions and 16 for the tag of SRTP. */
enum {
	RTP_UDP_MAX = 1232,
	RTP_HEADER_ROOM = 40,
	RTP_PAYLOAD_MAX = RTP_UDP_MAX - RTP_HEADER_ROOM - 16
};

struct rtp_piece {
	uint32_t at; /* in rtp_image.data */
	uint16_t len; /* with padding */
	bool marker; /* last packet of the frame */
	bool padded; /* ends in RTP padding, which makes all fragments of a NAL equally long (GSO)
		      */
};

struct rtp_image {
	const uint8_t *data;
	uint32_t len; /* sum of all payloads */
	uint32_t count;
	struct rtp_piece pieces[]; /* followed by the data */
};

/* The frame's image, made at the first call and published by compare-and-swap; owned by the frame.
 * NULL when the frame holds nothing to send, is malformed, or memory is short. */
const struct rtp_image *rtp_image_of(struct frame *frame);

/* For frame_unref() alone. Takes NULL. */
void rtp_image_destroy(struct rtp_image *image);

#endif
