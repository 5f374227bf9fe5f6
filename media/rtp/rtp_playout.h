/*
 * How long a viewer holds each picture before it shows it (header extension playout-delay): not at
 * all on a clean path; on one that goes on losing packets until their repairs are there, which
 * take a round trip each. Without it every loss on a long path is a picture that stands still. And
 * pictures may wait for their sound, as long as the browser finds right, but not much where the
 * host made it Opus itself: the picture would get older than without a server (decision 0023).
 *
 * Knows no packets and no clock. One owner.
 */
#ifndef SOUK_MEDIA_RTP_RTP_PLAYOUT_H
#define SOUK_MEDIA_RTP_RTP_PLAYOUT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PLAYOUT_WINDOWS = 4, /* losses are counted over so many, in two of them at least, */
	PLAYOUT_WINDOW_US = 500000, /* each as long as this */
	PLAYOUT_LOST_MIN = 3, /* packets */
	PLAYOUT_LOSSY = 5, /* packets of 1,000 lost: repairs are waited for */
	PLAYOUT_LOSSY_TWICE = 20, /* lost repairs are frequent, too, */
	PLAYOUT_LOSSY_OFTEN = 150, /* and so are four in a row, or of what asks for them */
	PLAYOUT_REPAIR_MS = 20, /* until the receiver has asked, beyond the round trip */
	PLAYOUT_MAX_MS = 400,
	PLAYOUT_STEP_MS = 10, /* unit of the extension */
	PLAYOUT_SLACK_MS = 200, /* the viewer's own estimate may add so much, */
	PLAYOUT_SOUND_MADE_MS = 500, /* or this for sound that is made of AAC, */
	PLAYOUT_SOUND_OWN_MS = 30, /* and this for a host's own Opus */
	PLAYOUT_CALM_US = 20000000, /* less is needed for so long: less it is */
};

/* As it is told. */
struct rtp_hold {
	uint16_t min_ms, max_ms;
};

struct rtp_playout {
	uint16_t ms;
	uint16_t told_ms; /* with the newest picture */
	uint16_t sound_max_ms; /* pictures may wait so long for sound; set by the owner */
	bool known; /* a report came before */
	uint32_t highest_seq;
	int32_t lost;
	struct playout_window {
		unsigned expected, lost; /* packets */
	} windows[PLAYOUT_WINDOWS];
	unsigned newest;
	int64_t since_us; /* of the newest */
	int64_t needed_us; /* the last time that so much was needed */
};

/* Of a receiver report about the picture: the extended highest number and the cumulative loss. A
 * picture that was not sent for a while is not lost. `rtt_us` -1: unknown. */
void rtp_playout_report(struct rtp_playout *playout, uint32_t highest_seq, int32_t lost,
			int64_t rtt_us, int64_t now_us);

/* What to tell with the next picture. Goes there step by step: browsers take the very first
 * delay at once, and the picture would stand still for as long. */
struct rtp_hold rtp_playout_tell(struct rtp_playout *playout);

#endif
