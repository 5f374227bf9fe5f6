/*
 * The common part of WHIP and WHEP answers, and of a viewer's to a server's offer: which offers are
 * acceptable at all (RFC 9725 §4.4: one bundled, multiplexed transport, at most one audio and one
 * video), what is agreed on, and the text. They differ in the rules given here. Inner part of
 * whip.c and whep.c; pure functions, any thread.
 */
#ifndef SOUK_SIGNALING_SDP_ANSWER_H
#define SOUK_SIGNALING_SDP_ANSWER_H

#include "signaling/sdp_formats.h"
#include "signaling/sdp_write.h"

struct sdp_answer_rules {
	bool sends; /* we send: WHEP */
	/* We answer as a client with full ICE, which begins the handshake (RFC 8842 §5.2: a viewer
	 * to whom a server offers); else as a server with ICE-lite. */
	bool client;
	uint8_t audio_feedback; /* SDP_FB_* that we want of those offered */
	uint8_t video_feedback;
	bool repair; /* RTX, of the video */
	bool redundancy; /* RED, of the audio */
	uint16_t start_kbps; /* of the video, where the publisher gets transport-cc */
	unsigned audio_extensions; /* SDP_EXT_* */
	unsigned video_extensions;
	struct sdp_h264_rules h264;
};

int sdp_answer(struct sdp_agreement *out, struct bytes *text, const struct sdp *offer,
	       const struct sdp_local *local, const struct sdp_answer_rules *rules,
	       struct sdp_error *error) __attribute__((warn_unused_result));

/* The transport of the bundle, into `out`: credentials, fingerprint, candidates, its mid. Checks
 * that they are there. Also of use to who receives an answer. */
int sdp_agree_transport(struct sdp_agreement *out, const struct sdp *remote,
			struct sdp_error *error) __attribute__((warn_unused_result));
void sdp_agree_data(struct sdp_agreement *out, const struct sdp_media *media);

/* What codec and m-line of the other side say of a track. */
void sdp_agree_track(struct sdp_track *out, const struct sdp_media *media,
		     const struct sdp_codec *codec, uint8_t feedback);

static inline bool sdp_is_rejected(const struct sdp_media *media)
{
	return media->port == 0 && !media->bundle_only;
}

#endif
