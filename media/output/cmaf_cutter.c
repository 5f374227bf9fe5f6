#include "media/output/cmaf_cutter.h"

#include "media/output/cmaf_sound.h"
#include "media/output/cmaf_still.h"
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
	struct media_config *config; /* of the pictures, a reference; NULL: sound alone */
	bool running; /* the tracks are known and map() was called */
	bool began; /* the first frame has come */
	bool anew_at_key; /* sound came or changed: the next keyframe begins with it */
	uint32_t epoch;
	/* Until the tracks are known. */
	struct frame *held[CMAF_HELD_MAX];
	size_t held_count;
	int64_t held_since_us;
	struct waiting ahead; /* pictures whose sound has not come yet */
	struct waiting video; /* of the next part */
	struct cmaf_sound sound;
	struct cmaf_still still;
	struct buf *events[CMAF_EVENTS_MAX];
	size_t event_count;
	uint32_t sequence;
	int64_t begin_us; /* decode time at which this map begins */
	int64_t segment_us; /* decode time at which the segment begins */
	bool in_segment; /* it has a part */
	size_t segment_parts, segment_bytes;
	bool segment_independent;
	unsigned hurries; /* so many segments to come are a part each */
	bool sound_alone; /* pictures are left out */
};

int cmaf_cutter_create(struct cmaf_cutter **out, const struct cmaf_cutter_ops *ops, void *arg)
{
	struct cmaf_cutter *cutter = xcalloc(1, sizeof(*cutter));
	cutter->ops = ops;
	cutter->arg = arg;
	cmaf_still_end(&cutter->still);
	*out = cutter;
	return 0;
}

void cmaf_cutter_hurry(struct cmaf_cutter *cutter)
{
	cutter->hurries = CMAF_HURRY_SEGMENTS;
}

void cmaf_cutter_sound_alone(struct cmaf_cutter *cutter)
{
	cutter->sound_alone = true;
}

void cmaf_cutter_break(struct cmaf_cutter *cutter)
{
	cutter->anew_at_key = cutter->running;
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

static bool has_pictures(const struct cmaf_cutter *cutter)
{
	return cutter->config;
}

/* How many frames of the track that sets the pace wait, and which. */
static size_t pace_count(const struct cmaf_cutter *cutter)
{
	return has_pictures(cutter) ? cutter->video.count : cutter->sound.count;
}

static const struct frame *pace_frame(const struct cmaf_cutter *cutter, size_t index)
{
	return has_pictures(cutter) ? cutter->video.frames[index] : cutter->sound.waiting[index];
}

/* How long a frame of it lasts, by those that wait. */
static int64_t frame_us(const struct cmaf_cutter *cutter)
{
	const size_t count = pace_count(cutter);
	if (!has_pictures(cutter))
		return cmaf_sound_frame_us(&cutter->sound);
	if (count > 1)
		return (pace_frame(cutter, count - 1)->dts_us - pace_frame(cutter, 0)->dts_us) /
		       (int64_t)(count - 1);
	const int64_t told_us = count ? pace_frame(cutter, 0)->duration_us : 0;
	return told_us > 0 && told_us < CMAF_PART_US ? told_us : 40000;
}

static void end_segment(struct cmaf_cutter *cutter)
{
	if (cutter->in_segment)
		cutter->ops->segment(cutter->arg);
	cutter->hurries -= cutter->in_segment && cutter->hurries;
	cutter->in_segment = false;
}

static struct cmaf_part describe(const struct cmaf_cutter *cutter, int64_t until_us)
{
	const struct frame *first = pace_frame(cutter, 0);
	return (struct cmaf_part){
		.epoch = cutter->epoch,
		.starts_segment = !cutter->in_segment,
		.independent = first->key || cutter->sound_alone,
		.media_us = first->media_us,
		.capture_us = first->capture_us,
		.duration_us = until_us - first->dts_us,
	};
}

/* The waiting frames before `until_us`. */
static struct cmaf_fragment gather(struct cmaf_cutter *cutter, bool starts_segment,
				   int64_t until_us)
{
	struct cmaf_fragment fragment = {
		.sequence = ++cutter->sequence,
		.starts_segment = starts_segment,
		.events = cutter->events,
		.event_count = cutter->event_count,
	};
	if (cutter->video.count && !cutter->sound_alone)
		fragment.video = (struct cmaf_run){
			.frames = cutter->video.frames,
			.count = cutter->video.count,
			.begin = cmaf_ticks(cutter->video.frames[0]->dts_us, CMAF_VIDEO_TIMESCALE),
			.end = cmaf_ticks(until_us, CMAF_VIDEO_TIMESCALE),
		};
	if (cutter->sound.config)
		fragment.audio =
			cmaf_sound_run(&cutter->sound, has_pictures(cutter) ? until_us : INT64_MAX);
	return fragment;
}

static void release_gathered(struct cmaf_cutter *cutter)
{
	if (cutter->sound.config)
		cmaf_sound_taken(&cutter->sound);
	shift(&cutter->video, cutter->video.count);
	for (size_t i = 0; i < cutter->event_count; i++)
		buf_unref(cutter->events[i]);
	cutter->event_count = 0;
}

static void hand_out(struct cmaf_cutter *cutter, const struct cmaf_part *part)
{
	if (part->starts_segment) {
		cutter->segment_us = pace_frame(cutter, 0)->dts_us;
		cutter->segment_independent = pace_frame(cutter, 0)->key;
		cutter->segment_parts = cutter->segment_bytes = 0;
	}
	cutter->in_segment = true;
	cutter->segment_parts++;
	cutter->segment_bytes += part->data->len;
	cutter->ops->part(cutter->arg, part);
}

/* They become a part. */
static void emit(struct cmaf_cutter *cutter, int64_t until_us)
{
	struct cmaf_part part = describe(cutter, until_us);
	const struct cmaf_fragment fragment = gather(cutter, part.starts_segment, until_us);
	part.content = &fragment;
	if (fragment.video.count || fragment.audio.count)
		part.data = cmaf_fragment(&fragment);
	if (part.data) /* else memory is short: a hole. Or all of it was there before */
		hand_out(cutter, &part);
	buf_unref(part.data);
	release_gathered(cutter);
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

/* Decode time at which the segment begins that the next part is of. */
static int64_t begun_us(const struct cmaf_cutter *cutter)
{
	return cutter->in_segment ? cutter->segment_us : pace_frame(cutter, 0)->dts_us;
}

/* By the frame that follows those that wait: a part is complete, perhaps a segment, too. */
static void cut_before(struct cmaf_cutter *cutter, const struct frame *frame)
{
	const size_t count = pace_count(cutter);
	if (!count)
		return;
	const struct frame *first = pace_frame(cutter, 0);
	const int64_t first_us = first->dts_us;
	const bool independent = cutter->in_segment ? cutter->segment_independent : first->key;
	const int64_t long_us = frame->dts_us - begun_us(cutter);
	const int64_t step_us = frame->dts_us - pace_frame(cutter, count - 1)->dts_us;
	const bool full =
		frame->dts_us - first_us + frame_us(cutter) > CMAF_PART_US || count == CMAF_RUN_MAX;
	const bool ends = (frame->key && (long_us >= CMAF_SEGMENT_US || !independent)) ||
			  long_us >= CMAF_SEGMENT_MAX_US ||
			  long_us + step_us > CMAF_SEGMENT_LONGEST_US || (full && cutter->hurries);
	if (ends || full)
		emit(cutter, frame->dts_us);
	if (ends || cutter->segment_parts >= CMAF_SEGMENT_PARTS_MAX ||
	    cutter->segment_bytes >= CMAF_SEGMENT_BYTES_MAX)
		end_segment(cutter);
}

/* Pictures go on once the sound up to them is there, or has made them wait for too long: players
 * show no more of a part than both its tracks have. */
static void work_off(struct cmaf_cutter *cutter, bool all)
{
	struct waiting *ahead = &cutter->ahead;
	size_t done = 0;
	while (done < ahead->count) {
		const struct frame *frame = ahead->frames[done];
		const int64_t waits_us = ahead->frames[ahead->count - 1]->dts_us - frame->dts_us;
		if (!all && cutter->sound.config && cutter->sound.end_us < frame->dts_us &&
		    waits_us < CMAF_SOUND_WAIT_US && ahead->count < CMAF_RUN_MAX)
			break;
		cut_before(cutter, frame);
		put(&cutter->video, ahead->frames[done++]);
	}
	shift(ahead, done);
}

/* The next part has a picture of its own. */
static void put_still(struct cmaf_cutter *cutter, int64_t at_us)
{
	const bool begins = at_us - begun_us(cutter) >= CMAF_SEGMENT_US ||
			    (cutter->in_segment && !cutter->segment_independent);
	struct frame *frame = cmaf_still_next(&cutter->still, at_us, begins);
	put(&cutter->ahead, frame);
	frame_unref(frame);
	work_off(cutter, true);
}

/* When the next part would have to begin without a picture; INT64_MAX: one waits. */
static int64_t part_end_us(const struct cmaf_cutter *cutter)
{
	return cutter->video.count && !cutter->ahead.count
		       ? pace_frame(cutter, 0)->dts_us + CMAF_PART_US
		       : INT64_MAX;
}

/* Pictures that do not come while sound goes on. */
static void stand_in(struct cmaf_cutter *cutter)
{
	int64_t at_us;
	while ((at_us = part_end_us(cutter)) != INT64_MAX) {
		const struct frame *last = pace_frame(cutter, cutter->video.count - 1);
		if (!cmaf_still_is_due(&cutter->still, last->dts_us, cutter->sound.end_us))
			break;
		put_still(cutter, at_us);
	}
}

/* Up to a picture that came late, or is one of few. */
static void stand_in_until(struct cmaf_cutter *cutter, int64_t until_us)
{
	int64_t at_us;
	while ((at_us = part_end_us(cutter)) < until_us && at_us <= cutter->sound.end_us &&
	       cmaf_still_fits(&cutter->still))
		put_still(cutter, at_us);
}

static void drop_all(struct cmaf_cutter *cutter)
{
	shift(&cutter->ahead, cutter->ahead.count);
	shift(&cutter->video, cutter->video.count);
	drop(cutter->held, &cutter->held_count);
	cmaf_sound_end(&cutter->sound);
	cmaf_still_end(&cutter->still);
	media_config_unref(cutter->config);
	cutter->config = NULL;
}

/* The last picture stands as long as its sound goes on. */
static void emit_rest(struct cmaf_cutter *cutter)
{
	const size_t count = pace_count(cutter);
	if (!count)
		return;
	const int64_t last_us = pace_frame(cutter, count - 1)->dts_us;
	const int64_t end_us = last_us + frame_us(cutter), sound_us = cutter->sound.end_us;
	const bool longer = sound_us > end_us && sound_us - last_us <= CMAF_STILL_LONG_US;
	emit(cutter, cutter->sound.config && longer ? sound_us : end_us);
}

void cmaf_cutter_flush(struct cmaf_cutter *cutter)
{
	if (cutter->running) {
		work_off(cutter, true);
		emit_rest(cutter);
		end_segment(cutter);
	}
	drop_all(cutter);
	cutter->running = false;
	cutter->anew_at_key = false;
}

static bool is_hole(const struct cmaf_cutter *cutter, const struct frame *frame)
{
	const struct waiting *ahead = &cutter->ahead;
	const size_t count = pace_count(cutter);
	const struct frame *last = ahead->count ? ahead->frames[ahead->count - 1]
				   : count      ? pace_frame(cutter, count - 1)
						: NULL;
	if (!last)
		return false;
	const int64_t still_us = frame->dts_us - last->dts_us;
	if (!has_pictures(cutter))
		return still_us > CMAF_HOLE_US;
	if (!cutter->sound.config)
		return still_us > CMAF_STILL_ALONE_US;
	return still_us > CMAF_STILL_LONG_US ||
	       (still_us > CMAF_HOLE_US && frame->dts_us - cutter->sound.end_us > CMAF_HOLE_US);
}

static const struct frame *newest_picture(const struct cmaf_cutter *cutter)
{
	const struct waiting *ahead = &cutter->ahead, *video = &cutter->video;
	return ahead->count   ? ahead->frames[ahead->count - 1]
	       : video->count ? video->frames[video->count - 1]
			      : NULL;
}

/* Neither came for so long that nothing is to be shown all that time. */
static bool is_pause(const struct cmaf_cutter *cutter, const struct frame *sound)
{
	const struct frame *last = newest_picture(cutter);
	return last && cutter->sound.end_us != INT64_MIN &&
	       sound->dts_us - cutter->sound.end_us > CMAF_STILL_LONG_US &&
	       sound->dts_us - last->dts_us > CMAF_STILL_LONG_US;
}

/* Sound beside pictures. New sound waits for a keyframe: without one nothing can begin anew. */
static void take_beside(struct cmaf_cutter *cutter, struct frame *frame)
{
	if (differs(&cutter->sound.config, frame->config)) {
		cutter->anew_at_key = true;
	} else if (frame->dts_us >= cutter->begin_us) {
		cmaf_sound_push(&cutter->sound, frame);
		work_off(cutter, false);
		stand_in(cutter);
	}
}

static void take_picture(struct cmaf_cutter *cutter, struct frame *frame)
{
	if (cutter->sound.config)
		stand_in_until(cutter, frame->dts_us);
	struct frame *shown = cmaf_still_over(&cutter->still, frame, cutter->sound.end_us);
	if (shown)
		put(&cutter->ahead, shown);
	frame_unref(shown);
	work_off(cutter, false);
}

/* False when the frame does not continue what runs. */
static bool take(struct cmaf_cutter *cutter, struct frame *frame)
{
	const bool video = codec_is_video(frame->codec);
	if (!video && has_pictures(cutter)) {
		if (is_pause(cutter, frame))
			return false;
		take_beside(cutter, frame);
		return true;
	}
	if (differs(video ? &cutter->config : &cutter->sound.config, frame->config) ||
	    is_hole(cutter, frame) || (video && frame->key && cutter->anew_at_key))
		return false;
	if (video) {
		take_picture(cutter, frame);
	} else {
		cut_before(cutter, frame);
		cmaf_sound_push(&cutter->sound, frame);
	}
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

static void begin(struct cmaf_cutter *cutter, const struct cmaf_tracks *tracks, int64_t begin_us)
{
	struct cmaf_tracks shown = *tracks;
	if (cutter->sound_alone)
		shown.video = NULL;
	struct buf *header = cmaf_header(&shown);
	if (!header)
		return;
	cutter->config = tracks->video ? media_config_ref(tracks->video) : NULL;
	if (tracks->audio)
		cmaf_sound_begin(&cutter->sound, tracks->audio,
				 tracks->video ? begin_us : INT64_MIN);
	cutter->begin_us = begin_us;
	cutter->running = true;
	cutter->in_segment = false;
	cutter->ops->map(cutter->arg, &shown, header);
	buf_unref(header);
}

/* Whether the held frames are enough to begin with. A picture may be a whole group away. */
static bool ready(const struct cmaf_cutter *cutter, const struct cmaf_tracks *tracks,
		  const struct cmaf_expected *expected, int64_t now_us)
{
	const int64_t waited_us = now_us - cutter->held_since_us;
	const bool full = cutter->held_count == CMAF_HELD_MAX;
	if (!tracks->video && !tracks->audio)
		return false;
	return (tracks->video || !expected->video || full || waited_us >= CMAF_KEY_WAIT_US) &&
	       (tracks->audio || !expected->audio || full || waited_us >= CMAF_WAIT_US);
}

/* Sound that begins while the picture stands has the last keyframe with it. True: so it is. */
static bool bring_on(struct cmaf_cutter *cutter)
{
	struct frame *key = NULL, *sound = NULL;
	size_t kept = 0;
	int64_t last_us = 0;
	for (size_t i = 0; i < cutter->held_count; i++) {
		struct frame *frame = cutter->held[i];
		if (!codec_is_video(frame->codec)) {
			sound = sound ? sound : frame;
			continue;
		}
		key = frame->key ? frame : key;
		last_us = frame->dts_us;
	}
	if (!key || !sound || sound->dts_us - last_us <= CMAF_HOLE_US)
		return false;
	struct frame *shown = cmaf_still_copy(key, key->data, sound->dts_us);
	for (size_t i = 0; i < cutter->held_count; i++)
		if (codec_is_video(cutter->held[i]->codec))
			frame_unref(cutter->held[i]);
		else
			cutter->held[kept++] = cutter->held[i];
	cutter->held[kept++] = shown;
	cutter->held_count = kept;
	return true;
}

static void begin_with(struct cmaf_cutter *cutter, const struct cmaf_tracks *tracks, int64_t now_us)
{
	struct frame *frames[CMAF_HELD_MAX];
	const bool stands = bring_on(cutter);
	const size_t count = cutter->held_count;
	if (!count)
		return;
	memcpy(frames, cutter->held, count * sizeof(struct frame *));
	cutter->held_count = 0;
	size_t first = 0; /* of the track that sets the pace: sound before it is of no use */
	while (tracks->video && !codec_is_video(frames[first]->codec))
		first++;
	begin(cutter, tracks, frames[first]->dts_us);
	/* Sound first: whether it begins late is known before the first part. */
	for (int video = 0; video < 2; video++)
		for (size_t i = 0; i < count; i++)
			if (cutter->running && codec_is_video(frames[i]->codec) == video)
				cmaf_cutter_push(cutter, frames[i], now_us);
	cutter->still.waits = stands;
	for (size_t i = 0; i < count; i++)
		frame_unref(frames[i]);
}

/* Sound that is late is silence until it comes: players take no track in later. */
static void begin_if_ready(struct cmaf_cutter *cutter, int64_t now_us)
{
	const struct cmaf_expected expected = cutter->ops->expected(cutter->arg);
	struct cmaf_tracks tracks = held_tracks(cutter);
	if (ready(cutter, &tracks, &expected, now_us)) {
		if (!tracks.audio)
			tracks.audio = expected.aac;
		begin_with(cutter, &tracks, now_us);
	}
	media_config_unref(expected.aac);
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

bool cmaf_cutter_wants_key(const struct cmaf_cutter *cutter)
{
	return cutter->still.waits;
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
	drop_all(cutter);
	for (size_t i = 0; i < cutter->event_count; i++)
		buf_unref(cutter->events[i]);
	free(cutter);
}
