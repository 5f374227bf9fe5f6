/*
 * What a viewer's reports tell of the path to him, held against what is sent: REMB that falls,
 * round trips that grow, losses. Tells of trouble; what is done about it is rtp_path's. All rates
 * are of pictures alone, in bits a second. Knows no packets and no clock. One owner.
 */
#ifndef SOUK_MEDIA_RTP_PATH_SIGNALS_H
#define SOUK_MEDIA_RTP_PATH_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PATH_CHOKE_US = 300000, /* a queue as long is no place to wait in for a keyframe */
	PATH_SENT = 16, /* times at which it is known how much was sent */
};

/* The lowest or highest value of a time that has passed, within a factor of two. */
struct path_extreme {
	int64_t value, former;
	int64_t since_us;
	bool known, former_known;
};

struct path_signals {
	uint64_t mean_bps; /* of the picture that flows; 0: none does, or it is not known yet */
	int64_t flows_us; /* since when */
	int64_t changed_us; /* another one was chosen, or a probe failed */
	bool probed; /* padding is sent, too */
	uint64_t remb_bps;
	int64_t remb_us; /* 0: none yet */
	int64_t fell_us; /* REMB did, last */
	bool risen; /* it was about as high as what flows, since that flows */
	struct path_extreme remb_high;
	int64_t rtt_us; /* -1: none yet */
	int64_t rtt_at_us;
	struct path_extreme rtt_low;
	struct path_extreme rtt_least; /* since flows_us, of late */
	int64_t slow_us; /* since when round trips are long; 0: they are not */
	int64_t full_us; /* a queue of PATH_CHOKE_US was told of last */
	uint32_t highest_seq; /* as of the last report that was counted */
	int32_t lost;
	int64_t reported_us; /* 0: none yet */
	int loss; /* mean, of 256 * 16 */
	unsigned low, slow, lossy; /* such reports in a row */
	struct {
		int64_t at_us;
		uint32_t bytes;
	} sent[PATH_SENT];
	unsigned sent_count; /* so far */
};

void path_signals_init(struct path_signals *said);

void path_signals_remb(struct path_signals *said, uint64_t bps, int64_t now_us);
/* Of a receiver report: the extended highest number and the cumulative loss. */
void path_signals_report(struct path_signals *said, uint32_t highest_seq, int32_t lost,
			 int64_t now_us);
/* The reports are of another stream from now on. */
void path_signals_restart_reports(struct path_signals *said);
/* A round trip was measured, by a report that we sent at `sent_us`. */
void path_signals_rtt(struct path_signals *said, int64_t sent_us, int64_t rtt_us, int64_t now_us);
/* So many bytes of pictures were sent so far. */
void path_signals_sent(struct path_signals *said, uint32_t bytes, int64_t now_us);

/* Another picture flows, or none: what was told is of the one before. */
void path_signals_flow(struct path_signals *said, int64_t now_us);
/* The one that flows is not what was chosen: it is not judged. */
void path_signals_wait(struct path_signals *said, int64_t now_us);
/* Another picture was chosen. */
void path_signals_change(struct path_signals *said, int64_t now_us);
void path_signals_probe(struct path_signals *said, int64_t now_us);
void path_signals_probe_failed(struct path_signals *said, int64_t now_us);

/* The shortest round trip of late; 0: none is known. */
int64_t path_signals_base_us(const struct path_signals *said);
/* By how much the newest round trip is longer than the shortest; 0: none is known of late. */
int64_t path_signals_queue_us(const struct path_signals *said, int64_t now_us);
/* Longer than a picture that gets through makes it. */
bool path_signals_has_queue(const struct path_signals *said, int64_t now_us);
/* Losses are those of a full queue. */
bool path_signals_is_full(const struct path_signals *said, int64_t now_us);
/* Something happens, or has happened just now. */
bool path_signals_is_uneasy(const struct path_signals *said, int64_t now_us);
/* REMB fell just now, or losses were told of: by a probe, if there is one. */
bool path_signals_is_hurt(const struct path_signals *said, int64_t now_us);

/* What gets through, by what is known; never more than mean_bps. */
uint64_t path_signals_carried_bps(const struct path_signals *said, int64_t now_us);
/* What flows is too much. */
bool path_signals_in_trouble(const struct path_signals *said, int64_t now_us);
/* By far. */
bool path_signals_is_choked(const struct path_signals *said, int64_t now_us);
/* So much that waiting beside it for a smaller picture's keyframe takes too long. */
bool path_signals_gets_worse(const struct path_signals *said, int64_t now_us);

/* For the smallest picture, for which there is no smaller one: not half of it gets through; */
bool path_signals_is_far_below(const struct path_signals *said);
/* it does not get through; one that does may well have a queue before it, */
bool path_signals_is_hopeless(const struct path_signals *said);
/* and that queue stays. */
bool path_signals_queue_stands(const struct path_signals *said, int64_t now_us);

#endif
