/*
 * Building RTCP in a fixed buffer of one datagram: packets are appended one after the other; the
 * first that does not fit is left out as a whole and sets `full`. Compound or reduced-size is the
 * caller's choice by what it appends first. One owner, no allocation.
 */
#ifndef SOUK_MEDIA_RTP_RTCP_WRITER_H
#define SOUK_MEDIA_RTP_RTCP_WRITER_H

#include "media/rtp/rtcp.h"

enum { RTCP_DATAGRAM_MAX = 1200, RTCP_CNAME_MAX = 64 };

struct rtcp_writer {
	uint8_t data[RTCP_DATAGRAM_MAX];
	size_t len;
	bool full;
};

void rtcp_writer_init(struct rtcp_writer *writer);

void rtcp_write_sr(struct rtcp_writer *writer, uint32_t ssrc, const struct rtcp_sender_info *info);
void rtcp_write_rr(struct rtcp_writer *writer, uint32_t ssrc,
		   const struct rtcp_report_block *blocks, unsigned count); /* at most 31 */
/* One chunk with a CNAME for each source. */
void rtcp_write_sdes(struct rtcp_writer *writer, const uint32_t *ssrcs, unsigned count,
		     const char *cname);
void rtcp_write_bye(struct rtcp_writer *writer, const uint32_t *ssrcs, unsigned count);

/* `seqs` in ascending order (modulo 2^16); packed into as few entries as possible. Returns how many
 * of them fit. */
unsigned rtcp_write_nack(struct rtcp_writer *writer, uint32_t ssrc, uint32_t media_ssrc,
			 const uint16_t *seqs, unsigned count);
void rtcp_write_pli(struct rtcp_writer *writer, uint32_t ssrc, uint32_t media_ssrc);
void rtcp_write_fir(struct rtcp_writer *writer, uint32_t ssrc, uint32_t media_ssrc,
		    uint8_t request);
void rtcp_write_remb(struct rtcp_writer *writer, uint32_t ssrc, const uint32_t *media_ssrcs,
		     unsigned count, uint64_t bits_per_second);
void rtcp_write_rrtr(struct rtcp_writer *writer, uint32_t ssrc, uint64_t ntp);
void rtcp_write_dlrr(struct rtcp_writer *writer, uint32_t ssrc, uint32_t receiver_ssrc,
		     uint32_t lrr, uint32_t dlrr);
/* A feedback packet with a content made elsewhere (TWCC); `len` may be odd: padded (P bit). */
void rtcp_write_feedback(struct rtcp_writer *writer, enum rtcp_type type, uint8_t format,
			 const uint32_t ssrcs[2], const uint8_t *content, size_t len);

#endif
