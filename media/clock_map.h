/*
 * The two times of a room (design section 6). Source time -> media_us: exact, a shift per epoch;
 * from one epoch to the next media time advances by the true gap on the server's clock. media_us ->
 * capture_us: a line that slews by at most 0.5 % towards the best estimate and jumps only with a
 * new epoch. The host's clock is never taken as UTC: sender reports give a rate and an order,
 * arrival gives the offset.
 *
 * One writer (the publisher's thread); who shares it locks. Arrival times are server UTC.
 */
#ifndef SOUK_MEDIA_CLOCK_MAP_H
#define SOUK_MEDIA_CLOCK_MAP_H

#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_MAP_WINDOW_S = 10, CLOCK_MAP_SLEW_PPM = 5000 };

/* The smallest of the values seen in the last 10 s. */
struct min_window {
	int64_t second[CLOCK_MAP_WINDOW_S]; /* which second the slot holds */
	int64_t min[CLOCK_MAP_WINDOW_S];
};

struct clock_track {
	bool seen;
	int64_t last_us; /* source time of the newest frame of this track in this epoch */
	int64_t arrival_us; /* and when it came */
	int64_t newest_us; /* media time of its newest frame, over all epochs */
};

struct clock_map {
	uint32_t epoch;
	bool running; /* the epoch has had its first frame */
	int64_t shift_us; /* media_us = source_us + shift_us */
	struct clock_track track[2]; /* video, audio */
	/* The jump that this epoch began with, while sound of before may be on its way. */
	bool jumped;
	int64_t jump_us, jumped_at_us;
	int64_t sound_before_us; /* source time */
	/* The end of what was pushed, over all epochs: media time and when it arrived. */
	int64_t end_us;
	int64_t end_arrival_us;
	int64_t frame_us; /* the newest video frame's duration, to close gaps with */
	int64_t gap_us; /* see struct frame */
	/* capture_us = anchor_capture_us + (media_us - anchor_media_us) * (1 + rate_ppm / 10^6) */
	int64_t anchor_media_us, anchor_capture_us;
	int32_t rate_ppm;
	int64_t err_us;
	/* What the line slews to. */
	struct min_window arrival; /* arrival - media time */
	struct min_window host; /* arrival - host's clock */
	struct min_window round_trip; /* the quickest bounds the way of the quickest packet */
	bool reported; /* a sender report of this epoch was seen */
	int64_t host_offset_us; /* host's clock - media time */
	int64_t rtt_us; /* the least of round_trip; 0: not known */
};

void clock_map_init(struct clock_map *map);

/* The next epoch. Its first frame anchors it. Returns its number: at least `epoch`, and larger than
 * the last one. */
uint32_t clock_map_begin(struct clock_map *map, uint32_t epoch);

enum clock_map_verdict {
	CLOCK_MAP_OK,
	CLOCK_MAP_NEW_EPOCH, /* OK, and the source's clock jumped: map->epoch is the next one */
	CLOCK_MAP_STRAY, /* a track that has not followed a jump yet, or goes back: drop it */
};

struct clock_map_sample {
	bool video;
	int64_t dts_us, pts_us; /* source time, both of the same clock for both tracks */
	int64_t duration_us; /* 0: unknown */
	int64_t arrival_us; /* server UTC */
};

/* Tells what to do with a frame and, unless it strays, updates the map. More than 2 s backwards
 * (pictures: half a second), 10 s forward, or 1 s forward in less time on both tracks is a jump.
 * The times of a picture that would go back are moved. */
enum clock_map_verdict clock_map_frame(struct clock_map *map, struct clock_map_sample *sample);

/* An RTCP sender report, or abs-capture-time: the host's clock (NTP as UTC microseconds) at a
 * source time; `arrival_us` when it came, `rtt_us` the round trip to the host (0: unknown). */
void clock_map_sender_report(struct clock_map *map, int64_t host_us, int64_t source_us,
			     int64_t arrival_us, int64_t rtt_us);

int64_t clock_map_media_us(const struct clock_map *map, int64_t source_us);
int64_t clock_map_capture_us(const struct clock_map *map, int64_t media_us);

#endif
