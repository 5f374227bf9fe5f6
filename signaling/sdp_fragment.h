/*
 * Trickle ICE fragments (RFC 8840 §9), the body of PATCH on WHIP and WHEP sessions. A plain value
 * without pointers; any thread.
 */
#ifndef SOUK_SIGNALING_SDP_FRAGMENT_H
#define SOUK_SIGNALING_SDP_FRAGMENT_H

#include "server/core/bytes.h"
#include "signaling/sdp_agreement.h"

struct sdp_fragment {
	bool has_ice; /* it names ufrag and pwd */
	struct sdp_ice ice;
	struct sdp_candidate candidates[SDP_CANDIDATES_MAX]; /* usable ones; more are dropped */
	unsigned candidate_count;
	bool end_of_candidates;
};

/* -EMSGSIZE when too large, -EINVAL when malformed; `error` says why. */
int sdp_fragment_parse(struct sdp_fragment *out, const char *text, size_t len,
		       struct sdp_error *error) __attribute__((warn_unused_result));

/* A server's side after an ICE restart: new ufrag and pwd, all candidates, end-of-candidates. */
void sdp_fragment_build(struct bytes *text, const struct sdp_local *local,
			const struct sdp_agreement *agreement);

/* A client's side: candidates that trickle, or new credentials that restart ICE (RFC 9725 §4.3). */
void sdp_fragment_build_client(struct bytes *text, const struct sdp_local *local,
			       const struct sdp_agreement *agreement);

#endif
