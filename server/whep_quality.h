/*
 * How the WebRTC viewers of a worker fare by what they report, for its metrics. Worker's thread.
 */
#ifndef SOUK_SERVER_WHEP_QUALITY_H
#define SOUK_SERVER_WHEP_QUALITY_H

#include <stdint.h>

struct rtp_sender;
struct worker;

enum { WHEP_LOSSY = 13 /* of 256: 5 % of the picture's packets lost, by the newest report */ };

struct whep_quality {
	/* Since the start, of viewers who have left too: packets */
	uint64_t missed; /* asked for again, */
	uint64_t repairs; /* repeated, */
	uint64_t refused; /* or not, for being too many or too old */
	uint64_t keys_asked; /* requests for keyframes */
	uint64_t probes; /* packets of padding */
	/* Now, viewers: */
	unsigned lossy;
	unsigned sound_alone; /* the path carries no picture */
	unsigned answering; /* whose round trip is known */
	int64_t rtt_us; /* the sum of theirs */
};

/* A viewer leaves: what his sender counted stays. */
void whep_quality_keep(struct whep_quality *left, const struct rtp_sender *sender);

void whep_quality(const struct worker *worker, struct whep_quality *out);

#endif
