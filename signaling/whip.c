#include "signaling/whip.h"

#include "signaling/sdp_answer.h"

int whip_answer(struct sdp_agreement *out, struct bytes *answer, const struct sdp *offer,
		const struct sdp_local *local, struct sdp_error *error)
{
	const struct sdp_answer_rules rules = {
		.sends = false,
		.audio_feedback = SDP_FB_TRANSPORT_CC,
		.video_feedback = SDP_FB_NACK | SDP_FB_PLI | SDP_FB_FIR | SDP_FB_TRANSPORT_CC,
		/* Browsers probe the path with packets of this stream: without it their estimate
		 * hardly grows beyond what they send. */
		.repair = true,
		/* Chromium begins with 300 kbit/s and 320x180, and needs 16 s to 720p on a free
		 * path; from here it needs 8 s, and a narrow path still pulls it down at once. */
		.start_kbps = 1000,
		.audio_extensions = SDP_EXT_MID | SDP_EXT_TRANSPORT_CC | SDP_EXT_ABS_CAPTURE_TIME,
		.video_extensions = SDP_EXT_MID | SDP_EXT_RID | SDP_EXT_REPAIRED_RID |
				    SDP_EXT_TRANSPORT_CC | SDP_EXT_ABS_CAPTURE_TIME,
		.h264 = { .high = local->high_profile, .single_nal = true },
	};
	return sdp_answer(out, answer, offer, local, &rules, error);
}
