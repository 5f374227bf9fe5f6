#include "media/rtp/rtp_history.h"

#include "media/frame.h"
#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>

void rtp_history_init(struct rtp_history *history)
{
	memset(history, 0, sizeof(*history));
	history->budget = RTX_BUDGET_MAX;
	history->size = HISTORY_FRAMES;
	history->ring = xcalloc(history->size, sizeof(*history->ring));
}

/* The entry so many after the oldest. */
static struct history_entry *entry(const struct rtp_history *history, unsigned index)
{
	return &history->ring[(history->oldest + index) % history->size];
}

static void drop_oldest(struct rtp_history *history)
{
	struct history_entry *oldest = entry(history, 0);
	history->bytes -= oldest->bytes;
	frame_unref(oldest->frame);
	oldest->frame = NULL;
	history->oldest = (history->oldest + 1) % history->size;
	history->used--;
	if (history->grouped > history->used)
		history->grouped = history->used;
}

void rtp_history_finish(struct rtp_history *history)
{
	while (history->used > 0)
		drop_oldest(history);
	free(history->ring);
	history->ring = NULL;
}

static void grow(struct rtp_history *history)
{
	struct history_entry *ring = xcalloc((size_t)history->size * 2, sizeof(*ring));
	for (unsigned i = 0; i < history->used; i++)
		ring[i] = *entry(history, i);
	free(history->ring);
	history->ring = ring;
	history->oldest = 0;
	history->size *= 2;
}

static bool is_kept(const struct rtp_history *history, int64_t now_us)
{
	const int64_t age_us = now_us - entry(history, 0)->sent_us;
	const bool of_group = history->grouped == history->used;
	return age_us <= HISTORY_US ||
	       (of_group && age_us <= HISTORY_GROUP_US && history->bytes <= HISTORY_GROUP_BYTES);
}

void rtp_history_expire(struct rtp_history *history, int64_t now_us)
{
	while (history->used > 0 && !is_kept(history, now_us))
		drop_oldest(history);
}

static void make_room(struct rtp_history *history, int64_t now_us)
{
	if (history->used < history->size)
		return;
	if (history->size < HISTORY_FRAMES_MAX && is_kept(history, now_us))
		grow(history);
	else
		drop_oldest(history);
}

void rtp_history_begin(struct rtp_history *history, struct frame *frame, uint16_t first_seq,
		       struct rtp_hold hold, int64_t now_us)
{
	make_room(history, now_us);
	if (frame->key)
		history->grouped = 0;
	if (frame->key || history->grouped > 0)
		history->grouped++;
	*entry(history, history->used++) = (struct history_entry){
		.frame = frame_ref(frame),
		.first_seq = first_seq,
		.hold = hold,
		.sent_us = now_us,
	};
}

void rtp_history_end_group(struct rtp_history *history)
{
	history->grouped = 0;
}

void rtp_history_grant(struct rtp_history *history, size_t bytes)
{
	history->budget += (int64_t)(bytes / RTX_SHARE);
	if (history->budget > RTX_BUDGET_MAX)
		history->budget = RTX_BUDGET_MAX;
}

void rtp_history_sent(struct rtp_history *history, uint32_t packets, size_t bytes)
{
	struct history_entry *newest = entry(history, history->used - 1);
	newest->count += packets;
	newest->bytes += (uint32_t)bytes;
	history->bytes += bytes;
	rtp_history_grant(history, bytes);
}

const struct history_entry *rtp_history_find(const struct rtp_history *history, uint16_t seq)
{
	if (history->used == 0)
		return NULL;
	const uint16_t base = entry(history, 0)->first_seq;
	unsigned low = 0, high = history->used; /* the entry is in low..high-1 */
	while (high - low > 1) {
		const unsigned middle = (low + high) / 2;
		if ((uint16_t)(entry(history, middle)->first_seq - base) <= (uint16_t)(seq - base))
			low = middle;
		else
			high = middle;
	}
	const struct history_entry *found = entry(history, low);
	return (uint16_t)(seq - found->first_seq) < found->count ? found : NULL;
}

bool rtp_history_key(const struct rtp_history *history, uint16_t *seq)
{
	if (history->grouped == 0)
		return false;
	const struct history_entry *first = entry(history, history->used - history->grouped);
	*seq = first->first_seq;
	return first->frame->key;
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
