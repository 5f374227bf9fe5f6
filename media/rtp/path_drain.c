#include "media/rtp/path_drain.h"

enum {
	SOUND_BPS = 110000, /* Opus of 96 kbit/s with its headers */
	NOTICE_US = 400000, /* so long viewers take to tell of a path that became narrow */
	ANSWER_US = 250000, /* and so long, beside the round trip, to echo a report of ours */
	QUEUE_BYTES = 40000, /* any path's queue takes so much before it loses something */
	STILL_US = 400000, /* of draining make room for a keyframe */
	DRAIN_MAX_US = 4000000,
	HOLD_MAX_US = 6000000, /* the smaller picture may never begin */
	STAMP_US = 100, /* reports tell times as exactly */
	US_IN_S = 1000000,
};

void path_drain_begin(struct path_drain *drain, uint64_t picture_bps, bool queued, int64_t now_us)
{
	drain->since_us = drain->unheard_us = now_us;
	drain->sent_bps = picture_bps + SOUND_BPS;
	drain->light = !queued && drain->sent_bps / 8 * NOTICE_US / US_IN_S < QUEUE_BYTES;
	drain->stilled = false;
	drain->queue_us = 0;
}

void path_drain_rtt(struct path_drain *drain, int64_t sent_us, int64_t queue_us, int64_t now_us)
{
	if (!drain->unheard_us || sent_us + STAMP_US < drain->unheard_us)
		return;
	drain->unheard_us = 0;
	drain->queue_us = queue_us > 0 ? queue_us : 1;
	drain->emptied_us = now_us;
}

bool path_drain_holds(struct path_drain *drain, bool changing, int64_t now_us)
{
	if (!drain->since_us)
		return false;
	const int64_t held_us = now_us - drain->since_us;
	const bool over = !drain->unheard_us || drain->light || held_us >= DRAIN_MAX_US;
	if (held_us < HOLD_MAX_US && (changing || !over))
		return true;
	drain->since_us = 0;
	return false;
}

bool path_drain_takes_still(struct path_drain *drain, int64_t now_us)
{
	if (drain->stilled || now_us - drain->since_us < STILL_US)
		return false;
	drain->stilled = true;
	return true;
}

/* What it was too much by, for the time until the viewer told, is what takes so long now. */
uint64_t path_drain_carried_bps(const struct path_drain *drain, int64_t base_us, int64_t now_us)
{
	const int64_t silent_us = now_us - drain->since_us - base_us - ANSWER_US;
	const int64_t queue_us = drain->queue_us ? drain->queue_us : silent_us;
	if (queue_us <= 0)
		return UINT64_MAX;
	const uint64_t bps = drain->sent_bps * NOTICE_US / (uint64_t)(NOTICE_US + queue_us);
	return bps > SOUND_BPS ? bps - SOUND_BPS : 0;
}
