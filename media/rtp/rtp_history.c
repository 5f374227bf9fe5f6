#include "media/rtp/rtp_history.h"

#include "media/frame.h"

#include <string.h>

void rtp_history_init(struct rtp_history *history)
{
	memset(history, 0, sizeof(*history));
	history->budget = RTX_BUDGET_MAX;
}

static void drop_oldest(struct rtp_history *history)
{
	frame_unref(history->ring[history->oldest].frame);
	history->ring[history->oldest].frame = NULL;
	history->oldest = (history->oldest + 1) % HISTORY_FRAMES;
	history->used--;
}

void rtp_history_finish(struct rtp_history *history)
{
	while (history->used > 0)
		drop_oldest(history);
}

static struct history_entry *newest(struct rtp_history *history)
{
	return &history->ring[(history->oldest + history->used - 1) % HISTORY_FRAMES];
}

void rtp_history_begin(struct rtp_history *history, struct frame *frame, uint16_t first_seq,
		       struct rtp_hold hold, int64_t now_us)
{
	if (history->used == HISTORY_FRAMES)
		drop_oldest(history);
	history->used++;
	*newest(history) = (struct history_entry){
		.frame = frame_ref(frame),
		.first_seq = first_seq,
		.hold = hold,
		.sent_us = now_us,
	};
}

void rtp_history_grant(struct rtp_history *history, size_t bytes)
{
	history->budget += (int64_t)(bytes / RTX_SHARE);
	if (history->budget > RTX_BUDGET_MAX)
		history->budget = RTX_BUDGET_MAX;
}

void rtp_history_sent(struct rtp_history *history, uint32_t packets, size_t bytes)
{
	newest(history)->count += packets;
	rtp_history_grant(history, bytes);
}

void rtp_history_expire(struct rtp_history *history, int64_t now_us)
{
	while (history->used > 0 && history->ring[history->oldest].sent_us + HISTORY_US < now_us)
		drop_oldest(history);
}

const struct history_entry *rtp_history_find(const struct rtp_history *history, uint16_t seq)
{
	for (unsigned i = history->used; i-- > 0;) {
		const struct history_entry *entry =
			&history->ring[(history->oldest + i) % HISTORY_FRAMES];
		if ((uint16_t)(seq - entry->first_seq) < entry->count)
			return entry;
	}
	return NULL;
}

bool rtp_history_key(const struct rtp_history *history, uint16_t *seq)
{
	for (unsigned i = history->used; i-- > 0;) {
		const struct history_entry *entry =
			&history->ring[(history->oldest + i) % HISTORY_FRAMES];
		if (!entry->frame->key)
			continue;
		*seq = entry->first_seq;
		return true;
	}
	return false;
}

void rtp_history_repeated(struct rtp_history *history, uint16_t seq, int64_t now_us)
{
	history->marks[seq % RTX_MARKS] =
		(struct rtx_mark){ .seq = seq, .times = 1, .last_us = now_us };
}

enum rtx_verdict rtp_history_judge(struct rtp_history *history, uint16_t seq, size_t bytes,
				   int64_t rtt_us, int64_t now_us)
{
	const int64_t on_its_way_us = rtt_us * RTX_INTERVAL_RTT / 100;
	const int64_t interval_us =
		on_its_way_us > RTX_INTERVAL_US ? on_its_way_us : RTX_INTERVAL_US;
	struct rtx_mark *mark = &history->marks[seq % RTX_MARKS];
	const bool known =
		mark->times > 0 && mark->seq == seq && now_us - mark->last_us < HISTORY_US;
	if (known && now_us - mark->last_us < interval_us)
		return RTX_WAIT;
	if (known && mark->times >= RTX_TIMES_MAX)
		return RTX_ENOUGH;
	if (history->budget < (int64_t)bytes)
		return RTX_ENOUGH;
	history->budget -= (int64_t)bytes;
	*mark = (struct rtx_mark){
		.seq = seq,
		.times = (uint8_t)(known ? mark->times + 1 : 1),
		.last_us = now_us,
	};
	return RTX_SEND;
}
