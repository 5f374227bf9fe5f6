/*
 * Frames that wait for their turn on one viewer's path: the cached GOP of a join, live frames
 * behind it, and single frames too large for one burst; on a narrow path all of them. Grows at a
 * join only, never per frame. One owner.
 */
#ifndef SOUK_MEDIA_RTP_RTP_PACER_H
#define SOUK_MEDIA_RTP_RTP_PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame;

enum {
	PACER_BYTES_PER_MS = 2500, /* 20 Mbit/s */
	PACER_BURST = 24 * 1024, /* what may go at once after a pause, */
	PACER_BURST_MAX = 96 * 1024, /* where larger ones came through, */
	PACER_LEARN_US = 500000, /* of which the viewer would have told in this time; */
	PACER_BURN_US = 60000000, /* after one that did not, none for so long, */
	PACER_NARROW_BURST = 2500, /* and on a narrow path */
	PACER_INTERVAL_US = 5000,
	PACER_ROOM = 128, /* for live frames behind a GOP */
	PACER_FRAMES_MAX = 2048,
};

struct rtp_pacer {
	struct frame **queue; /* ring of `size`; NULL until needed */
	unsigned head, count, size;
	uint32_t next_piece; /* of the frame at the head */
	uint32_t narrow; /* bytes a second; 0: as fast as others */
	int64_t burst; /* bytes */
	int64_t learn_us; /* it does not grow before */
	int64_t tokens; /* bytes; overdrawn by PACER_BURST at most */
	int64_t filled_us;
};

void rtp_pacer_init(struct rtp_pacer *pacer);
void rtp_pacer_finish(struct rtp_pacer *pacer);

/* Makes room for a burst of `count` frames and live ones behind it. */
void rtp_pacer_reserve(struct rtp_pacer *pacer, size_t count);
/* False when it is full. Takes its own reference. */
bool rtp_pacer_push(struct rtp_pacer *pacer, struct frame *frame);
/* NULL when it is empty. */
struct frame *rtp_pacer_head(const struct rtp_pacer *pacer);
void rtp_pacer_pop(struct rtp_pacer *pacer);
/* Forgets what has not begun to go out. */
void rtp_pacer_clear(struct rtp_pacer *pacer, bool keep_begun);

/* From now on so many bytes a second; 0: as fast as others. */
void rtp_pacer_narrow(struct rtp_pacer *pacer, uint32_t bytes_per_s);

/* A picture of so many bytes is about to go, and what went so far came through: so may a larger
 * burst. */
void rtp_pacer_trust(struct rtp_pacer *pacer, size_t bytes, int64_t now_us);
/* Something was lost. */
void rtp_pacer_distrust(struct rtp_pacer *pacer, int64_t now_us);

/* Tokens by the time that has passed; true when something may go. */
bool rtp_pacer_refill(struct rtp_pacer *pacer, int64_t now_us);
void rtp_pacer_spend(struct rtp_pacer *pacer, size_t bytes);

#endif
