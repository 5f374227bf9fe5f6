/* A link that was down leaves a hole of hundreds of packets. A source that makes keyframes when
 * asked is soon beyond it; of any other the viewer gets what it missed since the newest keyframe,
 * for it needs nothing older: its picture is back at once instead of at the next keyframe. */
#include "media/rtp/rtp_packet.h"
#include "media/rtp/rtp_sender_state.h"
#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>

enum {
	HOLE_RUN = 16, /* packets at once */
	HOLE_BURST = HOLE_RUN * RTP_PAYLOAD_MAX,
	HOLE_TIMES_REMB = 2, /* which was told before the outage and follows what is sent */
	HOLE_BPS_MIN = 4000000,
	HOLE_BPS_MAX = PACER_BYTES_PER_MS * 8000,
	HOLE_AGAIN_US = 2000000,
	RETURN_US = 1000000, /* after a silence: a keyframe is asked for because of it */
};

/* Congestion loses some of many packets, an outage all of them. */
static bool is_outage(const uint16_t *seqs, unsigned count)
{
	const uint16_t span = (uint16_t)(seqs[count - 1] - seqs[0]);
	return span < SENDER_HOLE_MAX && (unsigned)span * 9 <= count * 10;
}

void rtp_sender_hole_begin(struct rtp_sender *sender, const uint16_t *seqs, unsigned count,
			   int64_t now_us)
{
	struct sender_hole *hole = &sender->hole;
	uint16_t key;
	if (hole->seqs || now_us < hole->closed_us || sender->hushed || sender->path.choked ||
	    sender->need_key || !is_outage(seqs, count) || !rtp_history_key(&sender->history, &key))
		return;
	hole->seqs = xcalloc(count, sizeof(*hole->seqs));
	hole->count = hole->next = 0;
	hole->tokens = HOLE_BURST;
	hole->filled_us = now_us;
	for (unsigned i = 0; i < count; i++)
		if ((int16_t)(seqs[i] - key) >= 0)
			hole->seqs[hole->count++] = seqs[i];
	if (sender->config.pace)
		sender->config.pace(sender->config.arg);
}

void rtp_sender_hole_whole(struct rtp_sender *sender, int64_t now_us)
{
	uint16_t seqs[SENDER_HOLE_MAX] = { 0 };
	const int64_t returned_us = sender->hole.returned_us;
	uint16_t key;
	if (!returned_us || now_us - returned_us > RETURN_US ||
	    !rtp_history_key(&sender->history, &key))
		return;
	const uint16_t count = (uint16_t)(sender->video.seq - key);
	if (!count || count > SENDER_HOLE_MAX)
		return;
	for (uint16_t i = 0; i < count; i++)
		seqs[i] = (uint16_t)(key + i);
	rtp_sender_hole_begin(sender, seqs, count, now_us);
}

static int64_t bytes_in(const struct rtp_sender *sender, int64_t passed_us)
{
	uint64_t bps = sender->path.said.remb_bps * HOLE_TIMES_REMB;
	if (bps < HOLE_BPS_MIN)
		bps = HOLE_BPS_MIN;
	if (bps > HOLE_BPS_MAX)
		bps = HOLE_BPS_MAX;
	return passed_us * (int64_t)(bps / 8) / 1000000;
}

void rtp_sender_hole_fill(struct rtp_sender *sender, int64_t now_us)
{
	struct sender_hole *hole = &sender->hole;
	if (!hole->seqs)
		return;
	hole->tokens += bytes_in(sender, now_us - hole->filled_us);
	if (hole->tokens > HOLE_BURST)
		hole->tokens = HOLE_BURST;
	hole->filled_us = now_us;
	while (hole->next < hole->count && hole->tokens > 0) {
		const unsigned left = hole->count - hole->next;
		const unsigned run = left < HOLE_RUN ? left : HOLE_RUN;
		const unsigned allowed = (unsigned)(hole->tokens / RTP_PAYLOAD_MAX) + 1;
		const unsigned now = run < allowed ? run : allowed;
		(void)rtp_sender_repeat(sender, hole->seqs + hole->next, now, false, now_us);
		hole->tokens -= (int64_t)now * RTP_PAYLOAD_MAX;
		hole->next += now;
	}
	if (hole->next == hole->count) {
		rtp_sender_hole_end(sender);
		hole->closed_us = now_us + HOLE_AGAIN_US;
	}
}

void rtp_sender_hole_end(struct rtp_sender *sender)
{
	free(sender->hole.seqs);
	sender->hole.seqs = NULL;
}
