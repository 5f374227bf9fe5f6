/* What a sender says and hears beside the media itself: reports, repetitions, keyframe requests. */
#include "media/rtp/rtcp_writer.h"
#include "media/rtp/rtp_packet.h"
#include "media/rtp/rtp_sender_state.h"

#include <string.h>

enum {
	REPAIR_RUN = 16,
	HOLE_MIN = 100, /* more missing packets are not repeated at once */
	VERY_LOSSY = 38, /* of 256: 15 %, of which two in a row are frequent */
	/* Browsers leave sound where it is once they find it less than 30 ms behind the picture.
	 * It comes from that side: told to be older, it ends in the middle (decisions 0016, 0023).
	 */
	SOUND_OLDER_US = 20000,
};

/* What the NACKs of one datagram ask for. */
struct wish {
	uint16_t seqs[SENDER_HOLE_MAX];
	unsigned count;
};

void rtp_sender_ask_key(struct rtp_sender *sender, int64_t now_us)
{
	if (sender->hushed)
		return;
	if (sender->key_asked_us != 0 && now_us - sender->key_asked_us < SENDER_KEY_INTERVAL_US)
		return;
	sender->key_asked_us = now_us;
	if (sender->config.request_key)
		sender->config.request_key(sender->config.arg);
}

static void send_rtcp(struct rtp_sender *sender, const struct rtcp_writer *writer)
{
	/* A report that does not get through is followed by the next one. */
	rtp_port_send_rtcp(&sender->config.port, writer->data, writer->len);
}

/* RTP timestamps are capture times: the report's pair says what would be captured at this moment.
 */
static void write_report(struct rtcp_writer *writer, const struct sender_stream *stream,
			 int64_t utc_us, int rate_khz, int64_t older_us)
{
	const int64_t ahead_us = utc_us - stream->newest_capture_us + older_us;
	const struct rtcp_sender_info info = {
		.ntp = ntp_from_utc_us(utc_us),
		.rtp = stream->newest_time + (uint32_t)(ahead_us * rate_khz / 1000),
		.packets = stream->packets,
		.bytes = stream->octets,
	};
	rtcp_write_sr(writer, stream->ssrc, &info);
}

void rtp_sender_report(struct rtp_sender *sender, int64_t now_us)
{
	if (!sender->video.started && !sender->audio.started)
		return;
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	const int64_t utc_us = clock_utc_us(sender->config.clock);
	uint32_t ssrcs[2];
	unsigned count = 0;
	if (sender->video.started) {
		write_report(&writer, &sender->video, utc_us, 90, 0);
		ssrcs[count++] = sender->video.ssrc;
	}
	if (sender->audio.started) {
		write_report(&writer, &sender->audio, utc_us, 48, SOUND_OLDER_US);
		ssrcs[count++] = sender->audio.ssrc;
	}
	rtcp_write_sdes(&writer, ssrcs, count, sender->config.cname);
	send_rtcp(sender, &writer);
	if (sender->first_report_us == 0)
		sender->first_report_us = now_us;
	/* Quick at first, so that captureTime appears after 1.25 s (chromium-viewer.md section 6).
	 */
	const bool quick = rtp_path_is_watched(&sender->path, now_us) ||
			   now_us - sender->first_report_us < SENDER_REPORT_QUICK_FOR_US;
	sender->next_report_us = now_us + (quick ? SENDER_REPORT_QUICK_US : SENDER_REPORT_US);
	rtp_history_expire(&sender->history, now_us);
}

void rtp_sender_bye(struct rtp_sender *sender)
{
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	uint32_t ssrcs[2];
	unsigned count = 0;
	if (sender->video.started)
		ssrcs[count++] = sender->video.ssrc;
	if (sender->audio.started)
		ssrcs[count++] = sender->audio.ssrc;
	if (count == 0)
		return;
	rtcp_write_bye(&writer, ssrcs, count);
	send_rtcp(sender, &writer);
}

static void add_wish(const struct rtp_sender *sender, struct wish *wish, uint16_t seq,
		     int64_t now_us)
{
	if (wish->count < SENDER_HOLE_MAX && !rtp_sender_left(sender, seq, now_us))
		wish->seqs[wish->count++] = seq;
}

static void on_nack(struct rtp_sender *sender, struct rtcp_packet *packet, struct wish *wish,
		    int64_t now_us)
{
	if (rtcp_read_media_ssrc(packet) != sender->video.ssrc || !sender->video.started)
		return; /* sound is not repeated: it would come too late */
	uint16_t seq, following;
	while (rtcp_read_nack(packet, &seq, &following)) {
		if (!rtp_sender_close_gap(sender, seq))
			add_wish(sender, wish, seq, now_us);
		for (unsigned i = 0; i < 16; i++) {
			if (following & 1u << i)
				add_wish(sender, wish, (uint16_t)(seq + 1 + i), now_us);
		}
	}
}

/* Packets that are repeated together. */
struct repair_run {
	struct rtp_packet packets[REPAIR_RUN];
	uint8_t payloads[REPAIR_RUN][2 + RTP_PAYLOAD_MAX];
	unsigned count;
};

/* RFC 4588 §4: the payload begins with the number that the packet had. */
static void make_repair(struct rtp_packet *packet, uint8_t *payload, uint16_t seq)
{
	payload[0] = (uint8_t)(seq >> 8);
	payload[1] = (uint8_t)seq;
	memcpy(payload + 2, packet->payload, packet->payload_len);
	packet->payload = payload;
	packet->payload_len += 2;
}

static void repeat_run(struct rtp_sender *sender, struct repair_run *run)
{
	if (run->count == 0)
		return;
	if (rtp_port_send(&sender->config.port, run->packets, run->count) == 0)
		sender->stats.rtx_packets += run->count;
	else
		sender->stats.rtx_refused += run->count;
	run->count = 0;
}

/* Whether the packet may be repeated. */
static bool may_repeat(struct rtp_sender *sender, uint16_t seq, size_t bytes, bool *hopeless,
		       int64_t now_us)
{
	const enum rtx_verdict verdict =
		rtp_history_judge(&sender->history, seq, bytes, sender->stats.rtt_us, now_us);
	if (verdict == RTX_SEND)
		return true;
	sender->stats.rtx_refused++;
	*hopeless |= verdict == RTX_ENOUGH;
	return false;
}

bool rtp_sender_repeat(struct rtp_sender *sender, const uint16_t *seqs, unsigned count, bool judged,
		       int64_t now_us)
{
	struct repair_run run;
	run.count = 0;
	bool hopeless = false;
	for (unsigned i = 0; i < count; i++) {
		const uint16_t seq = seqs[i];
		const struct history_entry *sent = rtp_history_find(&sender->history, seq);
		const struct rtp_image *image = sent ? rtp_image_of(sent->frame) : NULL;
		if (!image) {
			hopeless = true;
			continue;
		}
		const struct rtp_piece *piece = &image->pieces[(uint16_t)(seq - sent->first_seq)];
		if (judged && !may_repeat(sender, seq, piece->len, &hopeless, now_us))
			continue;
		if (!judged)
			rtp_history_repeated(&sender->history, seq, now_us);
		struct rtp_packet *packet = &run.packets[run.count];
		if (sender->rtx.on) {
			rtp_sender_fill(&sender->rtx, packet, sent->frame, piece, image->data,
					sender->rtx.seq++);
			make_repair(packet, run.payloads[run.count], seq);
		} else {
			rtp_sender_fill(&sender->video, packet, sent->frame, piece, image->data,
					seq);
			rtp_sender_set_hold(&sender->video, packet->header, sent->hold);
		}
		if (++run.count == REPAIR_RUN)
			repeat_run(sender, &run);
	}
	repeat_run(sender, &run);
	return !hopeless;
}

static void answer(struct rtp_sender *sender, const struct wish *wish, int64_t now_us)
{
	if (wish->count == 0 || sender->hole.seqs)
		return; /* what is missing is on its way */
	const bool hole = wish->count > HOLE_MIN;
	if (hole)
		rtp_sender_hole_begin(sender, wish->seqs, wish->count, now_us);
	/* The browser itself asks for a keyframe only 3 s after its last picture. */
	if (hole || !rtp_sender_repeat(sender, wish->seqs, wish->count, true, now_us))
		rtp_sender_ask_key(sender, now_us);
}

/* Reports come with each NACK; they measure the round trip once for each of ours. */
static void note_round_trip(struct rtp_sender *sender, const struct rtcp_report_block *block,
			    int64_t now_us)
{
	const uint32_t utc = ntp_middle(ntp_from_utc_us(clock_utc_us(sender->config.clock)));
	const int64_t rtt_us = rtcp_round_trip_us(utc, block->lsr, block->dlsr);
	const int64_t kept_us = (int64_t)(block->dlsr * UINT64_C(1000000) >> 16);
	const int64_t sent_us = now_us - kept_us - rtt_us;
	/* Who was away has answered late, whatever the way. */
	if (rtt_us < 0 || sent_us < sender->hole.away_us)
		return;
	sender->stats.rtt_us = rtt_us;
	uint32_t *heard = &sender->lsr_heard[block->ssrc == sender->audio.ssrc];
	if (*heard == block->lsr)
		return;
	*heard = block->lsr;
	rtp_path_rtt(&sender->path, sent_us, rtt_us, now_us);
}

/* Sound is repeated where the path loses packets, not where they are too many for it. */
static void note_losses(struct rtp_sender *sender, uint8_t fraction_lost, int64_t now_us)
{
	if (fraction_lost < SENDER_LOSSY || rtp_path_is_full(&sender->path, now_us))
		return;
	sender->lossy_until_us = now_us + SENDER_LOSSY_US;
	if (fraction_lost >= VERY_LOSSY)
		sender->very_lossy_until_us = sender->lossy_until_us;
}

static void on_reports(struct rtp_sender *sender, struct rtcp_packet *packet, int64_t now_us)
{
	struct rtcp_report_block block;
	while (rtcp_read_report(packet, &block)) {
		const bool video = sender->video.on && block.ssrc == sender->video.ssrc;
		const bool audio = sender->audio.on && block.ssrc == sender->audio.ssrc;
		if (!video && !audio)
			continue;
		if (video)
			rtp_sender_hole_report(sender, block.highest_seq, now_us);
		note_round_trip(sender, &block, now_us);
		/* Without a picture its stream says nothing of the path. */
		const bool sound_alone = !sender->video.on || (sender->hushed && sender->audio.on);
		if (audio || !sound_alone)
			note_losses(sender, block.fraction_lost, now_us);
		if (video || !sender->video.on) {
			sender->stats.fraction_lost = block.fraction_lost;
			sender->stats.lost = block.lost;
		}
		if (sound_alone ? audio : video)
			rtp_path_report(&sender->path, block.highest_seq, block.lost, now_us);
		if (video)
			rtp_playout_report(&sender->playout, block.highest_seq, block.lost,
					   sender->stats.rtt_us, now_us);
	}
}

static void on_payload_feedback(struct rtp_sender *sender, struct rtcp_packet *packet,
				int64_t now_us)
{
	const uint32_t media_ssrc = rtcp_read_media_ssrc(packet);
	bool key = packet->count == PSFB_PLI && media_ssrc == sender->video.ssrc;
	uint32_t ssrc;
	uint8_t request;
	while (packet->count == PSFB_FIR && rtcp_read_fir(packet, &ssrc, &request))
		key |= ssrc == sender->video.ssrc;
	if (packet->count == PSFB_AFB && rtcp_read_remb(packet, &sender->stats.remb_bps))
		rtp_path_remb(&sender->path, sender->stats.remb_bps, now_us);
	if (!key || !sender->video.on)
		return;
	sender->stats.plis++;
	rtp_sender_hole_whole(sender, now_us);
	rtp_sender_ask_key(sender, now_us);
}

/* Answered at once: the viewer's clock runs until the answer is there (RFC 3611 §4.5). Whether it
 * was. */
static bool on_extended(struct rtp_sender *sender, struct rtcp_packet *packet)
{
	struct rtcp_xr_block block;
	uint64_t ntp;
	while (rtcp_read_xr(packet, &block)) {
		if (block.type != XR_RRTR || !rtcp_read_rrtr(&block, &ntp))
			continue;
		struct rtcp_writer writer;
		rtcp_writer_init(&writer);
		const uint32_t ssrc = sender->video.on ? sender->video.ssrc : sender->audio.ssrc;
		rtcp_write_dlrr(&writer, ssrc, packet->ssrc, ntp_middle(ntp), 0);
		send_rtcp(sender, &writer);
		return true;
	}
	return false;
}

void rtp_sender_rtcp(struct rtp_sender *sender, const void *data, size_t len)
{
	const int64_t now_us = clock_mono_us(sender->config.clock);
	rtp_sender_hole_heard(sender, now_us);
	struct wish wish = { .count = 0 };
	struct bits datagram;
	bits_init(&datagram, data, len);
	struct rtcp_packet packet;
	bool answered = false; /* once a datagram, however much asks for it */
	while (rtcp_next(&datagram, &packet) > 0) {
		struct rtcp_sender_info unused;
		switch (packet.type) {
		case RTCP_SR:
			if (!rtcp_read_sender_info(&packet, &unused))
				break;
			__attribute__((fallthrough));
		case RTCP_RR:
			on_reports(sender, &packet, now_us);
			break;
		case RTCP_RTPFB:
			if (packet.count == RTPFB_NACK)
				on_nack(sender, &packet, &wish, now_us);
			break;
		case RTCP_PSFB:
			on_payload_feedback(sender, &packet, now_us);
			break;
		case RTCP_XR:
			answered = answered || on_extended(sender, &packet);
			break;
		default:
			break;
		}
	}
	sender->stats.nacks += wish.count;
	if (wish.count) {
		rtp_pacer_distrust(&sender->pacer, now_us);
		rtp_sender_hole_missed(sender, wish.seqs[wish.count - 1], now_us);
	}
	rtp_sender_steer(sender, now_us);
	answer(sender, &wish, now_us);
}
