#include "media/clock_map.h"

#include <stdlib.h>

enum {
	SECOND_US = 1000000,
	/* A room starts here, not at 0: the audio and the decoding times just before the first
	 * frame must not become negative. */
	ROOM_START_US = SECOND_US,
	JUMP_BACK_US = 2 * SECOND_US,
	JUMP_FORWARD_US = 10 * SECOND_US,
	/* A step ahead that has not taken its time: a hole that players would wait in. */
	JUMP_AHEAD_US = SECOND_US,
	/* Decoding times of pictures do not go back; less is jitter, or B-frames told by the time
	 * that they are shown at. */
	PICTURE_BACK_US = SECOND_US / 2,
	NUDGE_US = 1000, /* formats count milliseconds */
	/* Video leads: audio alone does not start an epoch while video came within this time. */
	STRAY_US = 2 * SECOND_US,
	FRAME_US = 33333, /* until the source has shown its own */
	ADJUST_US = SECOND_US, /* how often the slope is set */
	CATCH_UP_S = 10, /* an error is slewed away in about this time */
	NEGLIGIBLE_US = 500,
	/* An arrival tells nothing of what the encoder and the way here took. */
	ARRIVAL_ERR_US = 500000,
	REPORT_ERR_US = 5000, /* beside RTT / 2: queues that never were empty */
};

#define UNKNOWN_US INT64_MAX

static int64_t clamp(int64_t value, int64_t limit)
{
	if (value > limit)
		return limit;
	return value < -limit ? -limit : value;
}

static void window_add(struct min_window *window, int64_t now_us, int64_t value)
{
	const int64_t second = now_us / SECOND_US;
	const size_t slot = (size_t)(second % CLOCK_MAP_WINDOW_S);
	if (window->second[slot] == second && window->min[slot] <= value)
		return;
	window->second[slot] = second;
	window->min[slot] = value;
}

static int64_t window_min(const struct min_window *window, int64_t now_us)
{
	const int64_t second = now_us / SECOND_US;
	int64_t min = UNKNOWN_US;
	for (int i = 0; i < CLOCK_MAP_WINDOW_S; i++) {
		if (second - window->second[i] < CLOCK_MAP_WINDOW_S && window->min[i] < min)
			min = window->min[i];
	}
	return min;
}

void clock_map_init(struct clock_map *map)
{
	*map = (struct clock_map){ .end_us = ROOM_START_US,
				   .frame_us = FRAME_US,
				   .track = { { .newest_us = INT64_MIN },
					      { .newest_us = INT64_MIN } } };
}

uint32_t clock_map_begin(struct clock_map *map, uint32_t epoch)
{
	map->epoch = epoch > map->epoch ? epoch : map->epoch + 1;
	map->running = false;
	map->jumped = false;
	return map->epoch;
}

int64_t clock_map_media_us(const struct clock_map *map, int64_t source_us)
{
	return source_us + map->shift_us;
}

int64_t clock_map_capture_us(const struct clock_map *map, int64_t media_us)
{
	const int64_t since_us = media_us - map->anchor_media_us;
	return map->anchor_capture_us + since_us + since_us * map->rate_ppm / SECOND_US;
}

/* The first frame of an epoch: media time goes on by the true gap, and the line starts anew. */
static void anchor(struct clock_map *map, const struct clock_map_sample *sample)
{
	int64_t start_us = map->end_us;
	if (map->end_arrival_us) {
		const int64_t true_gap_us = sample->arrival_us - map->end_arrival_us;
		start_us += true_gap_us > map->frame_us ? true_gap_us : map->frame_us;
		map->gap_us += start_us - map->end_us - map->frame_us;
	}
	map->running = true;
	map->shift_us = start_us - sample->dts_us;
	map->track[0].seen = map->track[1].seen = false;
	map->arrival = (struct min_window){ { 0 }, { 0 } };
	map->host = (struct min_window){ { 0 }, { 0 } };
	map->round_trip = (struct min_window){ { 0 }, { 0 } };
	map->reported = false;
	map->anchor_media_us = clock_map_media_us(map, sample->pts_us);
	map->anchor_capture_us = sample->arrival_us;
	map->rate_ppm = 0;
	map->err_us = ARRIVAL_ERR_US;
}

/* Far from where this track was. Unknown: false. */
static bool is_far(const struct clock_track *track, const struct clock_map_sample *sample)
{
	const int64_t step_us = sample->dts_us - track->last_us;
	return track->seen && (step_us < -JUMP_BACK_US || step_us > JUMP_FORWARD_US);
}

/* The same of a track that is under way, which takes its time for what it steps. */
static bool has_jumped(const struct clock_track *track, const struct clock_map_sample *sample)
{
	const int64_t step_us = sample->dts_us - track->last_us;
	const int64_t took_us = sample->arrival_us - track->arrival_us;
	return is_far(track, sample) ||
	       (track->seen && step_us > JUMP_AHEAD_US && step_us - took_us > JUMP_AHEAD_US);
}

static bool is_jump(const struct clock_map *map, const struct clock_map_sample *sample)
{
	const struct clock_track *own = &map->track[!sample->video];
	const struct clock_track *other = &map->track[sample->video];
	if (!own->seen)
		return is_far(other, sample);
	if (sample->video && sample->dts_us < own->last_us - PICTURE_BACK_US)
		return true;
	return has_jumped(own, sample) && (!other->seen || has_jumped(other, sample));
}

/* Sound on its way when the picture jumped is nearer to where it was than to where it will be. */
static bool is_of_before(const struct clock_map *map, const struct clock_map_sample *sample)
{
	const int64_t since_us = sample->dts_us - map->sound_before_us;
	return map->jumped && !sample->video && !map->track[1].seen &&
	       sample->arrival_us - map->jumped_at_us < STRAY_US &&
	       llabs(since_us) < llabs(since_us - map->jump_us);
}

static enum clock_map_verdict judge(const struct clock_map *map,
				    const struct clock_map_sample *sample)
{
	const struct clock_track *video = &map->track[0];
	if (!map->running)
		return CLOCK_MAP_OK;
	if (is_of_before(map, sample))
		return CLOCK_MAP_STRAY;
	if (!is_jump(map, sample))
		return CLOCK_MAP_OK;
	if (!sample->video && video->seen && sample->arrival_us - video->arrival_us < STRAY_US)
		return CLOCK_MAP_STRAY;
	return CLOCK_MAP_NEW_EPOCH;
}

static void begin_after_jump(struct clock_map *map, const struct clock_map_sample *sample)
{
	const struct clock_track *video = &map->track[0], *sound = &map->track[1];
	const bool both = sample->video && video->seen && sound->seen;
	map->jump_us = sample->dts_us - video->last_us;
	map->sound_before_us = sound->last_us;
	map->jumped_at_us = sample->arrival_us;
	clock_map_begin(map, 0);
	map->jumped = both;
}

/* No track's media time ever goes back: pictures are moved, sound is what was heard before. */
static bool go_on(struct clock_map *map, struct clock_map_sample *sample)
{
	struct clock_track *track = &map->track[!sample->video];
	int64_t at_us = clock_map_media_us(map, sample->dts_us);
	if (at_us <= track->newest_us) {
		if (!sample->video)
			return false;
		at_us = track->newest_us + NUDGE_US;
		sample->dts_us = at_us - map->shift_us;
		if (sample->pts_us < sample->dts_us)
			sample->pts_us = sample->dts_us;
	}
	track->newest_us = at_us;
	return true;
}

/* Where the line should be now: capture - media. Unknown while the host's reports pause. */
static int64_t wanted_offset(const struct clock_map *map, int64_t now_us)
{
	if (!map->reported)
		return window_min(&map->arrival, now_us);
	const int64_t min_us = window_min(&map->host, now_us);
	return min_us == UNKNOWN_US ? min_us : map->host_offset_us + min_us - map->rtt_us / 2;
}

/* Continues the line from here with a slope that leads to the estimate. */
static void adjust(struct clock_map *map, int64_t media_us, int64_t now_us)
{
	const int64_t capture_us = clock_map_capture_us(map, media_us);
	const int64_t offset_us = wanted_offset(map, now_us);
	const int64_t error_us = offset_us == UNKNOWN_US ? 0 : offset_us + media_us - capture_us;
	map->anchor_media_us = media_us;
	map->anchor_capture_us = capture_us;
	map->rate_ppm = 0;
	if (llabs(error_us) > NEGLIGIBLE_US)
		map->rate_ppm = (int32_t)clamp(error_us / CATCH_UP_S, CLOCK_MAP_SLEW_PPM);
	map->err_us = (map->reported ? map->rtt_us / 2 + REPORT_ERR_US : ARRIVAL_ERR_US) +
		      llabs(error_us);
}

static void note_frame(struct clock_map *map, const struct clock_map_sample *sample)
{
	struct clock_track *track = &map->track[!sample->video];
	const int64_t step_us = sample->dts_us - track->last_us;
	if (sample->video && track->seen && step_us > 0 && step_us < SECOND_US / 4)
		map->frame_us = step_us;
	track->seen = true;
	track->last_us = sample->dts_us;
	track->arrival_us = sample->arrival_us;
}

enum clock_map_verdict clock_map_frame(struct clock_map *map, struct clock_map_sample *sample)
{
	const enum clock_map_verdict verdict = judge(map, sample);
	if (verdict == CLOCK_MAP_STRAY)
		return verdict;
	if (verdict == CLOCK_MAP_NEW_EPOCH)
		begin_after_jump(map, sample);
	if (!map->running)
		anchor(map, sample);
	const struct clock_map_sample told = *sample;
	if (!go_on(map, sample))
		return CLOCK_MAP_STRAY;
	note_frame(map, &told);
	const int64_t media_us = clock_map_media_us(map, sample->pts_us);
	const int64_t latest_us = media_us > clock_map_media_us(map, sample->dts_us)
					  ? media_us
					  : clock_map_media_us(map, sample->dts_us);
	if (latest_us > map->end_us || !map->end_arrival_us)
		map->end_us = latest_us;
	map->end_arrival_us = sample->arrival_us;
	window_add(&map->arrival, sample->arrival_us, sample->arrival_us - media_us);
	if (media_us - map->anchor_media_us >= ADJUST_US)
		adjust(map, media_us, sample->arrival_us);
	return verdict;
}

void clock_map_sender_report(struct clock_map *map, int64_t host_us, int64_t source_us,
			     int64_t arrival_us, int64_t rtt_us)
{
	if (!map->running)
		return;
	window_add(&map->host, arrival_us, arrival_us - host_us);
	map->host_offset_us = host_us - clock_map_media_us(map, source_us);
	if (rtt_us > 0)
		window_add(&map->round_trip, arrival_us, rtt_us);
	const int64_t least_us = window_min(&map->round_trip, arrival_us);
	map->rtt_us = least_us == UNKNOWN_US ? 0 : least_us;
	map->reported = true;
}
