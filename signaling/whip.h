/*
 * The answer to a WHIP publisher (RFC 9725 §4.2): recvonly, H.264 and Opus, one bundled transport,
 * ICE-lite, DTLS passive, our candidates and end-of-candidates in the answer since OBS does not
 * trickle. Transport-wide feedback is agreed on, without which Chromium's estimate never grows; no
 * RTX. A simulcast offer is answered with its best layer alone. Pure function; any thread.
 */
#ifndef SOUK_SIGNALING_WHIP_H
#define SOUK_SIGNALING_WHIP_H

#include "server/core/bytes.h"
#include "signaling/sdp_agreement.h"

/*
 * Appends the answer's text to `answer` and fills `out`. -EINVAL and `error` when the offer cannot
 * be accepted, with `answer` untouched: SDP_UNSUPPORTED and SDP_NO_CODEC are 422, SDP_MALFORMED
 * is 400. A cap of SDP_SIZE_MAX always holds the answer.
 */
int whip_answer(struct sdp_agreement *out, struct bytes *answer, const struct sdp *offer,
		const struct sdp_local *local, struct sdp_error *error)
	__attribute__((warn_unused_result));

#endif
