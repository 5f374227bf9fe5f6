#include "media/output/cmaf_cutter.h"

#include "media/codec/aac.h"
#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>

/* Frames of one track that wait for their part. */
struct waiting {
	struct frame *frames[CMAF_RUN_MAX];
	size_t count;
};

struct cmaf_cutter {
	const struct cmaf_cutter_ops *ops;
	void *arg;
	struct cmaf_tracks tracks; /* a reference each */
	bool running; /* the tracks are known and map() was called */
	bool began; /* the first frame has come */
	bool anew_at_key; /* sound came or changed: the next keyframe begins with it */
	uint32_t epoch;
	/* Until the tracks are known. */
	struct frame *held[CMAF_HELD_MAX];
	size_t held_count;
	int64_t held_since_us;
	struct waiting video, audio;
	struct buf *events[CMAF_EVENTS_MAX];
	size_t event_count;
	uint32_t sequence;
	uint32_t audio_step; /* samples a frame */
	uint64_t audio_next; /* where the sound goes on, in samples; 0: has not begun */
	int64_t begin_us; /* decode time at which this map begins */
	int64_t segment_us; /* decode time at which the segment begins */
	bool in_segment; /* it has a part */
	size_t segment_parts, segment_bytes;
	bool segment_independent;
};

int cmaf_cutter_create(struct cmaf_cutter **out, const struct cmaf_cutter_ops *ops, void *arg)
{
	struct cmaf_cutter *cutter = xcalloc(1, sizeof(*cutter));
	cutter->ops = ops;
	cutter->arg = arg;
	*out = cutter;
	return 0;
}

static void drop(struct frame **frames, size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		frame_unref(frames[i]);
	*count = 0;
}

/* The first `count` leave, let go by the caller's word. */
static void shift(struct waiting *waiting, size_t count)
{
	for (size_t i = 0; i < count; i++)
		frame_unref(waiting->frames[i]);
	waiting->count -= count;
	memmove(waiting->frames, waiting->frames + count, waiting->count * sizeof(struct frame *));
}

static void put(struct waiting *waiting, struct frame *frame)
{
	if (waiting->count < CMAF_RUN_MAX)
		waiting->frames[waiting->count++] = frame_ref(frame);
}

static struct waiting *driver(struct cmaf_cutter *cutter)
{
	return cutter->tracks.video ? &cutter->video : &cutter->audio;
}

/* How long a frame of this track lasts, by those that wait. */
static int64_t frame_us(const struct cmaf_cutter *cutter, const struct waiting *waiting)
{
	const size_t count = waiting->count;
	if (!cutter->tracks.video)
		return (int64_t)cutter->audio_step * 1000000 / cutter->tracks.audio->sample_rate;
	if (count > 1)
		return (waiting->frames[count - 1]->dts_us - waiting->frames[0]->dts_us) /
		       (int64_t)(count - 1);
	const int64_t told_us = count ? waiting->frames[0]->duration_us : 0;
	return told_us > 0 && told_us < CMAF_PART_US ? told_us : 40000;
}

/* What there is of sound before `until_us`, without a step in it: exact steps of whole frames, so
 * that no rounding of the source's stamps adds up. */
static struct cmaf_run take_sound(struct cmaf_cutter *cutter, int64_t until_us)
{
	struct waiting *audio = &cutter->audio;
	struct cmaf_run run = { .frames = audio->frames, .step = cutter->audio_step };
	const uint32_t step = cutter->audio_step;
	uint64_t next = cutter->audio_next;
	for (; run.count < audio->count; run.count++) {
		const struct frame *frame = audio->frames[run.count];
		if (frame->dts_us >= until_us)
			break;
		const uint64_t at = cmaf_ticks(frame->media_us, cutter->tracks.audio->sample_rate);
		const bool follows = next && at + step / 2 >= next && at <= next + step / 2;
		if (!follows && run.count)
			break;
		if (!follows)
			next = at;
		if (!run.count)
			run.begin = next;
		next += step;
	}
	if (run.count)
		cutter->audio_next = next;
	return run;
}

/* Sound that repeats what was there before can only be left out. */
static void drop_repeated_sound(struct cmaf_cutter *cutter)
{
	struct waiting *audio = &cutter->audio;
	size_t count = 0;
	while (cutter->audio_next && count < audio->count &&
	       cmaf_ticks(audio->frames[count]->media_us, cutter->tracks.audio->sample_rate) +
			       cutter->audio_step <=
		       cutter->audio_next)
		count++;
	shift(audio, count);
}

static void end_segment(struct cmaf_cutter *cutter)
{
	if (cutter->in_segment)
		cutter->ops->segment(cutter->arg);
	cutter->in_segment = false;
}

/* The waiting frames before `until_us` become a part. */
static void emit(struct cmaf_cutter *cutter, int64_t until_us)
{
	if (cutter->tracks.audio)
		drop_repeated_sound(cutter);
	if (!driver(cutter)->count)
		return;
	const struct frame *first = driver(cutter)->frames[0];
	struct cmaf_part part = {
		.epoch = cutter->epoch,
		.starts_segment = !cutter->in_segment,
		.independent = first->key,
		.media_us = first->media_us,
		.capture_us = first->capture_us,
		.duration_us = until_us - first->dts_us,
	};
	struct cmaf_fragment fragment = {
		.sequence = ++cutter->sequence,
		.starts_segment = part.starts_segment,
		.events = cutter->events,
		.event_count = cutter->event_count,
		.video = { .frames = cutter->video.frames, .count = cutter->video.count },
	};
	if (cutter->video.count) {
		fragment.video.begin = cmaf_ticks(first->dts_us, CMAF_VIDEO_TIMESCALE);
		fragment.video.end = cmaf_ticks(until_us, CMAF_VIDEO_TIMESCALE);
	}
	if (cutter->tracks.audio)
		fragment.audio = take_sound(cutter, cutter->tracks.video ? until_us : INT64_MAX);
	if (part.starts_segment) {
		cutter->segment_us = first->dts_us;
		cutter->segment_independent = part.independent;
		cutter->segment_parts = cutter->segment_bytes = 0;
	}
	part.data = cmaf_fragment(&fragment);
	shift(&cutter->video, cutter->video.count);
	shift(&cutter->audio, fragment.audio.count);
	for (size_t i = 0; i < cutter->event_count; i++)
		buf_unref(cutter->events[i]);
	cutter->event_count = 0;
	if (!part.data) /* memory is short: a hole */
		return;
	cutter->in_segment = true;
	cutter->segment_parts++;
	cutter->segment_bytes += part.data->len;
	cutter->ops->part(cutter->arg, &part);
	buf_unref(part.data);
}

void cmaf_cutter_flush(struct cmaf_cutter *cutter)
{
	if (cutter->running) {
		const struct waiting *waiting = driver(cutter);
		if (waiting->count)
			emit(cutter, waiting->frames[waiting->count - 1]->dts_us +
					     frame_us(cutter, waiting));
		end_segment(cutter);
	}
	drop(cutter->video.frames, &cutter->video.count);
	drop(cutter->audio.frames, &cutter->audio.count);
	drop(cutter->held, &cutter->held_count);
	media_config_unref(cutter->tracks.video);
	media_config_unref(cutter->tracks.audio);
	cutter->tracks = (struct cmaf_tracks){ 0 };
	cutter->running = false;
	cutter->anew_at_key = false;
	cutter->audio_next = 0;
}

/* Whether the configuration says something else than the one in force. */
static bool differs(struct media_config **kept, struct media_config *config)
{
	const struct buf *was = *kept ? (*kept)->header : NULL, *is = config->header;
	if (*kept == config)
		return false;
	if (!was || was->len != is->len || memcmp(was->data, is->data, is->len) != 0)
		return true;
	media_config_unref(*kept);
	*kept = media_config_ref(config);
	return false;
}

/* By the frame that follows those that wait: a part is complete, perhaps a segment, too. */
static void cut_before(struct cmaf_cutter *cutter, const struct frame *frame)
{
	const struct waiting *waiting = driver(cutter);
	if (!waiting->count)
		return;
	const int64_t first_us = waiting->frames[0]->dts_us;
	const int64_t begun_us = cutter->in_segment ? cutter->segment_us : first_us;
	const bool independent =
		cutter->in_segment ? cutter->segment_independent : waiting->frames[0]->key;
	const int64_t long_us = frame->dts_us - begun_us;
	const bool ends = (frame->key && (long_us >= CMAF_SEGMENT_US || !independent)) ||
			  long_us >= CMAF_SEGMENT_MAX_US;
	const bool full = frame->dts_us - first_us + frame_us(cutter, waiting) > CMAF_PART_US ||
			  waiting->count == CMAF_RUN_MAX;
	if (ends || full)
		emit(cutter, frame->dts_us);
	if (ends || cutter->segment_parts >= CMAF_SEGMENT_PARTS_MAX ||
	    cutter->segment_bytes >= CMAF_SEGMENT_BYTES_MAX)
		end_segment(cutter);
}

static bool is_hole(struct cmaf_cutter *cutter, const struct frame *frame)
{
	const struct waiting *waiting = driver(cutter);
	return waiting->count &&
	       frame->dts_us - waiting->frames[waiting->count - 1]->dts_us > CMAF_HOLE_US;
}

/* Sound beside pictures. New sound waits for a keyframe: without one nothing can begin anew. */
static void take_beside(struct cmaf_cutter *cutter, struct frame *frame)
{
	if (differs(&cutter->tracks.audio, frame->config))
		cutter->anew_at_key = true;
	else if (frame->dts_us >= cutter->begin_us)
		put(&cutter->audio, frame);
}

/* False when the frame does not continue what runs. */
static bool take(struct cmaf_cutter *cutter, struct frame *frame)
{
	const bool video = codec_is_video(frame->codec);
	if (!video && cutter->tracks.video) {
		take_beside(cutter, frame);
		return true;
	}
	if (differs(video ? &cutter->tracks.video : &cutter->tracks.audio, frame->config) ||
	    is_hole(cutter, frame) || (video && frame->key && cutter->anew_at_key))
		return false;
	cut_before(cutter, frame);
	put(driver(cutter), frame);
	return true;
}

/* The tracks by the first configurations among the frames held. */
static struct cmaf_tracks held_tracks(const struct cmaf_cutter *cutter)
{
	struct cmaf_tracks tracks = { 0 };
	for (size_t i = 0; i < cutter->held_count; i++) {
		struct frame *frame = cutter->held[i];
		if (!codec_is_video(frame->codec))
			tracks.audio = tracks.audio ? tracks.audio : frame->config;
		else
			tracks.video = tracks.video ? tracks.video : frame->config;
	}
	return tracks;
}

/* Pictures count from a keyframe on. */
static void hold(struct cmaf_cutter *cutter, struct frame *frame, int64_t now_us)
{
	if (codec_is_video(frame->codec) && !frame->key && !held_tracks(cutter).video)
		return;
	if (!cutter->held_count)
		cutter->held_since_us = now_us;
	if (cutter->held_count < CMAF_HELD_MAX)
		cutter->held[cutter->held_count++] = frame_ref(frame);
}

static void begin(struct cmaf_cutter *cutter, const struct cmaf_tracks *tracks)
{
	struct buf *header = cmaf_header(tracks);
	if (!header)
		return;
	struct aac_config aac = { 0 };
	cutter->tracks.video = tracks->video ? media_config_ref(tracks->video) : NULL;
	cutter->tracks.audio = tracks->audio ? media_config_ref(tracks->audio) : NULL;
	cutter->audio_step = AAC_FRAME_SAMPLES;
	if (tracks->audio &&
	    !aac_config_parse(&aac, tracks->audio->header->data, tracks->audio->header->len) &&
	    aac.short_frames)
		cutter->audio_step = 960;
	cutter->running = true;
	cutter->in_segment = false;
	cutter->ops->map(cutter->arg, tracks, header);
	buf_unref(header);
}

/* Whether the held frames are enough to begin with. A picture may be a whole group away. */
static bool ready(const struct cmaf_cutter *cutter, const struct cmaf_tracks *tracks,
		  int64_t now_us)
{
	const struct cmaf_expected expected = cutter->ops->expected(cutter->arg);
	const int64_t waited_us = now_us - cutter->held_since_us;
	const bool full = cutter->held_count == CMAF_HELD_MAX;
	if (!tracks->video && !tracks->audio)
		return false;
	return (tracks->video || !expected.video || full || waited_us >= CMAF_KEY_WAIT_US) &&
	       (tracks->audio || !expected.audio || full || waited_us >= CMAF_WAIT_US);
}

static void begin_if_ready(struct cmaf_cutter *cutter, int64_t now_us)
{
	const struct cmaf_tracks tracks = held_tracks(cutter);
	if (!ready(cutter, &tracks, now_us))
		return;
	begin(cutter, &tracks);
	struct frame *frames[CMAF_HELD_MAX];
	const size_t count = cutter->held_count;
	memcpy(frames, cutter->held, count * sizeof(struct frame *));
	cutter->held_count = 0;
	size_t first = 0; /* of the track that drives: sound before it is of no use */
	while (tracks.video && !codec_is_video(frames[first]->codec))
		first++;
	cutter->begin_us = frames[first]->dts_us;
	for (size_t i = 0; i < count; i++) {
		if (cutter->running)
			cmaf_cutter_push(cutter, frames[i], now_us);
		frame_unref(frames[i]);
	}
}

void cmaf_cutter_push(struct cmaf_cutter *cutter, struct frame *frame, int64_t now_us)
{
	if (cutter->began && (int32_t)(frame->epoch - cutter->epoch) < 0)
		return; /* a straggler of what is over */
	if (!cutter->began || frame->epoch != cutter->epoch) {
		cmaf_cutter_flush(cutter);
		cutter->began = true;
		cutter->epoch = frame->epoch;
	}
	if (cutter->running && take(cutter, frame))
		return;
	if (cutter->running)
		cmaf_cutter_flush(cutter);
	hold(cutter, frame, now_us);
	begin_if_ready(cutter, now_us);
}

void cmaf_cutter_event(struct cmaf_cutter *cutter, struct buf *event)
{
	if (cutter->event_count < CMAF_EVENTS_MAX)
		cutter->events[cutter->event_count++] = buf_ref(event);
}

void cmaf_cutter_destroy(struct cmaf_cutter *cutter)
{
	if (!cutter)
		return;
	drop(cutter->video.frames, &cutter->video.count);
	drop(cutter->audio.frames, &cutter->audio.count);
	drop(cutter->held, &cutter->held_count);
	for (size_t i = 0; i < cutter->event_count; i++)
		buf_unref(cutter->events[i]);
	media_config_unref(cutter->tracks.video);
	media_config_unref(cutter->tracks.audio);
	free(cutter);
}
