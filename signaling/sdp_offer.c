#include "signaling/sdp_offer.h"

#include "signaling/sdp_answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { AUDIO_PT = 111, VIDEO_PT = 96, REPAIR_PT = 97, SECTIONS_MAX = 3 };

/* What we offer, in the order of the m-lines. */
struct section {
	enum sdp_kind kind;
	char mid[2];
};

static unsigned list_sections(struct section out[SECTIONS_MAX],
			      const struct sdp_offer_options *options)
{
	const bool wanted[] = {
		[SDP_AUDIO] = !options->no_audio,
		[SDP_VIDEO] = !options->no_video,
		[SDP_APPLICATION] = !options->no_data && options->role != SDP_OFFER_PUBLISHER,
	};
	unsigned count = 0;
	for (int kind = SDP_AUDIO; kind <= SDP_APPLICATION; kind++) {
		if (!wanted[kind])
			continue;
		out[count].kind = (enum sdp_kind)kind;
		out[count].mid[0] = (char)('0' + count);
		out[count].mid[1] = '\0';
		count++;
	}
	return count;
}

static bool sends(const struct sdp_offer_options *options)
{
	return options->role != SDP_OFFER_VIEWER;
}

static void offer_layers(struct sdp_track *track, unsigned layers)
{
	if (layers < 2)
		return;
	track->ids.rid = 5;
	track->rid_count = layers;
	for (unsigned i = 0; i < layers; i++)
		track->rids[i][0] = (char)('0' + i);
}

static struct sdp_track offered_track(const struct sdp_offer_options *options,
				      const struct section *section)
{
	const bool audio = section->kind == SDP_AUDIO;
	const bool publisher = options->role == SDP_OFFER_PUBLISHER;
	struct sdp_track track = {
		.present = true,
		.pt = audio ? AUDIO_PT : VIDEO_PT,
		.feedback = publisher ? SDP_FB_TRANSPORT_CC : 0,
		.rcvr_rtt = true,
		.stereo = true,
		.h264_profile = 0x42e01f,
		.packetization_mode = 1,
		.ids = { .abs_capture_time = 4 },
	};
	snprintf(track.mid, sizeof(track.mid), "%s", section->mid);
	if (publisher) {
		track.ids.mid = 1;
		track.ids.transport_cc = 2;
	} else if (!audio) {
		track.ids.playout_delay = 3;
	}
	if (publisher && !audio) {
		/* For servers that estimate themselves instead of numbering packets. */
		track.feedback |= SDP_FB_REMB;
		track.rtx_pt = options->repair_ssrc ? REPAIR_PT : 0;
		offer_layers(&track, options->layers);
	}
	if (!audio)
		track.feedback |= SDP_FB_NACK | SDP_FB_PLI | SDP_FB_FIR;
	return track;
}

void sdp_offer_build(struct bytes *text, const struct sdp_offer_options *options,
		     const struct sdp_local *local)
{
	struct section sections[SECTIONS_MAX];
	const unsigned count = list_sections(sections, options);
	const bool server = options->role == SDP_OFFER_SERVER;
	const struct sdp_side side = {
		.local = local,
		.direction = sends(options) ? SDP_SENDONLY : SDP_RECVONLY,
		.setup = SDP_SETUP_ACTPASS, /* RFC 8842 §5.2 wants it in every offer */
		.lite = server,
		.stream = sends(options),
		.ssrc = { options->audio_ssrc, options->video_ssrc },
		.repair_ssrc = options->repair_ssrc,
	};
	char mids[SECTIONS_MAX * 2 + 1] = "";
	size_t used = 0;
	for (unsigned i = 0; i < count && used < sizeof(mids); i++)
		used += (size_t)snprintf(mids + used, sizeof(mids) - used, "%s%s", i ? " " : "",
					 sections[i].mid);
	sdp_write_session(text, &side, mids);
	for (unsigned i = 0; i < count; i++) {
		if (sections[i].kind == SDP_APPLICATION) {
			const struct sdp_media media = { .protocol = "UDP/DTLS/SCTP",
							 .formats = "webrtc-datachannel",
							 .mid = sections[i].mid };
			sdp_write_data(text, &side, &media, i == 0);
		} else {
			const struct sdp_track track = offered_track(options, &sections[i]);
			sdp_write_track(text, &side, sections[i].kind, &track, i == 0);
		}
	}
}

static bool direction_fits(const struct sdp_media *media, const struct sdp_offer_options *options)
{
	return media->direction == SDP_SENDRECV ||
	       media->direction == (sends(options) ? SDP_RECVONLY : SDP_SENDONLY);
}

static int accept_track(struct sdp_track *out, const struct sdp_track *offered,
			const struct sdp_media *media, struct sdp_error *error)
{
	const struct sdp_codec *codec = NULL;
	for (unsigned i = 0; i < media->codec_count && !codec; i++)
		if (media->codecs[i].pt == offered->pt)
			codec = &media->codecs[i];
	if (!codec || !(media->kind == SDP_AUDIO ? sdp_is_opus(codec) : sdp_is_h264(codec)))
		return sdp_refuse(error, SDP_NO_CODEC, "the answer has no codec of the offer");
	struct sdp_extension_ids ids = offered->ids;
	sdp_extensions_select(&out->ids, media, ~0u);
	for (unsigned i = 0; i < SDP_EXT_COUNT; i++)
		if (*sdp_extension_id(&out->ids, i) != *sdp_extension_id(&ids, i))
			*sdp_extension_id(&out->ids, i) = 0;
	sdp_agree_track(out, media, codec, offered->feedback);
	if (offered->rtx_pt && sdp_find_rtx(media, offered->pt) == offered->rtx_pt)
		out->rtx_pt = offered->rtx_pt;
	for (unsigned i = 0; i < media->rid_count && offered->rid_count && out->ids.rid; i++)
		if (!media->rids[i].send && out->rid_count < offered->rid_count)
			snprintf(out->rids[out->rid_count++], SDP_TOKEN_MAX + 1, "%s",
				 media->rids[i].id);
	return 0;
}

static int accept_section(struct sdp_agreement *out, const struct sdp_offer_options *options,
			  const struct section *section, const struct sdp_media *media,
			  struct sdp_error *error)
{
	if (media->kind != section->kind || strcmp(media->mid, section->mid) != 0)
		return sdp_refuse(error, SDP_MALFORMED, "the m-lines are not those of the offer");
	if (sdp_is_rejected(media))
		return 0;
	if (section->kind == SDP_APPLICATION) {
		sdp_agree_data(out, media);
		return 0;
	}
	if (!direction_fits(media, options))
		return 0;
	const struct sdp_track offered = offered_track(options, section);
	return accept_track(section->kind == SDP_AUDIO ? &out->audio : &out->video, &offered, media,
			    error);
}

int sdp_offer_accept(struct sdp_agreement *out, const struct sdp_offer_options *options,
		     const struct sdp *answer, struct sdp_error *error)
{
	*error = (struct sdp_error){ .fault = SDP_OK };
	struct section sections[SECTIONS_MAX];
	const unsigned count = list_sections(sections, options);
	if (answer->media_count != count)
		return sdp_refuse(error, SDP_MALFORMED, "the m-lines are not those of the offer");
	struct sdp_agreement agreement = { 0 };
	int err = sdp_agree_transport(&agreement, answer, error);
	for (unsigned i = 0; i < count && !err; i++)
		err = accept_section(&agreement, options, &sections[i], &answer->media[i], error);
	if (err)
		return err;
	if (!agreement.audio.present && !agreement.video.present)
		return sdp_refuse(error, SDP_UNSUPPORTED, "the answer takes neither track");
	/* RFC 8842 §5.3: an answer says active or passive; as a server we never begin. */
	const enum sdp_setup setup = answer->media[answer->bundle_first].transport.setup;
	agreement.dtls_active = setup == SDP_SETUP_PASSIVE;
	if (setup != SDP_SETUP_ACTIVE &&
	    (setup != SDP_SETUP_PASSIVE || options->role == SDP_OFFER_SERVER))
		return sdp_refuse(error, SDP_UNSUPPORTED, "setup of the answer does not fit");
	*out = agreement;
	return 0;
}
