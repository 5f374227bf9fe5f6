/* A link that was down leaves a hole of hundreds of packets. A source that makes keyframes when
 * asked is soon beyond it; of any other the viewer gets what it missed since the newest keyframe,
 * for it needs nothing older: its picture is back at once instead of at the next keyframe. */
#include "media/rtp/rtp_sender_hole.h"

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
	/* Browsers put what follows the hole aside until it is filled, 2,048 packets in all. */
	HOLE_WHOLE_MAX = 1792,
	SILENT_US = 1500000, /* viewers say something sooner, unless their link is down, */
	RETURN_US = 1000000, /* because of which they ask for a keyframe then; */
	SELDOM_US = 20000000, /* but RFC 3550 §6.2 lets them report every five seconds or so */
};

/* Congestion loses some of many packets, an outage all of them. */
static bool is_outage(const uint16_t *seqs, unsigned count)
{
	const uint16_t span = (uint16_t)(seqs[count - 1] - seqs[0]);
	return span < SENDER_HOLE_MAX && (unsigned)span * 9 <= count * 10;
}

/* Of what is missing since `from`, the first that is of use; false: not all since is kept. */
static bool first_useful(const struct rtp_sender *sender, uint16_t from, uint16_t *first)
{
	uint16_t key;
	const bool keyed = rtp_history_key(&sender->history, &key);
	*first = keyed && (int16_t)(from - key) < 0 ? key : from;
	return keyed || rtp_history_find(&sender->history, from);
}

static bool open_hole(struct rtp_sender *sender, unsigned most, int64_t now_us)
{
	struct sender_hole *hole = &sender->hole;
	if (hole->seqs || now_us < hole->closed_us || sender->hushed || sender->path.choked ||
	    sender->need_key)
		return false;
	hole->seqs = xcalloc(most, sizeof(*hole->seqs));
	hole->count = hole->next = 0;
	hole->tokens = HOLE_BURST;
	hole->filled_us = now_us;
	if (sender->config.pace)
		sender->config.pace(sender->config.arg);
	return true;
}

void rtp_sender_hole_begin(struct rtp_sender *sender, const uint16_t *seqs, unsigned count,
			   int64_t now_us)
{
	struct sender_hole *hole = &sender->hole;
	uint16_t first;
	if (!is_outage(seqs, count) || !first_useful(sender, seqs[0], &first) ||
	    !open_hole(sender, count, now_us))
		return;
	for (unsigned i = 0; i < count; i++)
		if ((int16_t)(seqs[i] - first) >= 0)
			hole->seqs[hole->count++] = seqs[i];
}

static void fill_whole(struct rtp_sender *sender, int64_t now_us)
{
	struct sender_hole *hole = &sender->hole;
	uint16_t from = hole->missed_seq, first;
	if (!hole->told && !rtp_history_key(&sender->history, &from))
		return;
	if (!first_useful(sender, from, &first))
		return;
	const uint16_t count = (uint16_t)(sender->video.seq - first);
	if (!count || count > HOLE_WHOLE_MAX || !open_hole(sender, count, now_us))
		return;
	for (hole->count = 0; hole->count < count; hole->count++)
		hole->seqs[hole->count] = (uint16_t)(first + hole->count);
}

static bool is_of_late(int64_t at_us, int64_t now_us)
{
	return at_us && now_us - at_us <= RETURN_US;
}

static void returned(struct rtp_sender *sender, int64_t now_us)
{
	struct sender_hole *hole = &sender->hole;
	const bool seldom = hole->returned_us && now_us - hole->returned_us < SELDOM_US;
	hole->returned_us = now_us;
	hole->missed_seq = (uint16_t)(hole->highest_seq + 1);
	if (seldom && !is_of_late(hole->away_us, now_us))
		return; /* it is not away so often: it says little */
	hole->away_us = now_us;
	rtp_path_returned(&sender->path, now_us);
}

void rtp_sender_hole_heard(struct rtp_sender *sender, int64_t now_us)
{
	struct sender_hole *hole = &sender->hole;
	if (hole->heard_us && now_us - hole->heard_us > SILENT_US)
		returned(sender, now_us);
	hole->heard_us = now_us;
}

static void arrived(struct rtp_sender *sender, int64_t now_us)
{
	struct sender_hole *hole = &sender->hole;
	if (hole->told && now_us - hole->arrived_us > SILENT_US)
		returned(sender, now_us);
	hole->arrived_us = now_us;
	if (is_of_late(hole->returned_us, now_us) && is_of_late(hole->wanted_us, now_us))
		fill_whole(sender, now_us);
}

void rtp_sender_hole_missed(struct rtp_sender *sender, uint16_t seq, int64_t now_us)
{
	const struct sender_hole *hole = &sender->hole;
	/* What came before the link went down is asked for again while it is down. */
	if (hole->told && (int16_t)(seq - (uint16_t)hole->highest_seq) > 0)
		arrived(sender, now_us);
}

void rtp_sender_hole_report(struct rtp_sender *sender, uint32_t highest_seq, int64_t now_us)
{
	struct sender_hole *hole = &sender->hole;
	const bool all_came = (uint16_t)(highest_seq + 1) == sender->video.seq;
	if (hole->told && highest_seq == hole->highest_seq) {
		if (all_came || sender->hushed)
			hole->arrived_us = now_us; /* there was nothing more to come */
		return;
	}
	arrived(sender, now_us);
	hole->highest_seq = highest_seq;
	hole->told = true;
}

void rtp_sender_hole_whole(struct rtp_sender *sender, int64_t now_us)
{
	sender->hole.wanted_us = now_us;
	if (is_of_late(sender->hole.returned_us, now_us))
		fill_whole(sender, now_us);
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
