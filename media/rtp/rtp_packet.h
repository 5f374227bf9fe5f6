/*
 * The RTP packet (RFC 3550 §5.1) with header extensions (RFC 8285), read in place and written as a
 * header in front of a shared payload. Values; any thread.
 */
#ifndef SOUK_MEDIA_RTP_RTP_PACKET_H
#define SOUK_MEDIA_RTP_RTP_PACKET_H

#include "server/core/bits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RTP_FIXED_HEADER = 12, RTP_EXTENSION_ID_MAX = 14 };

struct rtp_view {
	bool marker;
	uint8_t payload_type;
	uint16_t seq;
	uint32_t timestamp;
	uint32_t ssrc;
	uint16_t extension_profile; /* 0 when there is none */
	struct bits extensions;
	const uint8_t *payload; /* without padding */
	size_t payload_len; /* 0 in a packet of padding alone (bandwidth probes) */
};

/* RFC 5761 §4: RTCP packet types take 192..223 of the second byte, which RTP leaves alone. */
bool rtp_is_rtcp(const void *data, size_t len);

/* Points into `data`. -EBADMSG when it is not a whole RTP packet. */
int rtp_parse(struct rtp_view *out, const void *data, size_t len)
	__attribute__((warn_unused_result));

/* The content of extension `id`, one-byte or two-byte form; false when absent or malformed. */
bool rtp_extension(const struct rtp_view *view, uint8_t id, struct bits *out);

/* What stands in front of a payload. Extension elements are written with the one-byte form. */
struct rtp_header {
	uint8_t payload_type;
	uint32_t ssrc;
	/* 0: not sent; else min = max = 0, or as rtp_header_set_playout() says. */
	uint8_t playout_delay_id;
	uint8_t mid_id; /* 0: not sent */
	const char *mid; /* at most 8 characters */
	uint8_t rid_id; /* 0: not sent; the layer of a simulcast source (RFC 8852) */
	const char *rid; /* at most 8 characters */
	uint8_t abs_capture_id; /* 0: not sent; set per frame with rtp_header_set_capture() */
	/* 0: not sent; set per packet with rtp_header_set_transport(). Not beside playout_delay. */
	uint8_t transport_cc_id;
};

/* A header template with seq, timestamp and marker 0. Written length, <= RTP_HEADER_ROOM. */
size_t rtp_header_write(uint8_t out[64], const struct rtp_header *header);

/* abs-capture-time: UQ32.32 NTP time of the capture. Where it stands in a template; 0: it is not
 * sent. */
size_t rtp_header_capture_at(const struct rtp_header *header);
void rtp_header_set_capture(uint8_t *header, size_t at, int64_t capture_us);

/* The transport-wide sequence number, likewise. */
size_t rtp_header_transport_at(const struct rtp_header *header);
void rtp_header_set_transport(uint8_t *header, size_t at, uint16_t seq);

/* playout-delay, likewise: at least `min_ms`, at most `max_ms`, both below 40,960. */
size_t rtp_header_playout_at(const struct rtp_header *header);
void rtp_header_set_playout(uint8_t *header, size_t at, unsigned min_ms, unsigned max_ms);

/* The three fields that change from packet to packet. */
void rtp_header_patch(uint8_t *header, uint16_t seq, uint32_t timestamp, bool marker);
void rtp_header_set_padding(uint8_t *header);

/* NTP timestamp (RFC 3550 §4) of UTC microseconds, and back. */
uint64_t ntp_from_utc_us(int64_t utc_us);
int64_t ntp_to_utc_us(uint64_t ntp);

#endif
