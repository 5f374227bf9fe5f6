#include "load-tests/publish/sender_state.h"

#include "media/rtp/rtcp_writer.h"
#include "media/rtp/rtp_packet.h"

enum {
	/* The other side joins picture and sound by the first reports. */
	REPORT_QUICK_US = 200000,
	REPORT_QUICK_FOR_US = 3000000,
	REPORT_US = 1000000,
	NACK_BITS = 16,
};

/* ---- what we tell ---- */

static void write_report(struct sender *sender, const struct sender_stream *stream,
			 struct rtcp_writer *writer, int64_t now_us)
{
	const struct clock *clock = sender->config.clock;
	if (!stream->on || !stream->packets)
		return;
	const struct rtcp_sender_info info = {
		.ntp = ntp_from_utc_us(now_us + clock->utc_offset_us),
		.rtp = stream->base + (uint32_t)(now_us * (stream->rate / 1000) / 1000),
		.packets = stream->packets,
		.bytes = stream->octets,
	};
	rtcp_write_sr(writer, stream->ssrc, &info);
	rtcp_write_sdes(writer, &stream->ssrc, 1, sender->config.cname);
}

void sender_report(struct sender *sender, int64_t now_us)
{
	struct rtcp_writer writer;
	if (!sender->next_report_us || now_us < sender->next_report_us)
		return;
	const bool quick = now_us - sender->first_report_us < REPORT_QUICK_FOR_US;
	sender->next_report_us = now_us + (quick ? REPORT_QUICK_US : REPORT_US);
	rtcp_writer_init(&writer);
	write_report(sender, &sender->video, &writer, now_us);
	write_report(sender, &sender->audio, &writer, now_us);
	if (writer.len)
		rtp_port_send_rtcp(&sender->config.port, writer.data, writer.len);
}

void sender_bye(struct sender *sender)
{
	struct rtcp_writer writer;
	uint32_t ssrcs[3];
	unsigned count = 0;
	const struct sender_stream *streams[] = { &sender->video, &sender->audio, &sender->repair };
	for (unsigned i = 0; i < 3; i++)
		if (streams[i]->packets)
			ssrcs[count++] = streams[i]->ssrc;
	if (!count)
		return;
	rtcp_writer_init(&writer);
	rtcp_write_rr(&writer, ssrcs[0], NULL, 0); /* RFC 3550 §6.1: a compound begins with one */
	rtcp_write_bye(&writer, ssrcs, count);
	rtp_port_send_rtcp(&sender->config.port, writer.data, writer.len);
}

/* ---- what we are told ---- */

static void take_reports(struct sender *sender, struct rtcp_packet *packet, int64_t now_us)
{
	const uint64_t ntp = ntp_from_utc_us(now_us + sender->config.clock->utc_offset_us);
	struct rtcp_report_block block;
	while (rtcp_read_report(packet, &block)) {
		if (block.ssrc != sender->video.ssrc && block.ssrc != sender->audio.ssrc)
			continue;
		const int64_t rtt_us = rtcp_round_trip_us(ntp_middle(ntp), block.lsr, block.dlsr);
		if (rtt_us >= 0) {
			sender->stats.rtt_us = rtt_us;
			bandwidth_rtt(&sender->bandwidth, rtt_us);
		}
		if (block.ssrc != sender->video.ssrc)
			continue;
		sender->stats.lost = block.lost;
		if (!sender->numbered)
			bandwidth_report(&sender->bandwidth, block.fraction_lost, now_us);
	}
}

static void take_nacks(struct sender *sender, struct rtcp_packet *packet, int64_t now_us)
{
	uint16_t seq;
	uint16_t following;
	if (rtcp_read_media_ssrc(packet) != sender->video.ssrc)
		return;
	while (rtcp_read_nack(packet, &seq, &following)) {
		sender_repeat(sender, seq, now_us);
		for (unsigned i = 0; i < NACK_BITS; i++)
			if (following & 1u << i)
				sender_repeat(sender, (uint16_t)(seq + 1 + i), now_us);
	}
}

static void take_transport(struct sender *sender, struct rtcp_packet *packet, int64_t now_us)
{
	struct packet_fate fates[TWCC_FATES_MAX];
	rtcp_read_media_ssrc(packet);
	const int count = twcc_sent_feedback(&sender->sent, packet, fates);
	if (count < 0)
		return;
	sender->stats.feedbacks++;
	bandwidth_fates(&sender->bandwidth, fates, (unsigned)count, now_us);
}

static void take_picture_feedback(struct sender *sender, struct rtcp_packet *packet, int64_t now_us)
{
	uint64_t bps;
	if (packet->count == PSFB_PLI || packet->count == PSFB_FIR) {
		sender->stats.plis++;
		sender_ask_key(sender, now_us);
	} else if (packet->count == PSFB_AFB && !sender->numbered) {
		rtcp_read_media_ssrc(packet);
		if (rtcp_read_remb(packet, &bps) && bps <= INT64_MAX)
			bandwidth_remb(&sender->bandwidth, (int64_t)bps);
	}
}

static void take(struct sender *sender, struct rtcp_packet *packet, int64_t now_us)
{
	struct rtcp_sender_info info;
	switch (packet->type) {
	case RTCP_SR:
		if (!rtcp_read_sender_info(packet, &info))
			break;
		take_reports(sender, packet, now_us);
		break;
	case RTCP_RR:
		take_reports(sender, packet, now_us);
		break;
	case RTCP_RTPFB:
		if (packet->count == RTPFB_NACK)
			take_nacks(sender, packet, now_us);
		else if (packet->count == RTPFB_TWCC && sender->numbered)
			take_transport(sender, packet, now_us);
		break;
	case RTCP_PSFB:
		take_picture_feedback(sender, packet, now_us);
		break;
	default:
		break;
	}
}

void sender_rtcp(struct sender *sender, const void *data, size_t len)
{
	const int64_t now_us = clock_mono_us(sender->config.clock);
	struct bits datagram;
	struct rtcp_packet packet;
	bits_init(&datagram, data, len);
	while (rtcp_next(&datagram, &packet) == 1)
		take(sender, &packet, now_us);
}
