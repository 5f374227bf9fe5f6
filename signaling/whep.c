#include "signaling/whep.h"

#include "signaling/sdp_answer.h"
#include "signaling/sdp_offer.h"

int whep_answer(struct sdp_agreement *out, struct bytes *answer, const struct sdp *offer,
		const struct sdp_local *local, struct sdp_error *error)
{
	const struct sdp_answer_rules rules = {
		.sends = true,
		/* Sound is never repeated: it would come too late. */
		.video_feedback = SDP_FB_NACK | SDP_FB_PLI | SDP_FB_FIR,
		.audio_extensions = SDP_EXT_ABS_CAPTURE_TIME,
		.video_extensions = SDP_EXT_PLAYOUT_DELAY | SDP_EXT_ABS_CAPTURE_TIME,
		.repair = true,
		.redundancy = true,
		.h264 = { .high = local->high_profile, .high_first = true },
	};
	return sdp_answer(out, answer, offer, local, &rules, error);
}

void whep_counter_offer(struct bytes *text, const struct sdp_local *local)
{
	const struct sdp_offer_options options = { .role = SDP_OFFER_SERVER };
	sdp_offer_build(text, &options, local);
}
