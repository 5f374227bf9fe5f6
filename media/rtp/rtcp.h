/*
 * Reading RTCP: compound and reduced-size packets (RFC 3550 §6, RFC 5506), feedback (RFC 4585,
 * RFC 5104, REMB) and extended reports (RFC 3611). A caller walks the packets with rtcp_next() and
 * reads the kinds it cares for; unknown ones are skipped by their length. Values; any thread.
 */
#ifndef SOUK_MEDIA_RTP_RTCP_H
#define SOUK_MEDIA_RTP_RTCP_H

#include "server/core/bits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rtcp_type {
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	RTCP_BYE = 203,
	RTCP_RTPFB = 205,
	RTCP_PSFB = 206,
	RTCP_XR = 207,
};

/* The five bits behind the version in feedback packets (RFC 4585 §6.2, §6.3). */
enum { RTPFB_NACK = 1, RTPFB_TWCC = 15, PSFB_PLI = 1, PSFB_FIR = 4, PSFB_AFB = 15 };

struct rtcp_packet {
	uint8_t type;
	uint8_t count; /* report count, source count or feedback format */
	uint32_t ssrc; /* of the sender; 0 when the packet is too short to have one */
	struct bits body; /* behind that SSRC, without padding */
};

/* The next packet of the datagram: 1, 0 at its end, -EBADMSG when the rest is not RTCP. */
int rtcp_next(struct bits *datagram, struct rtcp_packet *out) __attribute__((warn_unused_result));

struct rtcp_report_block {
	uint32_t ssrc; /* whose packets are reported */
	uint8_t fraction_lost; /* of 256 */
	int32_t lost; /* cumulative; negative with duplicates */
	uint32_t highest_seq; /* extended */
	uint32_t jitter; /* in units of the RTP clock */
	uint32_t lsr; /* middle 32 bits of the last SR's NTP time; 0: none yet */
	uint32_t dlsr; /* 1/65536 s */
};

struct rtcp_sender_info {
	uint64_t ntp;
	uint32_t rtp;
	uint32_t packets;
	uint32_t bytes;
};

/* All readers take from packet->body and return false when nothing (more) is there. */
bool rtcp_read_sender_info(struct rtcp_packet *packet,
			   struct rtcp_sender_info *out); /* SR, first */
bool rtcp_read_report(struct rtcp_packet *packet, struct rtcp_report_block *out); /* SR, RR */

/* RTPFB and PSFB: the SSRC that is talked about, to be read first. */
uint32_t rtcp_read_media_ssrc(struct rtcp_packet *packet);
/* One NACK entry: `seq` and the bitmask of the 16 that follow. */
bool rtcp_read_nack(struct rtcp_packet *packet, uint16_t *seq, uint16_t *following);
bool rtcp_read_fir(struct rtcp_packet *packet, uint32_t *ssrc, uint8_t *request);
bool rtcp_read_remb(struct rtcp_packet *packet, uint64_t *bits_per_second);
/* BYE: whether it names this source. */
bool rtcp_bye_names(const struct rtcp_packet *packet, uint32_t ssrc);

/* Extended report: one block after the other; `body` is the block's content. */
enum { XR_RRTR = 4, XR_DLRR = 5 };
struct rtcp_xr_block {
	uint8_t type;
	struct bits body;
};
bool rtcp_read_xr(struct rtcp_packet *packet, struct rtcp_xr_block *out);
bool rtcp_read_rrtr(struct rtcp_xr_block *block, uint64_t *ntp);
bool rtcp_read_dlrr(struct rtcp_xr_block *block, uint32_t *ssrc, uint32_t *lrr, uint32_t *dlrr);

/* Round trip in microseconds by the echo of a time of ours (RFC 3550 §6.4.1, RFC 3611 §4.5):
 * `now`, `echo` and `delay` in 1/65536 s. Negative when the echo makes no sense. */
int64_t rtcp_round_trip_us(uint32_t now, uint32_t echo, uint32_t delay);

static inline uint32_t ntp_middle(uint64_t ntp)
{
	return (uint32_t)(ntp >> 16);
}

#endif
