/* Which picture a viewer is sent, and the probes of its path. */
#include "media/fanout.h"
#include "media/rtp/rtp_packet.h"
#include "media/rtp/rtp_sender_state.h"

#include <string.h>

enum {
	PADDING = 255,
	PADDING_AROUND = 16 + 28, /* SRTP's tag, UDP and IPv4 */
	TRICKLE = 1, /* RFC 3550 §5.1: the last byte tells how much */
	TRICKLE_US = 80000, /* between two packets in place of pictures that are held */
	LEFT_US = 10000000, /* browsers ask for so long */
	PACE_TIMES = 2, /* half a second is for what waits */
};

static const uint8_t padding[PADDING] = { [PADDING - 1] = PADDING };
static const uint8_t trickle[TRICKLE] = { TRICKLE };

/* What the path's queue loses of what is under way is not repeated, nor is sound sent twice. */
static void give_up(struct rtp_sender *sender, int64_t now_us)
{
	rtp_sender_hole_end(sender);
	rtp_history_end_group(&sender->history);
	sender->lossy_until_us = 0;
	sender->left_seq = sender->video.seq;
	sender->left_us = now_us;
}

/* The path does not carry the picture, or it does again. */
static void hush(struct rtp_sender *sender, bool hushed, int64_t now_us)
{
	if (sender->hushed == hushed)
		return;
	sender->hushed = hushed;
	rtp_path_restart_reports(&sender->path);
	sender->need_key = true;
	rtp_pacer_clear(&sender->pacer, true);
	if (hushed)
		give_up(sender, now_us);
}

/* The cap on repairs is a quarter of the source's rate: who is shown less for its losses must not
 * be left with fewer repairs. Half of what is not sent then: at 30 % loss, both ways, each packet
 * needs 0.6 repairs. */
static void grant_repairs(struct rtp_sender *sender, const struct rendition_table *table,
			  int64_t now_us)
{
	enum { PAUSE_MAX_US = 2000000 };
	const int at = rendition_table_find(table, sender->sink.picture.shown);
	const int64_t passed_us = now_us - sender->steered_us;
	uint32_t most = 0;
	sender->steered_us = now_us;
	for (unsigned i = 0; i < table->count; i++)
		if (table->at[i].running && table->at[i].bps > most)
			most = table->at[i].bps;
	if (at >= 0 && passed_us < PAUSE_MAX_US && most > table->at[at].bps &&
	    !rtp_path_is_full(&sender->path, now_us))
		rtp_history_grant(&sender->history, (uint64_t)(most - table->at[at].bps) * 2 *
							    (uint64_t)passed_us / 8000000);
}

/* What is under way fills the queue: a report behind it tells when it is through. */
static void hold(struct rtp_sender *sender, int64_t now_us)
{
	const bool begins = sender->path.drain.since_us && !sender->held;
	sender->held = sender->path.drain.since_us != 0;
	if (!begins)
		return;
	rtp_pacer_clear(&sender->pacer, false);
	give_up(sender, now_us);
	sender->need_key = true;
	rtp_sender_report(sender, now_us);
}

/* Sound must not wait for a whole keyframe in the path's queue, so pictures wait here. */
static uint32_t pace(const struct rtp_sender *sender, const struct rendition_table *table,
		     int64_t now_us)
{
	const struct rtp_pacer *pacer = &sender->pacer;
	const uint32_t usual = rtp_path_pace(&sender->path, table, now_us);
	size_t bytes = 0;
	for (unsigned i = 0; usual && i < pacer->count; i++) {
		struct frame *frame = pacer->queue[(pacer->head + i) % pacer->size];
		const struct rtp_image *image = rtp_image_of(frame);
		bytes += image ? image->len : 0;
	}
	return bytes * PACE_TIMES > usual ? (uint32_t)bytes * PACE_TIMES : usual;
}

static int shown(const struct rtp_sender *sender)
{
	return sender->hushed || sender->need_key ? -1 : sender->sink.picture.shown;
}

void rtp_sender_steer(struct rtp_sender *sender, int64_t now_us)
{
	const struct rendition_table *table = fanout_renditions(&sender->sink);
	const struct rtp_path_limits limits = {
		.profile_max = sender->config.profile_max,
		.pinned = sender->pinned,
		.shown = shown(sender),
		.probes = sender->rtx.on,
	};
	if (!table || !sender->video.on || !sender->sink.started)
		return;
	grant_repairs(sender, table, now_us);
	rtp_path_sent(&sender->path, sender->video.octets, now_us);
	const int slot = rtp_path_choose(&sender->path, table, &limits, now_us);
	hush(sender, slot == PATH_NO_PICTURE, now_us);
	hold(sender, now_us);
	rtp_pacer_narrow(&sender->pacer, sender->pinned < 0 ? pace(sender, table, now_us) : 0);
	if (rtp_path_is_watched(&sender->path, now_us) &&
	    sender->next_report_us > now_us + SENDER_REPORT_QUICK_US)
		sender->next_report_us = now_us + SENDER_REPORT_QUICK_US;
	if (slot >= 0 && sender->sink.picture.wanted != slot + 1)
		fanout_want(&sender->sink, slot);
}

bool rtp_sender_left(const struct rtp_sender *sender, uint16_t seq, int64_t now_us)
{
	return sender->left_us && now_us - sender->left_us < LEFT_US &&
	       (int16_t)(seq - sender->left_seq) < 0;
}

void rtp_sender_pin(struct rtp_sender *sender, int slot)
{
	sender->pinned = slot;
	if (slot < 0)
		rtp_path_init(&sender->path);
	rtp_sender_steer(sender, clock_mono_us(sender->config.clock));
}

/* Repairs have numbers of their own, so that padding among them leaves no gap in the picture's. But
 * without a picture only its own stream is reported on. */
static struct sender_stream *probe_stream(struct rtp_sender *sender)
{
	return sender->hushed ? &sender->video : &sender->rtx;
}

static void fill_padding(struct rtp_sender *sender, const struct sender_stream *stream,
			 struct rtp_packet *packet, uint16_t seq)
{
	memcpy(packet->header, stream->header, stream->header_len);
	packet->header_len = stream->header_len;
	rtp_header_patch(packet->header, seq, sender->video.newest_time, false);
	rtp_header_set_padding(packet->header);
	if (stream->capture_at)
		rtp_header_set_capture(packet->header, stream->capture_at,
				       sender->video.newest_capture_us);
	packet->payload = padding;
	packet->payload_len = PADDING;
}

/* Without any packet of the picture browsers take the end of the queue for its growth, and their
 * REMB falls to nothing; by these they see it drain. */
static void send_trickle(struct rtp_sender *sender, const struct frame *frame, int64_t now_us)
{
	struct sender_stream *video = &sender->video;
	struct rtp_packet packet;
	/* Numbers of a picture have none between them. */
	if (now_us - sender->trickled_us < TRICKLE_US || sender->pacer.count)
		return;
	sender->trickled_us = now_us;
	fill_padding(sender, video, &packet, video->seq);
	rtp_header_patch(packet.header, video->seq++, rtp_sender_frame_time(video, frame), false);
	packet.payload = trickle;
	packet.payload_len = TRICKLE;
	if (rtp_sender_run(sender, &packet, 1) == 0)
		sender->stats.padding_packets++;
}

bool rtp_sender_holds(struct rtp_sender *sender, const struct frame *frame, int64_t now_us)
{
	const struct sink_picture *picture = &sender->sink.picture;
	const bool changing = picture->shown != picture->next;
	struct path_drain *drain = &sender->path.drain;
	if (!path_drain_holds(drain, changing, now_us) ||
	    (frame->key && !changing && path_drain_takes_still(drain, now_us)))
		return false;
	sender->need_key = true;
	sender->stats.frames_skipped++;
	send_trickle(sender, frame, now_us);
	sender->left_seq = sender->video.seq;
	return true;
}

static void leave_gap(struct rtp_sender *sender, int64_t now_us)
{
	struct sender_gap *gap = &sender->gap;
	const int64_t wait_us = gap->open ? SENDER_GAP_LOST_US : SENDER_GAP_US;
	if (!sender->hushed || now_us - gap->since_us < wait_us)
		return;
	*gap = (struct sender_gap){ .open = true, .seq = sender->video.seq++, .since_us = now_us };
}

bool rtp_sender_close_gap(struct rtp_sender *sender, uint16_t seq)
{
	struct sender_gap *gap = &sender->gap;
	if (!sender->hushed || !gap->open || gap->seq != seq)
		return false;
	struct rtp_packet packet;
	gap->open = false;
	fill_padding(sender, probe_stream(sender), &packet, seq);
	if (rtp_sender_run(sender, &packet, 1) == 0)
		sender->stats.padding_packets++;
	return true;
}

void rtp_sender_probe(struct rtp_sender *sender, int64_t now_us)
{
	struct rtp_packet run[SENDER_RUN];
	const struct rendition_table *table = fanout_renditions(&sender->sink);
	const struct sender_stream *stream = probe_stream(sender);
	const uint32_t each = PADDING + PADDING_AROUND + stream->header_len;
	sender->padding_due +=
		table && sender->rtx.on ? rtp_path_padding(&sender->path, table, now_us) : 0;
	size_t count = sender->padding_due / each;
	sender->padding_due %= each;
	if (count > SENDER_RUN)
		count = SENDER_RUN;
	if (count)
		leave_gap(sender, now_us);
	for (size_t i = 0; i < count; i++)
		fill_padding(sender, probe_stream(sender), &run[i], probe_stream(sender)->seq++);
	if (count && rtp_sender_run(sender, run, count) == 0)
		sender->stats.padding_packets += count;
}
