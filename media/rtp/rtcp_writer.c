#include "media/rtp/rtcp_writer.h"

#include <string.h>

enum { HEADER_LEN = 4, REPORT_LEN = 24, REPORTS_MAX = 31 };

void rtcp_writer_init(struct rtcp_writer *writer)
{
	writer->len = 0;
	writer->full = false;
}

/* Appends the common header of a packet of `len` bytes in all (a multiple of 4) and returns where
 * its SSRC stands; NULL and full when it does not fit. */
static uint8_t *begin(struct rtcp_writer *writer, enum rtcp_type type, unsigned count, size_t len)
{
	if (len > sizeof(writer->data) - writer->len) {
		writer->full = true;
		return NULL;
	}
	uint8_t *at = writer->data + writer->len;
	writer->len += len;
	memset(at, 0, len);
	at[0] = (uint8_t)(2 << 6 | count);
	at[1] = (uint8_t)type;
	at[2] = (uint8_t)((len / 4 - 1) >> 8);
	at[3] = (uint8_t)(len / 4 - 1);
	return at + HEADER_LEN;
}

static uint8_t *put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	return put16(put16(at, value >> 16), value);
}

static uint8_t *put64(uint8_t *at, uint64_t value)
{
	return put32(put32(at, (uint32_t)(value >> 32)), (uint32_t)value);
}

void rtcp_write_sr(struct rtcp_writer *writer, uint32_t ssrc, const struct rtcp_sender_info *info)
{
	uint8_t *at = begin(writer, RTCP_SR, 0, 28);
	if (!at)
		return;
	at = put64(put32(at, ssrc), info->ntp);
	put32(put32(put32(at, info->rtp), info->packets), info->bytes);
}

void rtcp_write_rr(struct rtcp_writer *writer, uint32_t ssrc,
		   const struct rtcp_report_block *blocks, unsigned count)
{
	if (count > REPORTS_MAX)
		count = REPORTS_MAX;
	uint8_t *at = begin(writer, RTCP_RR, count, 8 + (size_t)count * REPORT_LEN);
	if (!at)
		return;
	at = put32(at, ssrc);
	for (unsigned i = 0; i < count; i++) {
		const struct rtcp_report_block *block = &blocks[i];
		at = put32(at, block->ssrc);
		at = put32(at, (uint32_t)block->fraction_lost << 24 |
				       ((uint32_t)block->lost & 0xffffff));
		at = put32(put32(at, block->highest_seq), block->jitter);
		at = put32(put32(at, block->lsr), block->dlsr);
	}
}

void rtcp_write_sdes(struct rtcp_writer *writer, const uint32_t *ssrcs, unsigned count,
		     const char *cname)
{
	const size_t len = strnlen(cname, RTCP_CNAME_MAX);
	/* RFC 3550 §6.5: each chunk ends in at least one zero and on a 32-bit boundary. */
	const size_t chunk = (4 + 2 + len + 1 + 3) / 4 * 4;
	uint8_t *at = begin(writer, RTCP_SDES, count, HEADER_LEN + chunk * count);
	for (unsigned i = 0; at && i < count; i++, at += chunk) {
		put32(at, ssrcs[i]);
		at[4] = 1; /* CNAME */
		at[5] = (uint8_t)len;
		memcpy(at + 6, cname, len);
	}
}

void rtcp_write_bye(struct rtcp_writer *writer, const uint32_t *ssrcs, unsigned count)
{
	uint8_t *at = begin(writer, RTCP_BYE, count, HEADER_LEN + (size_t)count * 4);
	for (unsigned i = 0; at && i < count; i++)
		at = put32(at, ssrcs[i]);
}

/* How many of the sequence numbers one entry covers, and its mask (RFC 4585 §6.2.1). */
static unsigned nack_entry(const uint16_t *seqs, unsigned count, uint16_t *mask)
{
	*mask = 0;
	unsigned covered = 1;
	for (; covered < count; covered++) {
		const uint16_t ahead = (uint16_t)(seqs[covered] - seqs[0]);
		if (ahead == 0 || ahead > 16)
			break;
		*mask |= (uint16_t)(1u << (ahead - 1));
	}
	return covered;
}

unsigned rtcp_write_nack(struct rtcp_writer *writer, uint32_t ssrc, uint32_t media_ssrc,
			 const uint16_t *seqs, unsigned count)
{
	const size_t room = sizeof(writer->data) - writer->len;
	const size_t entries_max = room > 12 ? (room - 12) / 4 : 0;
	size_t entries = 0;
	unsigned taken = 0;
	uint16_t mask;
	for (; taken < count && entries < entries_max; entries++)
		taken += nack_entry(seqs + taken, count - taken, &mask);
	if (entries == 0)
		return 0;
	uint8_t *at = begin(writer, RTCP_RTPFB, RTPFB_NACK, 12 + entries * 4);
	if (!at)
		return 0;
	at = put32(put32(at, ssrc), media_ssrc);
	for (unsigned i = 0; i < taken;) {
		const uint16_t seq = seqs[i];
		i += nack_entry(seqs + i, taken - i, &mask);
		at = put16(put16(at, seq), mask);
	}
	return taken;
}

void rtcp_write_pli(struct rtcp_writer *writer, uint32_t ssrc, uint32_t media_ssrc)
{
	uint8_t *at = begin(writer, RTCP_PSFB, PSFB_PLI, 12);
	if (at)
		put32(put32(at, ssrc), media_ssrc);
}

void rtcp_write_fir(struct rtcp_writer *writer, uint32_t ssrc, uint32_t media_ssrc, uint8_t request)
{
	uint8_t *at = begin(writer, RTCP_PSFB, PSFB_FIR, 20);
	if (!at)
		return;
	at = put32(put32(at, ssrc), 0); /* RFC 5104 §4.3.1.2: the media SSRC is unused */
	put32(put32(at, media_ssrc), (uint32_t)request << 24);
}

void rtcp_write_remb(struct rtcp_writer *writer, uint32_t ssrc, const uint32_t *media_ssrcs,
		     unsigned count, uint64_t bits_per_second)
{
	uint8_t *at = begin(writer, RTCP_PSFB, PSFB_AFB, 20 + (size_t)count * 4);
	if (!at)
		return;
	unsigned exponent = 0;
	for (; bits_per_second > 0x3ffff; exponent++)
		bits_per_second >>= 1;
	at = put32(put32(at, ssrc), 0);
	at = put32(at, 0x52454d42); /* "REMB" */
	at = put32(at, count << 24 | exponent << 18 | (uint32_t)bits_per_second);
	for (unsigned i = 0; i < count; i++)
		at = put32(at, media_ssrcs[i]);
}

void rtcp_write_rrtr(struct rtcp_writer *writer, uint32_t ssrc, uint64_t ntp)
{
	uint8_t *at = begin(writer, RTCP_XR, 0, 20);
	if (at)
		put64(put32(put32(at, ssrc), (uint32_t)XR_RRTR << 24 | 2), ntp);
}

void rtcp_write_dlrr(struct rtcp_writer *writer, uint32_t ssrc, uint32_t receiver_ssrc,
		     uint32_t lrr, uint32_t dlrr)
{
	uint8_t *at = begin(writer, RTCP_XR, 0, 24);
	if (!at)
		return;
	at = put32(put32(at, ssrc), (uint32_t)XR_DLRR << 24 | 3);
	put32(put32(put32(at, receiver_ssrc), lrr), dlrr);
}

void rtcp_write_feedback(struct rtcp_writer *writer, enum rtcp_type type, uint8_t format,
			 const uint32_t ssrcs[2], const uint8_t *content, size_t len)
{
	const size_t padding = (4 - len % 4) % 4;
	uint8_t *at = begin(writer, type, format, 12 + len + padding);
	if (!at)
		return;
	at = put32(put32(at, ssrcs[0]), ssrcs[1]);
	memcpy(at, content, len);
	if (padding) {
		at[len + padding - 1] = (uint8_t)padding;
		at[-12] |= 0x20;
	}
}
