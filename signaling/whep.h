/*
 * The answer to a WHEP viewer (draft-ietf-wish-whep-03): sendonly, H.264 and Opus in one stream so
 * that the browser keeps them in lip sync, playout-delay, no transport-cc (Chromium sends REMB
 * unasked at a quarter of the cost), repairs and probes of the path under an SSRC of their own
 * (RFC 4588) where they are offered, told with the picture's, which stays for the whole session,
 * and the data channel if the offer has one. Audio is answered even when the room has no sound.
 * Pure functions; any thread.
 */
#ifndef SOUK_SIGNALING_WHEP_H
#define SOUK_SIGNALING_WHEP_H

#include "server/core/bytes.h"
#include "signaling/sdp_agreement.h"

/*
 * Appends the answer's text to `answer` and fills `out`. -EINVAL and `error` when the offer cannot
 * be accepted, with `answer` untouched. SDP_NO_CODEC is answered with 406 and whep_counter_offer().
 * A cap of SDP_SIZE_MAX always holds the answer.
 */
int whep_answer(struct sdp_agreement *out, struct bytes *answer, const struct sdp *offer,
		const struct sdp_local *local, struct sdp_error *error)
	__attribute__((warn_unused_result));

/* Our own offer for a 406 answer: sendonly audio and video, data channel. The viewer's answer
 * (PATCH application/sdp) goes to sdp_offer_accept() with SDP_OFFER_SERVER. */
void whep_counter_offer(struct bytes *text, const struct sdp_local *local);

#endif
