#include "server/sound.h"

#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/publish.h"
#include "media/transcode.h"

static enum codec other(enum codec codec)
{
	return codec == CODEC_AAC ? CODEC_OPUS : CODEC_AAC;
}

static void on_frame_out(struct frame *frame, void *arg)
{
	struct sound *sound = arg;
	sound->made_epoch = frame->epoch;
	(void)broadcast_push_made(sound->broadcast, frame_ref(frame));
}

static void on_frame(struct sink *sink, struct frame *frame)
{
	struct sound *sound = list_entry(sink, struct sound, sink);
	if (frame->codec != sink->audio)
		return;
	if (!sound->transcode && transcode_create(&sound->transcode, sound->pool, frame->config,
						  sound->to, on_frame_out, sound))
		return;
	transcode_push(sound->transcode, frame);
}

static void on_start(struct sink *sink, struct frame *const *gop, size_t count)
{
	for (size_t i = 0; i < count; i++)
		on_frame(sink, gop[i]);
}

static void end_transcode(struct sound *sound)
{
	transcode_destroy(sound->transcode);
	sound->transcode = NULL;
	sound->told_cpu_us = 0;
}

static void on_ended(struct sink *sink)
{
	end_transcode(list_entry(sink, struct sound, sink));
}

static const struct sink_ops sink_ops = { .start = on_start, .frame = on_frame, .ended = on_ended };

void sound_init(struct sound *sound, enum codec to, struct broadcast *broadcast,
		struct fanout *fanout, struct transcode_pool *pool)
{
	*sound = (struct sound){ .broadcast = broadcast, .fanout = fanout, .pool = pool, .to = to };
	sound->sink = (struct sink){ .ops = &sink_ops, .audio = other(to), .skip_video = true };
}

static bool needed(const struct sound *sound)
{
	struct media_config *source = broadcast_audio_config(sound->broadcast, other(sound->to));
	struct media_config *made = broadcast_audio_config(sound->broadcast, sound->to);
	/* What the transcoder made has a config, too, also after it was stopped: only a source that
	 * brings both needs none. */
	const bool ours = sound->running || sound->made_epoch == broadcast_epoch(sound->broadcast);
	const bool only_other = source && (!made || ours);
	media_config_unref(source);
	media_config_unref(made);
	return only_other && broadcast_readers(sound->broadcast, sound_track(sound->to)) > 0;
}

void sound_update(struct sound *sound)
{
	const bool run = needed(sound);
	if (run == sound->running)
		return;
	if (run) {
		sound->running = fanout_add(sound->fanout, sound->broadcast, &sound->sink) == 0;
		return;
	}
	sound_finish(sound);
}

uint64_t sound_cpu_us(struct sound *sound)
{
	struct transcode_stats stats;
	if (!sound->transcode)
		return 0;
	transcode_stats(sound->transcode, &stats);
	const uint64_t since_us = stats.cpu_us - sound->told_cpu_us;
	sound->told_cpu_us = stats.cpu_us;
	return since_us;
}

void sound_finish(struct sound *sound)
{
	if (!sound->running)
		return;
	fanout_remove(sound->fanout, &sound->sink);
	end_transcode(sound);
	sound->running = false;
}
