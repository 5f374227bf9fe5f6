/* What a receiver says to its publisher, and what it hears from it beside the media. */
#include "media/rtp/rtcp_writer.h"
#include "media/rtp/rtp_packet.h"
#include "media/rtp/rtp_receiver_state.h"

int64_t rtp_receiver_rtt_us(const struct rtp_receiver *receiver)
{
	return receiver->stats.rtt_us >= 0 ? receiver->stats.rtt_us : RECEIVER_RTT_GUESS_US;
}

/* A reference time of ours that only we read again: the monotonic clock will do. */
static uint64_t reference_time(int64_t now_us)
{
	return ntp_from_utc_us(now_us);
}

static void send_rtcp(struct rtp_receiver *receiver, const struct rtcp_writer *writer)
{
	if (writer->len > 0)
		rtp_port_send_rtcp(&receiver->config.port, writer->data, writer->len);
}

static void send_nacks(struct rtp_receiver *receiver, struct receiver_stream *video)
{
	uint16_t seqs[RECEIVER_NACKS_MAX];
	if (!video->on || video->reorder.missing == 0)
		return;
	const unsigned count =
		rtp_reorder_nacks(&video->reorder, receiver->now_us, rtp_receiver_rtt_us(receiver),
				  seqs, RECEIVER_NACKS_MAX);
	if (count == 0)
		return;
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_nack(&writer, receiver->config.ssrc, video->ssrc, seqs, count);
	receiver->stats.nacks += count;
	send_rtcp(receiver, &writer);
}

void rtp_receiver_request_key(struct rtp_receiver *receiver, unsigned layer, int64_t now_us)
{
	struct receiver_stream *video = &receiver->stream[RTP_VIDEO + layer];
	const bool early =
		video->key_asked_us != 0 && now_us - video->key_asked_us < RECEIVER_KEY_INTERVAL_US;
	video->key_wanted = early || !video->on;
	if (video->key_wanted)
		return;
	video->key_asked_us = now_us;
	receiver->stats.plis++;
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_pli(&writer, receiver->config.ssrc, video->ssrc);
	send_rtcp(receiver, &writer);
}

static void send_twcc(struct rtp_receiver *receiver)
{
	enum rtp_track track = RTP_VIDEO;
	while (track < RTP_AUDIO && !receiver->stream[track].on)
		track++;
	while (receiver->twcc.news) {
		struct rtcp_writer writer;
		rtcp_writer_init(&writer);
		if (!twcc_write(&receiver->twcc, &writer, receiver->config.ssrc,
				receiver->stream[track].ssrc))
			return;
		send_rtcp(receiver, &writer);
	}
}

/* A simple ceiling for publishers without transport-wide feedback: follows losses down at once and
 * free paths up by 8 % a second. */
static void write_remb(struct rtp_receiver *receiver, struct rtcp_writer *writer,
		       const uint32_t *ssrcs, unsigned count, uint8_t worst_loss)
{
	if (worst_loss > 256 / 10)
		receiver->remb_bps = receiver->stats.bps - receiver->stats.bps * 15 / 100;
	else
		receiver->remb_bps += receiver->remb_bps * 8 / 100;
	if (receiver->remb_bps < RECEIVER_MIN_BPS)
		receiver->remb_bps = RECEIVER_MIN_BPS;
	if (receiver->remb_bps > receiver->config.max_bps)
		receiver->remb_bps = receiver->config.max_bps;
	rtcp_write_remb(writer, receiver->config.ssrc, ssrcs, count, receiver->remb_bps);
}

static void send_reports(struct rtp_receiver *receiver)
{
	struct rtcp_report_block blocks[RTP_TRACKS];
	uint32_t ssrcs[RTP_TRACKS];
	unsigned count = 0;
	uint8_t worst_loss = 0;
	for (int track = 0; track < RTP_TRACKS; track++) {
		struct receiver_stream *stream = &receiver->stream[track];
		if (!stream->on || !stream->reception.started)
			continue;
		ssrcs[count] = stream->ssrc;
		blocks[count] =
			rtp_reception_report(&stream->reception, stream->ssrc, receiver->now_us);
		if (blocks[count].fraction_lost > worst_loss)
			worst_loss = blocks[count].fraction_lost;
		count++;
	}
	if (count == 0)
		return;
	const uint32_t own = receiver->config.ssrc;
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_rr(&writer, own, blocks, count);
	rtcp_write_sdes(&writer, &own, 1, receiver->config.cname);
	if (!receiver->config.transport_cc_id)
		write_remb(receiver, &writer, ssrcs, count, worst_loss);
	rtcp_write_rrtr(&writer, own, reference_time(receiver->now_us));
	send_rtcp(receiver, &writer);
}

/* What a stream still waits for. */
static int64_t stream_due_us(const struct receiver_stream *stream, int64_t now_us)
{
	int64_t due_us = INT64_MAX;
	if (stream->on && stream->reorder.missing > 0)
		due_us = now_us + RECEIVER_GAP_TICK_US;
	const int64_t key_us = stream->key_asked_us + RECEIVER_KEY_INTERVAL_US;
	if (stream->key_wanted && key_us > now_us && key_us < due_us)
		due_us = key_us;
	return due_us;
}

int64_t rtp_receiver_feedback(struct rtp_receiver *receiver)
{
	const int64_t now_us = receiver->now_us;
	for (unsigned layer = 0; layer < RTP_LAYERS_MAX; layer++) {
		send_nacks(receiver, &receiver->stream[RTP_VIDEO + layer]);
		if (receiver->stream[RTP_VIDEO + layer].key_wanted)
			rtp_receiver_request_key(receiver, layer, now_us);
	}
	if (receiver->twcc.news && now_us >= receiver->next_twcc_us) {
		send_twcc(receiver);
		receiver->next_twcc_us = now_us + RECEIVER_TWCC_US;
	}
	if (now_us >= receiver->next_report_us) {
		send_reports(receiver);
		receiver->next_report_us = now_us + RECEIVER_REPORT_US;
	}
	int64_t due_us = receiver->next_report_us;
	if (receiver->twcc.news && receiver->next_twcc_us < due_us)
		due_us = receiver->next_twcc_us;
	for (int track = 0; track < RTP_TRACKS; track++) {
		const int64_t stream_us = stream_due_us(&receiver->stream[track], now_us);
		due_us = stream_us < due_us ? stream_us : due_us;
	}
	return due_us;
}

static void on_sender_report(struct rtp_receiver *receiver, struct rtcp_packet *packet)
{
	struct rtcp_sender_info info;
	if (!rtcp_read_sender_info(packet, &info))
		return;
	for (int track = 0; track < RTP_TRACKS; track++) {
		struct receiver_stream *stream = &receiver->stream[track];
		if (!stream->on || stream->ssrc != packet->ssrc)
			continue;
		rtp_reception_sr(&stream->reception, info.ntp, receiver->now_us);
		struct rtp_sender_report report = {
			.track = (enum rtp_track)track,
			.host_utc_us = ntp_to_utc_us(info.ntp),
			.arrival_us = receiver->now_us,
			.rtt_us = receiver->stats.rtt_us,
		};
		/* RFC 3550 §6.4.1: a sender without a wall clock sets NTP to zero. */
		if (info.ntp == 0 ||
		    !rtp_timeline_report(&receiver->timeline, track, report.host_utc_us, info.rtp,
					 &report.source_us))
			continue;
		if (receiver->events->sender_report)
			receiver->events->sender_report(receiver->config.arg, &report);
	}
}

static void on_extended(struct rtp_receiver *receiver, struct rtcp_packet *packet)
{
	struct rtcp_xr_block block;
	uint32_t ssrc, lrr, dlrr;
	while (rtcp_read_xr(packet, &block)) {
		while (rtcp_read_dlrr(&block, &ssrc, &lrr, &dlrr)) {
			if (ssrc != receiver->config.ssrc)
				continue;
			const uint32_t now = ntp_middle(reference_time(receiver->now_us));
			const int64_t rtt_us = rtcp_round_trip_us(now, lrr, dlrr);
			if (rtt_us < 0)
				continue;
			receiver->stats.rtt_us = rtt_us;
			receiver->rtt_by_report = true;
		}
	}
}

static void on_bye(struct rtp_receiver *receiver, const struct rtcp_packet *packet)
{
	bool any = false, all = true;
	for (int track = 0; track < RTP_TRACKS; track++) {
		struct receiver_stream *stream = &receiver->stream[track];
		if (!stream->on)
			continue;
		const bool named = rtcp_bye_names(packet, stream->ssrc);
		any |= named && !stream->bye;
		stream->bye |= named;
		all &= stream->bye;
	}
	if (any && all && receiver->events->bye)
		receiver->events->bye(receiver->config.arg);
}

void rtp_receiver_rtcp(struct rtp_receiver *receiver, const void *data, size_t len)
{
	struct bits datagram;
	bits_init(&datagram, data, len);
	struct rtcp_packet packet;
	int more;
	while ((more = rtcp_next(&datagram, &packet)) > 0) {
		if (packet.type == RTCP_SR)
			on_sender_report(receiver, &packet);
		else if (packet.type == RTCP_XR)
			on_extended(receiver, &packet);
		else if (packet.type == RTCP_BYE)
			on_bye(receiver, &packet);
	}
	if (more < 0)
		receiver->stats.malformed++;
}
