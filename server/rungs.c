#include "server/rungs.h"

#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/publish.h"
#include "media/transcode_pool.h"
#include "media/transcode_video.h"
#include "server/room_cost.h"

#include <assert.h>

static_assert((int)RENDITIONS_MAX == (int)PROTOCOL_SLOTS, "a slot is one to both");

static void on_made(struct frame *frame, void *arg)
{
	struct rungs *rungs = arg;
	(void)broadcast_push_made(rungs->params.broadcast, frame_ref(frame));
}

static unsigned bit_of(const struct protocol_rung *rung)
{
	return 1u << rung->slot;
}

/* Who reads what, and what is kept warm. */
static unsigned wanted(const struct rungs *rungs)
{
	unsigned bits = 0;
	for (unsigned i = 0; i < rungs->count; i++) {
		const struct protocol_rung *rung = &rungs->offered[i];
		const bool warm = rungs->keep_warm && i + 1 == rungs->count;
		if (warm || broadcast_readers(rungs->params.broadcast, (enum track)rung->slot))
			bits |= bit_of(rung);
	}
	return bits;
}

static void end_video(struct rungs *rungs)
{
	rungs_second(rungs);
	transcode_video_destroy(rungs->video);
	rungs->video = NULL;
	rungs->told_cpu_us = 0;
	rungs->told_frames = 0;
	rungs->told_left_out = 0;
}

static void tell_video(struct rungs *rungs)
{
	struct protocol_rung running[LADDER_RUNGS_MAX];
	unsigned count = 0;
	for (unsigned i = 0; rungs->video && i < rungs->count; i++) {
		if (rungs->running & bit_of(&rungs->offered[i]))
			running[count++] = rungs->offered[i];
	}
	if (rungs->video)
		transcode_video_rungs(rungs->video, running, count);
}

static void detach(struct rungs *rungs)
{
	if (rungs->attached)
		fanout_remove(rungs->params.fanout, &rungs->sink);
	rungs->attached = false;
	end_video(rungs);
}

static void run(struct rungs *rungs, unsigned bits)
{
	if (bits == rungs->running)
		return;
	rungs->running = bits;
	tell_video(rungs);
	if (!bits)
		detach(rungs);
	else if (!rungs->attached)
		rungs->attached = fanout_add(rungs->params.fanout, rungs->params.broadcast,
					     &rungs->sink) == 0;
}

static void on_linger(void *arg)
{
	struct rungs *rungs = arg;
	run(rungs, wanted(rungs));
}

/* New readers are served at once; a viewer between two rungs does not stop one. */
static void follow_readers(struct rungs *rungs)
{
	const unsigned bits = wanted(rungs);
	run(rungs, rungs->running | bits);
	if (rungs->running == bits)
		timer_stop(&rungs->linger);
	else if (!timer_active(&rungs->linger))
		timer_start(&rungs->linger, RUNGS_LINGER_US);
}

/* What the ladder has for a source that comes as one picture. */
static unsigned plan(const struct rungs *rungs, struct protocol_rung out[LADDER_RUNGS_MAX])
{
	struct rendition_table table;
	const struct media_config *source = rungs->source;
	if (!source || source->profile > RUNGS_PROFILE_MAX ||
	    !transcode_pool_video(rungs->params.pool))
		return 0;
	broadcast_renditions(rungs->params.broadcast, &table);
	for (unsigned i = 0; i < table.count; i++) {
		if (table.at[i].slot != 0 && !table.at[i].made)
			return 0;
	}
	const struct rendition_info info = { .profile = source->profile,
					     .reorders = source->reorders };
	const struct ladder_source size = {
		.width = source->width,
		.height = source->height,
		.reencode = !rendition_fits(&info, rungs->profile_max),
	};
	return ladder_rungs(rungs->params.ladder, &size, out);
}

/* Not of a slot that the publisher has taken meanwhile. */
static void withdraw(struct rungs *rungs, unsigned slot)
{
	struct rendition_table table;
	broadcast_renditions(rungs->params.broadcast, &table);
	const int index = rendition_table_find(&table, slot);
	if (index >= 0 && table.at[index].made)
		broadcast_offer(rungs->params.broadcast, slot, NULL);
}

static bool same(const struct protocol_rung *a, const struct protocol_rung *b)
{
	return a->slot == b->slot && a->width == b->width && a->height == b->height &&
	       a->bps == b->bps;
}

/* True when other rungs are offered than before. */
static bool offer(struct rungs *rungs)
{
	struct protocol_rung planned[LADDER_RUNGS_MAX];
	const unsigned count = plan(rungs, planned);
	bool changed = count != rungs->count;
	for (unsigned i = 0; i < count; i++) {
		if (i < rungs->count && same(&planned[i], &rungs->offered[i]))
			continue;
		const struct rendition_offer rung = { planned[i].width, planned[i].height,
						      planned[i].bps };
		rungs->offered[i] = planned[i];
		broadcast_offer(rungs->params.broadcast, planned[i].slot, &rung);
		changed = true;
	}
	for (unsigned i = count; i < rungs->count; i++)
		withdraw(rungs, rungs->offered[i].slot);
	rungs->count = count;
	return changed;
}

static void look(struct rungs *rungs)
{
	if (offer(rungs)) {
		unsigned offered = 0;
		for (unsigned i = 0; i < rungs->count; i++)
			offered |= bit_of(&rungs->offered[i]);
		rungs->running &= offered;
		tell_video(rungs);
		if (!rungs->running)
			detach(rungs);
	}
	follow_readers(rungs);
}

static void take_source(struct rungs *rungs, struct media_config *source)
{
	media_config_unref(rungs->source);
	rungs->source = source ? media_config_ref(source) : NULL;
}

/* A phone that was turned: the rungs change with the picture, not some frames later. */
static void check_source(struct rungs *rungs, const struct frame *frame)
{
	if (frame->config == rungs->source)
		return;
	take_source(rungs, frame->config);
	look(rungs);
}

static bool ready(struct rungs *rungs)
{
	if (rungs->video)
		return true;
	if (!rungs->attached ||
	    transcode_video_create(&rungs->video, rungs->params.pool, on_made, rungs))
		return false;
	tell_video(rungs);
	return true;
}

static bool of_source(const struct frame *frame)
{
	return codec_is_video(frame->codec) && frame->rendition == 0;
}

static void on_start(struct sink *sink, struct frame *const *gop, size_t count)
{
	struct rungs *rungs = list_entry(sink, struct rungs, sink);
	if (count == 0 || !of_source(gop[0]))
		return;
	check_source(rungs, gop[count - 1]);
	if (ready(rungs))
		transcode_video_start(rungs->video, gop, count);
}

static void on_frame(struct sink *sink, struct frame *frame)
{
	struct rungs *rungs = list_entry(sink, struct rungs, sink);
	if (!of_source(frame))
		return;
	check_source(rungs, frame);
	if (!ready(rungs))
		return;
	transcode_video_push(rungs->video, frame);
	/* After a child was lost, or too many pictures were left out: hosts by WebRTC can help. */
	if (transcode_video_needs_key(rungs->video))
		broadcast_request_key(rungs->params.broadcast, 0);
}

static void on_ended(struct sink *sink)
{
	end_video(list_entry(sink, struct rungs, sink));
}

static const struct sink_ops sink_ops = { .start = on_start, .frame = on_frame, .ended = on_ended };

void rungs_init(struct rungs *rungs, const struct rungs_params *params)
{
	*rungs = (struct rungs){ .params = *params };
	/* Never one of our own, which may be as large as the source. */
	rungs->sink = (struct sink){
		.ops = &sink_ops, .audio = CODEC_AAC, .skip_audio = true, .picture = { .wanted = 1 }
	};
	timer_init(&rungs->linger, params->loop, on_linger, rungs);
}

void rungs_update(struct rungs *rungs, uint8_t profile_max, bool keep_warm)
{
	rungs->profile_max = profile_max;
	rungs->keep_warm = keep_warm;
	if (!rungs->attached) {
		struct media_config *source = broadcast_video_config(rungs->params.broadcast);
		take_source(rungs, source);
		media_config_unref(source);
	}
	look(rungs);
}

void rungs_key(struct rungs *rungs, unsigned slot)
{
	if (rungs->video)
		transcode_video_key(rungs->video, slot);
}

void rungs_second(struct rungs *rungs)
{
	struct room_cost *cost = rungs->params.cost;
	unsigned running = 0;
	for (unsigned i = 0; i < rungs->count; i++)
		running += (rungs->running & bit_of(&rungs->offered[i])) != 0;
	room_cost_set(cost, ROOM_COST_RUNGS, running);
	if (!rungs->video)
		return;
	struct transcode_video_stats stats;
	transcode_video_stats(rungs->video, &stats);
	const uint64_t left_out = stats.skipped + stats.dropped;
	room_cost_add(cost, ROOM_COST_VIDEO_CPU, stats.cpu_us - rungs->told_cpu_us);
	room_cost_add(cost, ROOM_COST_RUNG_FRAMES, stats.frames_out - rungs->told_frames);
	room_cost_add(cost, ROOM_COST_LEFT_OUT, left_out - rungs->told_left_out);
	room_cost_set(cost, ROOM_COST_DELAY_P50, (uint64_t)stats.latency_p50_us);
	room_cost_set(cost, ROOM_COST_DELAY_P99, (uint64_t)stats.latency_p99_us);
	rungs->told_cpu_us = stats.cpu_us;
	rungs->told_frames = stats.frames_out;
	rungs->told_left_out = left_out;
}

void rungs_finish(struct rungs *rungs)
{
	timer_stop(&rungs->linger);
	detach(rungs);
	for (unsigned i = 0; i < rungs->count; i++)
		withdraw(rungs, rungs->offered[i].slot);
	rungs->count = 0;
	rungs->running = 0;
	take_source(rungs, NULL);
}
