/*
 * What one viewer's path carries, and so which rendition it is shown: congestion control for
 * viewers without transport-wide feedback, which would cost four times the feedback packets. Down
 * by what receivers say unasked: REMB that falls, a round trip that grows, losses. What is far too
 * much stops at once, until the queue that it left has drained. Up by own probes: padding at the
 * rate of the next rendition; when nothing gets worse, the picture follows. When not even the
 * smallest picture gets through, sound goes on alone.
 *
 * Knows no packets and no clock: told of reports, asked for a choice. One owner.
 */
#ifndef SOUK_MEDIA_RTP_RTP_PATH_H
#define SOUK_MEDIA_RTP_RTP_PATH_H

#include "media/rendition.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	PATH_NO_PICTURE = -1,
	/* rtp_path_limits.pinned beside slots */
	PATH_PINS_NOTHING = -1,
	PATH_PINS_SOUND = -2,
	PATH_SENT = 16, /* times at which it is known how much was sent */
};

/* The lowest or highest value of a time that has passed, within a factor of two. */
struct path_extreme {
	int64_t value, former;
	int64_t since_us;
	bool known, former_known;
};

struct rtp_path {
	int level; /* of the table, as chosen; PATH_NO_PICTURE */
	int top; /* the largest that the viewer decodes */
	uint8_t slot; /* of the level */
	bool chosen; /* before: as high as there is */
	bool choked; /* by much more than the path carries, when this was chosen */
	int64_t changed_us;
	int flowing; /* the level that is sent; PATH_NO_PICTURE: none, for whatever reason */
	int64_t flows_us; /* since when */
	int64_t held_us; /* since when no picture is sent, so that the queue drains; 0: one is */
	int64_t unheard_us; /* a report that was sent then has not come through; 0: it has */
	uint64_t held_bps; /* what had been sent */
	bool light; /* too little for a queue to be full of it; */
	bool stilled; /* else one keyframe is shown meanwhile */
	int64_t drained_us; /* how long the queue was, when it is known to be gone; 0: not yet */
	int64_t emptied_us; /* the last time that it was */
	int64_t stood_us; /* the smallest picture's queue was let drain last */
	int64_t full_us; /* a queue as long as PATH_CHOKE_US was told of last */
	uint64_t remb_bps;
	int64_t remb_us; /* 0: none yet */
	bool risen; /* REMB was about as high as what flows, since it flows */
	struct path_extreme remb_high, rtt_low;
	int64_t rtt_us, rtt_at_us;
	struct path_extreme rtt_least; /* since flows_us, of late */
	int64_t slow_us; /* since when round trips are long; 0: they are not */
	uint32_t highest_seq; /* as of the last report that was counted */
	int32_t lost;
	int64_t reported_us; /* 0: none yet */
	int loss; /* mean, of 256 * 16 */
	unsigned low, slow, lossy; /* such reports in a row */
	int64_t fell_us; /* REMB did, last */
	struct {
		int64_t at_us;
		uint32_t bytes;
	} sent[PATH_SENT];
	unsigned sent_count; /* so far */
	int64_t patience_us;
	int64_t probe_us; /* since when; 0: no probe */
	int64_t padded_us; /* probe padding is sent up to this time */
	int64_t ramp_us; /* for so long padding was sent, while reports came */
	unsigned hurts; /* round trips since the probe began that were too long */
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

/* No picture is to be sent now. `changing`: the chosen one has not begun. */
bool rtp_path_holds(struct rtp_path *path, bool changing, int64_t now_us);

/* But a keyframe may, once: it stands still until the queue is gone. */
bool rtp_path_takes_still(struct rtp_path *path, int64_t now_us);

/* So many bytes a second, for sound between pictures not to be late; 0: as they come. */
uint32_t rtp_path_pace(const struct rtp_path *path, const struct rendition_table *table,
		       int64_t now_us);

/* How many bytes of padding are due now, since the last call. */
uint32_t rtp_path_padding(struct rtp_path *path, const struct rendition_table *table,
			  int64_t now_us);

#endif
