/*
 * What one viewer's path carries, and so which rendition it is shown: congestion control for
 * viewers without transport-wide feedback, which would cost four times the feedback packets. Down
 * by what receivers say unasked (path_signals). What is far too much stops at once, until the queue
 * that it left has drained (path_drain). Up by own probes (path_probe): when nothing gets worse,
 * the picture follows. When not even the smallest picture gets through, sound goes on alone.
 *
 * Knows no packets and no clock: told of reports, asked for a choice. One owner. Why it is as it
 * is: docs/decisions/0020.
 */
#ifndef SOUK_MEDIA_RTP_RTP_PATH_H
#define SOUK_MEDIA_RTP_RTP_PATH_H

#include "media/rendition.h"
#include "media/rtp/path_drain.h"
#include "media/rtp/path_probe.h"
#include "media/rtp/path_signals.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	PATH_NO_PICTURE = -1,
	/* rtp_path_limits.pinned beside slots */
	PATH_PINS_NOTHING = -1,
	PATH_PINS_SOUND = -2,
};

struct rtp_path {
	int level; /* of the table, as chosen; PATH_NO_PICTURE */
	int top; /* the largest that the viewer decodes */
	int flowing; /* the level that is sent; PATH_NO_PICTURE: none, for whatever reason */
	uint8_t slot; /* of the level */
	bool chosen; /* before: as high as there is */
	bool choked; /* since it was chosen a queue had to be drained */
	int64_t stood_us; /* the smallest picture's queue was let drain last */
	struct path_signals said;
	struct path_drain drain;
	struct path_probe probe;
};

void rtp_path_init(struct rtp_path *path);

void rtp_path_remb(struct rtp_path *path, uint64_t bps, int64_t now_us);

/* Of a receiver report about the picture, or about the sound when there is no picture: the extended
 * highest number and the cumulative loss. */
void rtp_path_report(struct rtp_path *path, uint32_t highest_seq, int32_t lost, int64_t now_us);
/* A round trip was measured, by a report that we sent at `sent_us`. */
void rtp_path_rtt(struct rtp_path *path, int64_t sent_us, int64_t rtt_us, int64_t now_us);

/* So many bytes of pictures were sent so far. */
void rtp_path_sent(struct rtp_path *path, uint32_t bytes, int64_t now_us);

/* The reports are of another stream from now on. */
void rtp_path_restart_reports(struct rtp_path *path);
/* The viewer was away: its link was down, or its machine asleep. What it tells of that is no
 * congestion, and its REMB has to find its way again. */
void rtp_path_returned(struct rtp_path *path, int64_t now_us);

/* The round trip has to be measured often: something happens. */
bool rtp_path_is_watched(const struct rtp_path *path, int64_t now_us);

/* Losses say that a queue is full, or was, not that the path loses packets. */
bool rtp_path_is_full(const struct rtp_path *path, int64_t now_us);

struct rtp_path_limits {
	uint8_t profile_max; /* what the viewer decodes, see rendition_fits() */
	int pinned; /* what the viewer insists on: a slot, PATH_PINS_… */
	int shown; /* slot whose pictures are sent, -1: none are just now */
	bool probes; /* padding can be sent */
};

/* The slot to show, or PATH_NO_PICTURE. `table` may be empty: slot 0. */
int rtp_path_choose(struct rtp_path *path, const struct rendition_table *table,
		    const struct rtp_path_limits *limits, int64_t now_us);

/* So many bytes a second, for sound between pictures not to be late; 0: as they come. */
uint32_t rtp_path_pace(const struct rtp_path *path, const struct rendition_table *table,
		       int64_t now_us);

/* How many bytes of padding are due now, since the last call. */
uint32_t rtp_path_padding(struct rtp_path *path, const struct rendition_table *table,
			  int64_t now_us);

#endif
