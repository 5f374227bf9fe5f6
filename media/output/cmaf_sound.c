#include "media/output/cmaf_sound.h"

#include "media/codec/aac.h"

#include <string.h>

enum { SHORT_FRAME_SAMPLES = 960 };

static uint64_t ticks(const struct cmaf_sound *sound, int64_t media_us)
{
	return cmaf_ticks(media_us, sound->config->sample_rate);
}

void cmaf_sound_begin(struct cmaf_sound *sound, struct media_config *config, int64_t begin_us)
{
	struct aac_config aac;
	*sound = (struct cmaf_sound){ .config = media_config_ref(config),
				      .step = AAC_FRAME_SAMPLES,
				      .end_us = INT64_MIN };
	if (begin_us != INT64_MIN)
		sound->begin = ticks(sound, begin_us);
	if (aac_config_parse(&aac, config->header->data, config->header->len))
		return;
	if (aac.short_frames)
		sound->step = SHORT_FRAME_SAMPLES;
	struct buf *data =
		aac.object_type == AAC_LC && !aac.short_frames ? aac_silence(aac.channels) : NULL;
	if (data)
		sound->silence = frame_create(media_config_ref(config), data);
}

void cmaf_sound_push(struct cmaf_sound *sound, struct frame *frame)
{
	if (sound->count == CMAF_RUN_MAX)
		return;
	sound->waiting[sound->count++] = frame_ref(frame);
	sound->end_us = frame->dts_us + cmaf_sound_frame_us(sound);
}

int64_t cmaf_sound_frame_us(const struct cmaf_sound *sound)
{
	return (int64_t)sound->step * 1000000 / sound->config->sample_rate;
}

static void add(struct cmaf_sound *sound, struct cmaf_run *run, struct frame *frame)
{
	if (!run->count)
		run->begin = sound->next;
	sound->run[run->count++] = frame;
	sound->next += sound->step;
}

/* Silence up to that sample; nothing where it cannot be made. */
static void fill(struct cmaf_sound *sound, struct cmaf_run *run, uint64_t until)
{
	while (sound->silence && run->count < CMAF_RUN_MAX && sound->next + sound->step / 2 < until)
		add(sound, run, sound->silence);
}

/* The first frame says how whole steps lie between it and the beginning. */
static void start(struct cmaf_sound *sound, uint64_t at)
{
	const uint64_t before =
		sound->silence && sound->begin && at > sound->begin ? at - sound->begin : 0;
	sound->next = at - before / sound->step * sound->step;
	sound->began = true;
}

struct cmaf_run cmaf_sound_run(struct cmaf_sound *sound, int64_t until_us)
{
	struct cmaf_run run = { .frames = sound->run, .step = sound->step };
	for (sound->used = 0; sound->used < sound->count; sound->used++) {
		struct frame *frame = sound->waiting[sound->used];
		const uint64_t at = ticks(sound, frame->media_us);
		if (!sound->began)
			start(sound, at);
		if (frame->dts_us >= until_us) { /* nothing more will come before it */
			fill(sound, &run, ticks(sound, until_us));
			break;
		}
		if (at + sound->step / 2 < sound->next) /* again what there was */
			continue;
		fill(sound, &run, at);
		if (sound->next + sound->step / 2 < at) { /* a hole remains */
			if (run.count)
				break;
			sound->next = at;
		}
		if (run.count == CMAF_RUN_MAX)
			break;
		add(sound, &run, frame);
	}
	if (until_us == INT64_MAX)
		return run;
	const uint64_t gone = ticks(sound, until_us - CMAF_SOUND_GONE_US);
	if (!sound->began && sound->begin && gone > sound->begin)
		start(sound, sound->begin);
	if (sound->began)
		fill(sound, &run, gone);
	return run;
}

void cmaf_sound_taken(struct cmaf_sound *sound)
{
	for (size_t i = 0; i < sound->used; i++)
		frame_unref(sound->waiting[i]);
	sound->count -= sound->used;
	memmove(sound->waiting, sound->waiting + sound->used,
		sound->count * sizeof(struct frame *));
	sound->used = 0;
}

void cmaf_sound_end(struct cmaf_sound *sound)
{
	sound->used = sound->count;
	cmaf_sound_taken(sound);
	frame_unref(sound->silence);
	media_config_unref(sound->config);
	*sound = (struct cmaf_sound){ 0 };
}
