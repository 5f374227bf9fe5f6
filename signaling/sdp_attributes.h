/*
 * The a= lines of session descriptions and trickle fragments. Inner part of the SDP parser; any
 * thread.
 */
#ifndef SOUK_SIGNALING_SDP_ATTRIBUTES_H
#define SOUK_SIGNALING_SDP_ATTRIBUTES_H

#include "signaling/sdp.h"
#include "signaling/sdp_scan.h"

struct sdp_parser {
	struct sdp *sdp;
	struct sdp_media *media; /* of the current line; NULL at session level */
	struct sdp_error *error;
	const char *bundle[SDP_MEDIA_MAX]; /* mids of a=group:BUNDLE */
	unsigned bundle_count;
	uint32_t repairs[SDP_SSRCS_MAX]; /* of the current media: streams that only retransmit */
	unsigned repair_count;
};

/* `line` stands behind "a=". Unknown attributes are ignored. 0, or -EINVAL with parser->error. */
int sdp_attribute(struct sdp_parser *parser, struct sdp_scan *line);

/* ice-ufrag, ice-pwd and the like, into `transport`: 1 if `name` is one of them, else 0; -EINVAL
 * when its value is malformed. */
int sdp_transport_attribute(struct sdp_transport *transport, const char *name,
			    struct sdp_scan *value, struct sdp_error *error);

/* False unless it is a candidate that we can use. */
bool sdp_candidate_parse(struct sdp_candidate *out, struct sdp_scan *value);

bool sdp_is_token(const char *text); /* 1..SDP_TOKEN_MAX token characters, RFC 8866 §9 */

#endif
