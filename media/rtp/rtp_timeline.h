/*
 * Pictures and sound of one publisher on one timeline. A stream's RTP clock gives exact distances;
 * where it stands in relation to the other is first taken from arrival, so that media starts
 * without waiting for anything, and corrected when both have sent reports: the picture slews
 * towards the sound, whose samples must stay evenly spaced, or without sound towards the first
 * layer. One owner.
 */
#ifndef SOUK_MEDIA_RTP_RTP_TIMELINE_H
#define SOUK_MEDIA_RTP_RTP_TIMELINE_H

#include "media/rtp/rtp_track.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	TIMELINE_AHEAD_MAX_US = 3000000, /* more than that against arrival is a jump of the clock */
	TIMELINE_LATE_MAX_US = 10000000,
	TIMELINE_SLEW_FROM_US = 5000, /* smaller differences are noise of the reports */
	TIMELINE_SYNC_MAX_US = 2000000, /* larger ones are a broken report */
};

struct timeline_stream {
	uint32_t rate; /* of the RTP clock, Hz */
	bool started;
	int64_t time; /* newest RTP timestamp, unwrapped */
	int64_t offset_us; /* source time = time in us + offset_us */
	int64_t usual_us; /* arrival - source time, slowly followed */
	int64_t source_us; /* newest given out */
	bool reported;
	int64_t report_us; /* the newest report: its RTP time in us, and NTP time */
	int64_t report_utc_us;
};

struct rtp_timeline {
	struct timeline_stream stream[RTP_TRACKS];
	bool slewing[RTP_TRACKS];
};

void rtp_timeline_init(struct rtp_timeline *timeline);

/* Source time of a frame. `jumped` is set when the stream's clock had to be anchored anew. */
int64_t rtp_timeline_frame(struct rtp_timeline *timeline, unsigned track, uint32_t timestamp,
			   int64_t arrival_us, bool *jumped);

/* A sender report. False before the stream's first frame; else the source time that it speaks of.
 */
bool rtp_timeline_report(struct rtp_timeline *timeline, unsigned track, int64_t utc_us,
			 uint32_t timestamp, int64_t *source_us);

/* The stream was replaced by another source: its next frame anchors it anew. */
void rtp_timeline_restart(struct rtp_timeline *timeline, unsigned track);

#endif
