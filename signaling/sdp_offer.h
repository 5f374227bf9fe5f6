/*
 * Offers that we make: as a viewer or publisher (load swarm, souk-publish) and as a server (WHEP's
 * counter-offer), and the agreement that the other side's answer leads to. Payload types and
 * extension ids are fixed here, the answer can only leave some out. Pure functions; any thread.
 */
#ifndef SOUK_SIGNALING_SDP_OFFER_H
#define SOUK_SIGNALING_SDP_OFFER_H

#include "server/core/bytes.h"
#include "signaling/sdp_agreement.h"

enum sdp_offer_role {
	SDP_OFFER_VIEWER, /* recvonly audio and video, data channel; full ICE */
	SDP_OFFER_PUBLISHER, /* sendonly audio and video; full ICE */
	SDP_OFFER_SERVER, /* sendonly audio and video, data channel; ICE-lite, answer must be active
			   */
};

struct sdp_offer_options {
	enum sdp_offer_role role;
	bool no_audio;
	bool no_video;
	bool no_data; /* viewer and server */
	uint32_t audio_ssrc; /* publisher: announced with a=ssrc when not 0 */
	uint32_t video_ssrc;
	/* Publisher: repairs of the video (RFC 4588) are offered, and come from here. 0: none. */
	uint32_t repair_ssrc;
	/* Publisher: the video comes in so many layers, with rids "0", "1", … (RFC 8853); at most
	 * SDP_LAYERS_MAX. 0 or 1: as one. */
	unsigned layers;
};

void sdp_offer_build(struct bytes *text, const struct sdp_offer_options *options,
		     const struct sdp_local *local);

/* The agreement after `answer` to an offer of the same options. -EINVAL and `error` when the answer
 * does not fit. */
int sdp_offer_accept(struct sdp_agreement *out, const struct sdp_offer_options *options,
		     const struct sdp *answer, struct sdp_error *error)
	__attribute__((warn_unused_result));

#endif
