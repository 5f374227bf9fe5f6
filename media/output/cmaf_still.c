#include "media/output/cmaf_still.h"

#include "media/codec/h264_repeat.h"

static void keep(struct frame **kept, struct frame *frame)
{
	frame_ref(frame);
	frame_unref(*kept);
	*kept = frame;
}

static void set_last(struct cmaf_still *still, struct frame *frame)
{
	keep(&still->last, frame);
	buf_unref(still->again);
	still->again = NULL;
	still->tried = false;
}

struct frame *cmaf_still_copy(struct frame *frame, struct buf *data, int64_t at_us)
{
	const int64_t later_us = at_us - frame->dts_us;
	struct frame *copy = frame_create(media_config_ref(frame->config), buf_ref(data));
	copy->key = frame->key && data == frame->data;
	copy->rendition = frame->rendition;
	copy->epoch = frame->epoch;
	copy->dts_us = at_us;
	copy->media_us = frame->media_us + later_us;
	copy->capture_us = frame->capture_us + later_us;
	copy->stamp = true;
	return copy;
}

/* Pictures come in order: one that is late is shown at once. */
static struct frame *in_time(struct cmaf_still *still, struct frame *frame)
{
	enum { TICK_US = 1000 };
	if (frame->dts_us > still->until_us)
		return frame_ref(frame);
	still->until_us += TICK_US;
	return cmaf_still_copy(frame, frame->data, still->until_us);
}

struct frame *cmaf_still_over(struct cmaf_still *still, struct frame *frame, int64_t sound_us)
{
	if (still->waits && !frame->key)
		return NULL;
	still->waits = false;
	struct frame *shown = in_time(still, frame);
	const int64_t lag_us = sound_us > frame->dts_us ? sound_us - frame->dts_us : 0;
	still->lag_us = lag_us < CMAF_STILL_LAG_MAX_US ? lag_us : CMAF_STILL_LAG_MAX_US;
	still->since_us = shown->dts_us;
	if (frame->key)
		keep(&still->key, frame);
	set_last(still, frame);
	return shown;
}

static bool can_repeat(struct cmaf_still *still)
{
	if (!still->tried)
		still->again = h264_repeat(still->last->config, still->last->data);
	still->tried = true;
	return still->again;
}

bool cmaf_still_fits(struct cmaf_still *still)
{
	return still->waits || can_repeat(still);
}

bool cmaf_still_is_due(struct cmaf_still *still, int64_t last_us, int64_t sound_us)
{
	const int64_t ahead_us = sound_us - last_us - still->lag_us;
	if (last_us > still->since_us)
		return ahead_us >= CMAF_STILL_ON_US;
	return ahead_us >= CMAF_STILL_CUT_US || (ahead_us >= CMAF_STILL_US && can_repeat(still));
}

struct frame *cmaf_still_next(struct cmaf_still *still, int64_t at_us, bool begins)
{
	const bool is_long = at_us - still->since_us >= CMAF_STILL_LONG_US;
	still->until_us = at_us;
	if (can_repeat(still) && !(is_long && begins))
		return cmaf_still_copy(still->last, still->again, at_us);
	still->waits = true;
	if (still->last != still->key)
		set_last(still, still->key);
	return cmaf_still_copy(still->key, still->key->data, at_us);
}

void cmaf_still_end(struct cmaf_still *still)
{
	frame_unref(still->key);
	frame_unref(still->last);
	buf_unref(still->again);
	*still = (struct cmaf_still){ .until_us = INT64_MIN };
}
