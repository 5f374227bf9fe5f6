/*
 * Text of our offers, answers and fragments. Inner part of those; pure functions, any thread.
 */
#ifndef SOUK_SIGNALING_SDP_WRITE_H
#define SOUK_SIGNALING_SDP_WRITE_H

#include "server/core/bytes.h"
#include "signaling/sdp_agreement.h"

struct sdp_side {
	const struct sdp_local *local;
	enum sdp_direction direction;
	enum sdp_setup setup;
	bool lite;
	bool stream; /* a=msid, for tracks that we send */
	uint32_t ssrc[2]; /* announced when not 0, by enum sdp_kind */
	uint32_t repair_ssrc; /* of the video, RFC 4588; likewise */
};

/* Everything above the first m-line; `mids` is the bundle's list, separated by spaces. */
void sdp_write_session(struct bytes *text, const struct sdp_side *side, const char *mids);
/* One m-line with what was agreed on; kind is SDP_AUDIO or SDP_VIDEO. Candidates are written into
 * the first m-line of the bundle only. */
void sdp_write_track(struct bytes *text, const struct sdp_side *side, enum sdp_kind kind,
		     const struct sdp_track *track, bool candidates);
/* In the form of `media`: aiortc and other old ones write the port as the format (DTLS/SCTP 5000).
 */
void sdp_write_data(struct bytes *text, const struct sdp_side *side, const struct sdp_media *media,
		    bool candidates);
void sdp_write_rejected(struct bytes *text, const struct sdp_media *media);
/* Our candidates, and end-of-candidates unless more are gathered. */
void sdp_write_candidates(struct bytes *text, const struct sdp_local *local);

#endif
