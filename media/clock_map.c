#include "media/clock_map.h"

#include <stdlib.h>

enum {
	SECOND_US = 1000000,
	/* A room starts here, not at 0: the audio and the decoding times just before the first
	 * frame must not become negative. */
	ROOM_START_US = SECOND_US,
	JUMP_BACK_US = 2 * SECOND_US,
	JUMP_FORWARD_US = 10 * SECOND_US,
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
	*map = (struct clock_map){ .end_us = ROOM_START_US, .frame_us = FRAME_US };
}

uint32_t clock_map_begin(struct clock_map *map, uint32_t epoch)
{
	map->epoch = epoch > map->epoch ? epoch : map->epoch + 1;
	map->running = false;
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
static bool is_far(const struct clock_track *track, int64_t dts_us)
{
	return track->seen && (dts_us < track->last_us - JUMP_BACK_US ||
			       dts_us > track->last_us + JUMP_FORWARD_US);
}

static enum clock_map_verdict judge(const struct clock_map *map,
				    const struct clock_map_sample *sample)
{
	if (!map->running)
		return CLOCK_MAP_OK;
	const struct clock_track *own = &map->track[!sample->video];
	const struct clock_track *other = &map->track[sample->video];
	const bool far = (own->seen || other->seen) &&
			 (is_far(own, sample->dts_us) || !own->seen) &&
			 (is_far(other, sample->dts_us) || !other->seen);
	if (!far)
		return CLOCK_MAP_OK;
	if (!sample->video && other->seen && sample->arrival_us - other->arrival_us < STRAY_US)
		return CLOCK_MAP_STRAY;
	return CLOCK_MAP_NEW_EPOCH;
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

enum clock_map_verdict clock_map_frame(struct clock_map *map, const struct clock_map_sample *sample)
{
	enum clock_map_verdict verdict = judge(map, sample);
	if (verdict == CLOCK_MAP_STRAY)
		return verdict;
	if (verdict == CLOCK_MAP_NEW_EPOCH)
		clock_map_begin(map, 0);
	if (!map->running)
		anchor(map, sample);
	struct clock_track *track = &map->track[!sample->video];
	if (sample->video && track->seen && sample->dts_us > track->last_us &&
	    sample->dts_us - track->last_us < SECOND_US / 4)
		map->frame_us = sample->dts_us - track->last_us;
	track->seen = true;
	track->last_us = sample->dts_us;
	track->arrival_us = sample->arrival_us;
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
