/* Which picture a viewer is sent, and the probes of its path. */
#include "media/fanout.h"
#include "media/rtp/rtp_packet.h"
#include "media/rtp/rtp_sender_state.h"

#include <string.h>

enum { PADDING = 255 }; /* RFC 3550 §5.1: the last byte tells how much */

static const uint8_t padding[PADDING] = { [PADDING - 1] = PADDING };

/* The path does not carry the picture, or it does again. */
static void hush(struct rtp_sender *sender, bool hushed)
{
	if (sender->hushed == hushed)
		return;
	sender->hushed = hushed;
	rtp_path_restart_reports(&sender->path);
	sender->need_key = true;
	rtp_pacer_clear(&sender->pacer, true);
}

/* The cap on repairs is a quarter of the source's rate: who is shown less for its losses must not
 * be left with fewer repairs. */
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
	if (at >= 0 && passed_us < PAUSE_MAX_US && most > table->at[at].bps)
		rtp_history_grant(&sender->history, (uint64_t)(most - table->at[at].bps) *
							    (uint64_t)passed_us / 8000000);
}

void rtp_sender_steer(struct rtp_sender *sender, int64_t now_us)
{
	const struct rendition_table *table = fanout_renditions(&sender->sink);
	const struct rtp_path_limits limits = {
		.profile_max = sender->config.profile_max,
		.pinned = sender->pinned,
		.probes = sender->rtx.on,
	};
	if (!table || !sender->video.on || !sender->sink.started)
		return;
	grant_repairs(sender, table, now_us);
	const int slot = rtp_path_choose(&sender->path, table, &limits, now_us);
	hush(sender, slot == PATH_NO_PICTURE);
	if (rtp_path_is_watched(&sender->path, now_us) &&
	    sender->next_report_us > now_us + SENDER_REPORT_QUICK_US)
		sender->next_report_us = now_us + SENDER_REPORT_QUICK_US;
	if (slot >= 0 && sender->sink.picture.wanted != slot + 1)
		fanout_want(&sender->sink, slot);
}

bool rtp_sender_holds(struct rtp_sender *sender)
{
	const struct sink_picture *picture = &sender->sink.picture;
	if (!sender->path.choked || picture->shown == picture->next)
		return false;
	sender->need_key = true;
	sender->stats.frames_skipped++;
	return true;
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

static void fill_padding(struct rtp_sender *sender, struct rtp_packet *packet, uint16_t seq)
{
	const struct sender_stream *stream = probe_stream(sender);
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
	fill_padding(sender, &packet, seq);
	if (rtp_sender_run(sender, &packet, 1) == 0)
		sender->stats.padding_packets++;
	return true;
}

void rtp_sender_probe(struct rtp_sender *sender, int64_t now_us)
{
	struct rtp_packet run[SENDER_RUN];
	const struct rendition_table *table = fanout_renditions(&sender->sink);
	const uint32_t bytes =
		table && sender->rtx.on ? rtp_path_padding(&sender->path, table, now_us) : 0;
	size_t count = bytes / PADDING;
	if (count > SENDER_RUN)
		count = SENDER_RUN;
	if (count)
		leave_gap(sender, now_us);
	for (size_t i = 0; i < count; i++)
		fill_padding(sender, &run[i], probe_stream(sender)->seq++);
	if (count && rtp_sender_run(sender, run, count) == 0)
		sender->stats.padding_packets += count;
}
