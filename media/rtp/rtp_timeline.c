#include "media/rtp/rtp_timeline.h"

#include <stdlib.h>

enum { VIDEO_RATE = 90000, AUDIO_RATE = 48000, USUAL_WEIGHT = 256 };
/* How fast the picture moves towards the sound: a 32nd of real time, a quarter when it is far. */
enum { SLEW_SLOW = 32, SLEW_FAST = 4, SLEW_FAR_US = 200000, SLEW_DONE_US = 500 };

void rtp_timeline_init(struct rtp_timeline *timeline)
{
	*timeline = (struct rtp_timeline){ 0 };
	for (int track = 0; track < RTP_TRACKS; track++)
		timeline->stream[track].rate = track == RTP_AUDIO ? AUDIO_RATE : VIDEO_RATE;
}

/* Exact for both rates: 90 kHz in ninths of 100 us, 48 kHz in sixths of 125 us. */
static int64_t to_us(const struct timeline_stream *stream, int64_t time)
{
	return stream->rate == VIDEO_RATE ? time * 100 / 9 : time * 125 / 6;
}

static int64_t unwrap(const struct timeline_stream *stream, uint32_t timestamp)
{
	return stream->time + (int32_t)(timestamp - (uint32_t)stream->time);
}

static void anchor(struct timeline_stream *stream, int64_t arrival_us, int64_t usual_us)
{
	stream->usual_us = usual_us;
	stream->offset_us = arrival_us - usual_us - to_us(stream, stream->time);
	if (stream->started && stream->offset_us + to_us(stream, stream->time) <= stream->source_us)
		stream->offset_us = stream->source_us + 1000 - to_us(stream, stream->time);
	stream->started = true;
	stream->reported = false;
}

/* What a picture slews towards; NULL when there is nothing. */
static const struct timeline_stream *reference(const struct rtp_timeline *timeline, unsigned track)
{
	if (timeline->stream[RTP_AUDIO].reported)
		return &timeline->stream[RTP_AUDIO];
	for (unsigned layer = 0; layer < track; layer++)
		if (timeline->stream[layer].reported)
			return &timeline->stream[layer];
	return NULL;
}

/* Picture source time minus what the reports of both streams say it should be. */
static bool sync_error(const struct rtp_timeline *timeline, unsigned track, int64_t *error_us)
{
	const struct timeline_stream *video = &timeline->stream[track];
	const struct timeline_stream *other = reference(timeline, track);
	if (!video->reported || !other)
		return false;
	const int64_t host_us = video->report_utc_us - other->report_utc_us;
	const int64_t here_us =
		(video->report_us + video->offset_us) - (other->report_us + other->offset_us);
	*error_us = here_us - host_us;
	return llabs(*error_us) <= TIMELINE_SYNC_MAX_US;
}

static void slew(struct rtp_timeline *timeline, unsigned track, int64_t passed_us)
{
	int64_t error_us;
	if (passed_us <= 0 || !sync_error(timeline, track, &error_us))
		return;
	const int64_t size_us = llabs(error_us);
	if (size_us > TIMELINE_SLEW_FROM_US)
		timeline->slewing[track] = true;
	else if (size_us < SLEW_DONE_US)
		timeline->slewing[track] = false;
	if (!timeline->slewing[track])
		return;
	const int64_t most_us = passed_us / (size_us > SLEW_FAR_US ? SLEW_FAST : SLEW_SLOW);
	const int64_t step_us = size_us < most_us ? size_us : most_us;
	timeline->stream[track].offset_us -= error_us > 0 ? step_us : -step_us;
}

int64_t rtp_timeline_frame(struct rtp_timeline *timeline, unsigned track, uint32_t timestamp,
			   int64_t arrival_us, bool *jumped)
{
	struct timeline_stream *stream = &timeline->stream[track];
	*jumped = false;
	if (!stream->started) {
		stream->time = timestamp;
		anchor(stream, arrival_us, 0);
		stream->source_us = arrival_us;
		return stream->source_us;
	}
	const int64_t time = unwrap(stream, timestamp);
	const int64_t passed_us = to_us(stream, time) - to_us(stream, stream->time);
	stream->time = time;
	const int64_t behind_us = arrival_us - (to_us(stream, time) + stream->offset_us);
	const int64_t drift_us = behind_us - stream->usual_us;
	if (drift_us < -TIMELINE_AHEAD_MAX_US || drift_us > TIMELINE_LATE_MAX_US) {
		anchor(stream, arrival_us, stream->usual_us);
		*jumped = true;
	} else {
		stream->usual_us += drift_us / USUAL_WEIGHT;
		if (track != RTP_AUDIO)
			slew(timeline, track, passed_us);
	}
	stream->source_us = to_us(stream, time) + stream->offset_us;
	return stream->source_us;
}

bool rtp_timeline_report(struct rtp_timeline *timeline, unsigned track, int64_t utc_us,
			 uint32_t timestamp, int64_t *source_us)
{
	struct timeline_stream *stream = &timeline->stream[track];
	if (!stream->started)
		return false;
	stream->reported = true;
	stream->report_us = to_us(stream, unwrap(stream, timestamp));
	stream->report_utc_us = utc_us;
	*source_us = stream->report_us + stream->offset_us;
	return true;
}

void rtp_timeline_restart(struct rtp_timeline *timeline, unsigned track)
{
	const uint32_t rate = timeline->stream[track].rate;
	timeline->stream[track] = (struct timeline_stream){ .rate = rate };
}
