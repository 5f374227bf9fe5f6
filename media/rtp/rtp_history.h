/*
 * What one viewer was sent lately, for retransmission: a reference to each frame and the sequence
 * number of its first packet, so that a packet is made again, bit for bit, from the frame's shared
 * image. What came since the newest keyframe is kept longer than the rest: without it nothing is
 * seen before the next one; the bus keeps those frames anyway. Grows with the source's groups of
 * pictures, never per frame. Also judges whether a repetition is due (RFC 4585 leaves that to the
 * sender). One owner.
 */
#ifndef SOUK_MEDIA_RTP_RTP_HISTORY_H
#define SOUK_MEDIA_RTP_RTP_HISTORY_H

#include "media/rtp/rtp_playout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame;

enum {
	HISTORY_FRAMES = 128, /* at first; two seconds of 60 a second */
	HISTORY_FRAMES_MAX = 1024,
	HISTORY_US = 2000000,
	HISTORY_GROUP_US = 15000000, /* since the newest keyframe, */
	HISTORY_GROUP_BYTES = 4 * 1024 * 1024, /* up to so much */
	RTX_MARKS = 256,
	RTX_INTERVAL_US = 10000, /* one packet at most once in this time, */
	RTX_INTERVAL_RTT = 75, /* nor in this part of the round trip, in percent */
	/* With 10 % loss both ways a repetition fails in one of five cases: three of them leave one
	 * packet of 1,500 missing, and with it the rest of its group of pictures. */
	RTX_TIMES_MAX = 8,
	RTX_SHARE = 4, /* at most a quarter of what was sent */
	RTX_BUDGET_MAX = 64 * 1024,
};

enum rtx_verdict { RTX_SEND, RTX_WAIT, RTX_ENOUGH };

struct history_entry {
	struct frame *frame;
	int64_t sent_us;
	uint32_t count; /* packets that have gone out so far */
	uint32_t bytes;
	uint16_t first_seq;
	struct rtp_hold hold; /* told with its packets */
};

struct rtp_history {
	int64_t budget; /* bytes that may be repeated */
	unsigned oldest, used, size;
	/* Of those used: since the newest keyframe, if it still is kept with it. */
	unsigned grouped;
	size_t bytes; /* of all frames kept */
	struct history_entry *ring;
	struct rtx_mark {
		uint16_t seq;
		uint8_t times;
		int64_t last_us;
	} marks[RTX_MARKS]; /* by the low bits of seq; a collision merely forgets */
};

void rtp_history_init(struct rtp_history *history);
void rtp_history_finish(struct rtp_history *history);

/* A frame of which packets begin to go out; rtp_history_sent() counts them. Takes its own
 * reference. */
void rtp_history_begin(struct rtp_history *history, struct frame *frame, uint16_t first_seq,
		       struct rtp_hold hold, int64_t now_us);
void rtp_history_sent(struct rtp_history *history, uint32_t packets, size_t bytes);
/* A quarter of bytes that were not sent, but might have been, may be repeated, too. */
void rtp_history_grant(struct rtp_history *history, size_t bytes);
void rtp_history_expire(struct rtp_history *history, int64_t now_us);
/* The viewer goes on at another keyframe: nothing is kept longer than the rest. */
void rtp_history_end_group(struct rtp_history *history);

/* Whose packet it was, index seq - first_seq of its image; NULL: it is not kept (any longer). */
const struct history_entry *rtp_history_find(const struct rtp_history *history, uint16_t seq);

/* Number of the first packet of the newest keyframe; false when none is kept. */
bool rtp_history_key(const struct rtp_history *history, uint16_t *seq);
/* The packet is repeated without being judged: who asks for it at once does not know yet. */
void rtp_history_repeated(struct rtp_history *history, uint16_t seq, int64_t now_us);

/* Whether the packet may be repeated now; RTX_SEND takes it from the budget. A viewer that asks
 * again before an answer can have come does not know of it yet. `rtt_us` -1: unknown. */
enum rtx_verdict rtp_history_judge(struct rtp_history *history, uint16_t seq, size_t bytes,
				   int64_t rtt_us, int64_t now_us);

#endif
