/*
 * Of a rtp_sender, for rtp_sender*.c alone: what a viewer missed while its link was down, in both
 * directions or in the one to it, where its reports go on and tell the same highest number again
 * and again. Embedded in its sender.
 */
#ifndef SOUK_MEDIA_RTP_RTP_SENDER_HOLE_H
#define SOUK_MEDIA_RTP_RTP_SENDER_HOLE_H

#include <stdbool.h>
#include <stdint.h>

struct rtp_sender;

struct sender_hole {
	uint16_t *seqs; /* to be repeated at a pace, oldest first; NULL: nothing */
	unsigned count, next;
	int64_t tokens; /* bytes */
	int64_t filled_us;
	int64_t closed_us; /* no other one before */
	int64_t heard_us; /* the viewer, last */
	int64_t arrived_us; /* when it last told that pictures come to it, */
	uint32_t highest_seq; /* and up to which number, */
	bool told; /* if it has */
	int64_t returned_us; /* heard again, or arriving again, last; */
	int64_t away_us; /* the same, of who reports more often than that */
	uint16_t missed_seq; /* what it misses begins here at the earliest */
	int64_t wanted_us; /* it asked for a keyframe, last */
};

/* The viewer was heard, whatever it said. */
void rtp_sender_hole_heard(struct rtp_sender *sender, int64_t now_us);
/* Of a report about the picture. */
void rtp_sender_hole_report(struct rtp_sender *sender, uint32_t highest_seq, int64_t now_us);
/* The newest number of a NACK: something behind it came. */
void rtp_sender_hole_missed(struct rtp_sender *sender, uint16_t seq, int64_t now_us);

/* A hole as an outage leaves it is filled from the newest keyframe on; anything else is not. */
void rtp_sender_hole_begin(struct rtp_sender *sender, const uint16_t *seqs, unsigned count,
			   int64_t now_us);
/* The viewer asks for a keyframe: when its link has just returned, it misses more than it lists. */
void rtp_sender_hole_whole(struct rtp_sender *sender, int64_t now_us);
/* What the pace allows. */
void rtp_sender_hole_fill(struct rtp_sender *sender, int64_t now_us);
/* A newer keyframe is there, or the end. */
void rtp_sender_hole_end(struct rtp_sender *sender);

#endif
