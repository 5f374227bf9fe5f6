/* An hour of a source on a clock that runs as fast as it can: what was captured at one instant
 * keeps one time, from what RTMP brings to what each output stamps. */
#include "media/clock_map.h"
#include "media/codec/aac.h"
#include "media/ingest/flv_ingest.h"
#include "media/output/cmaf_sound.h"
#include "media/output/flv_muxer.h"
#include "tests/support/flv_file.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

enum {
	SECONDS = 3600,
	PICTURES = 30, /* a second */
	STAMP_US = 1000, /* a host stamps in whole ms */
	ROUNDING_US = 1100, /* of two stamps, one of them in whole ms */
	JITTER_US = 40000,
	LINE_US = 2000, /* what the slewing of the capture line may be between two tracks */
};

/* 2026-01-01 */
static const int64_t start_us = 1767225600000000;

enum output { MEDIA, CAPTURE, FLV, CMAF, OUTPUTS };

/* The first picture of a second, and the first sample of it, by every output, in us. */
struct second {
	int64_t flash_us[OUTPUTS], beep_us[OUTPUTS];
};

struct fixture {
	struct flv_ingest ingest;
	struct clock_map map;
	struct cmaf_sound sound;
	uint32_t rate;
	uint64_t sounds, pictures; /* frames that came */
	int64_t arrival_us;
	uint32_t seed;
	struct frame *beep; /* waits for its fragment; NULL: none */
	struct second seconds[SECONDS + 2]; /* the last is not whole */
};

static struct fixture f;

static int64_t at_rate(uint64_t count, uint32_t rate)
{
	return (int64_t)(count * 1000000 / rate);
}

static void note_picture(const struct frame *frame)
{
	const uint64_t index = f.pictures++;
	if (index % PICTURES)
		return;
	int64_t *flash_us = f.seconds[index / PICTURES].flash_us;
	flash_us[MEDIA] = frame->media_us;
	flash_us[CAPTURE] = frame->capture_us;
	flash_us[FLV] = (int64_t)flv_time_ms(frame->media_us, 0) * 1000;
	flash_us[CMAF] =
		at_rate(cmaf_ticks(frame->media_us, CMAF_VIDEO_TIMESCALE), CMAF_VIDEO_TIMESCALE);
}

static uint64_t beep_sample(void)
{
	return (f.sounds * AAC_FRAME_SAMPLES + f.rate - 1) / f.rate * f.rate;
}

static void note_sound(struct frame *frame)
{
	const uint64_t sample = beep_sample();
	const uint64_t into = sample - f.sounds++ * AAC_FRAME_SAMPLES;
	if (into < AAC_FRAME_SAMPLES) {
		int64_t *beep_us = f.seconds[sample / f.rate].beep_us;
		const int64_t into_us = at_rate(into, f.rate);
		beep_us[MEDIA] = frame->media_us + into_us;
		beep_us[CAPTURE] = frame->capture_us + into_us;
		beep_us[FLV] = (int64_t)flv_time_ms(frame->media_us, 0) * 1000 + into_us;
		beep_us[CMAF] = into_us; /* the fragment tells the rest */
		frame_unref(f.beep);
		f.beep = frame_ref(frame);
	}
	if (!f.sound.config)
		cmaf_sound_begin(&f.sound, frame->config, INT64_MIN);
	cmaf_sound_push(&f.sound, frame);
}

static void on_frame(void *arg, struct frame *frame)
{
	const bool video = codec_is_video(frame->codec);
	struct clock_map_sample sample = {
		.video = video,
		.dts_us = frame->dts_us,
		.pts_us = frame->media_us,
		.arrival_us = f.arrival_us,
	};
	(void)arg;
	cr_assert(eq(int, clock_map_frame(&f.map, &sample), CLOCK_MAP_OK));
	frame->media_us = clock_map_media_us(&f.map, frame->media_us);
	frame->dts_us = frame->media_us;
	frame->capture_us = clock_map_capture_us(&f.map, frame->media_us);
	if (video)
		note_picture(frame);
	else
		note_sound(frame);
	frame_unref(frame);
}

static void take_fragment(int64_t until_us)
{
	const struct cmaf_run run = cmaf_sound_run(&f.sound, until_us);
	for (size_t i = 0; i < run.count; i++) {
		if (run.frames[i] != f.beep)
			continue;
		const uint64_t sample =
			(f.sounds * AAC_FRAME_SAMPLES - 1) / f.rate * f.rate; /* the newest beep */
		f.seconds[sample / f.rate].beep_us[CMAF] +=
			at_rate(run.begin + i * run.step, f.rate);
	}
	cmaf_sound_taken(&f.sound);
}

static void arrive(int64_t stamp_us)
{
	f.seed = f.seed * 1664525 + 1013904223;
	f.arrival_us = start_us + stamp_us + f.seed % JITTER_US;
}

static void send_picture(uint64_t index)
{
	static const uint8_t key[] = { 0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88 };
	static const uint8_t inter[] = { 0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 0x9a };
	const int64_t at_us = at_rate(index, PICTURES);
	const uint32_t at_ms = (uint32_t)((at_us + STAMP_US / 2) / STAMP_US);
	arrive(at_us);
	cr_assert(eq(int, flv_ingest_video(&f.ingest, at_ms, index % 60 ? inter : key, sizeof(key)),
		     0));
	if (index % PICTURES == PICTURES / 2)
		take_fragment(clock_map_media_us(&f.map, at_us));
}

static void send_sound(uint64_t index)
{
	static const uint8_t body[] = { 0xaf, 1, 0x21, 0x10 };
	const int64_t at_us = at_rate(index * AAC_FRAME_SAMPLES, f.rate);
	arrive(at_us);
	cr_assert(eq(int,
		     flv_ingest_audio(&f.ingest, (uint32_t)(at_us / STAMP_US), body, sizeof(body)),
		     0));
}

/* A real encoder's; what follows them only has to look like pictures. */
static void send_configs(void)
{
	struct flv_file file;
	struct flv_tag tag;
	uint8_t sound[4] = { 0xaf, 0 };
	flv_file_open(&file, "zerolatency.flv");
	while (flv_file_next(&file, &tag) && tag.type != FLV_TAG_VIDEO)
		continue;
	cr_assert(eq(int, flv_ingest_video(&f.ingest, 0, tag.body, tag.len), 0));
	flv_file_close(&file);
	cr_assert(eq(int, aac_config_build(sound + 2, f.rate, 2), 0));
	cr_assert(eq(int, flv_ingest_audio(&f.ingest, 0, sound, sizeof(sound)), 0));
}

static void run_hour(uint32_t rate)
{
	memset(&f, 0, sizeof(f));
	f.rate = rate;
	flv_ingest_init(&f.ingest, on_frame, NULL);
	clock_map_init(&f.map);
	clock_map_begin(&f.map, 0);
	send_configs();
	uint64_t sounds = 0;
	for (uint64_t picture = 0; picture <= (uint64_t)SECONDS * PICTURES + PICTURES; picture++) {
		const int64_t now_us = at_rate(picture, PICTURES);
		while (at_rate(sounds * AAC_FRAME_SAMPLES, rate) < now_us)
			send_sound(sounds++);
		if (picture <= (uint64_t)SECONDS * PICTURES)
			send_picture(picture);
	}
	frame_unref(f.beep);
	cmaf_sound_end(&f.sound);
	flv_ingest_finish(&f.ingest);
}

static const struct {
	const char *name;
	enum output output;
	int64_t most_us;
} bounds[] = {
	{ "media time", MEDIA, ROUNDING_US },
	{ "capture time", CAPTURE, LINE_US },
	{ "FLV", FLV, ROUNDING_US + 1000 },
	{ "CMAF", CMAF, ROUNDING_US },
};

static const uint32_t rates[] = { 44100, 48000, 32000, 22050 };

ParameterizedTestParameters(skew, an_hour_moves_sound_and_picture_by_no_more_than_rounding)
{
	static size_t index[] = { 0, 1, 2, 3 };
	return cr_make_param_array(size_t, index, 4);
}

ParameterizedTest(size_t *index, skew, an_hour_moves_sound_and_picture_by_no_more_than_rounding)
{
	run_hour(rates[*index]);
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		for (unsigned second = 1; second < SECONDS; second++) {
			const struct second *at = &f.seconds[second];
			const int64_t skew_us =
				at->beep_us[bounds[i].output] - at->flash_us[bounds[i].output];
			cr_assert(llabs(skew_us) <= bounds[i].most_us,
				  "%s of %u Hz: %lld us at %u s", bounds[i].name, rates[*index],
				  (long long)skew_us, second);
		}
	}
}
