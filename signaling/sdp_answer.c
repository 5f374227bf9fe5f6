#include "signaling/sdp_answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void sdp_agree_data(struct sdp_agreement *out, const struct sdp_media *media)
{
	out->data = true;
	out->remote_sctp_port = media->sctp_port ? media->sctp_port : SDP_SCTP_PORT;
	out->remote_max_message_size = media->max_message_size;
}

int sdp_agree_transport(struct sdp_agreement *out, const struct sdp *remote,
			struct sdp_error *error)
{
	const struct sdp_media *media = &remote->media[remote->bundle_first];
	const struct sdp_transport *transport = &media->transport;
	if (!media->bundled)
		return sdp_refuse(error, SDP_UNSUPPORTED, "a bundle group is required");
	if (!transport->ufrag || !transport->pwd)
		return sdp_refuse(error, SDP_MALFORMED, "no ice-ufrag or no ice-pwd");
	if (!transport->has_fingerprint)
		return sdp_refuse(error,
				  transport->foreign_fingerprint ? SDP_UNSUPPORTED : SDP_MALFORMED,
				  "no sha-256 fingerprint");
	snprintf(out->remote.ufrag, sizeof(out->remote.ufrag), "%s", transport->ufrag);
	snprintf(out->remote.pwd, sizeof(out->remote.pwd), "%s", transport->pwd);
	memcpy(out->remote_fingerprint, transport->fingerprint, SHA256_SIZE);
	out->remote_lite = remote->ice_lite;
	out->end_of_candidates = media->end_of_candidates;
	out->bundle_kind = media->kind;
	snprintf(out->bundle_mid, sizeof(out->bundle_mid), "%s", media->mid);
	for (unsigned i = 0; i < remote->candidate_count; i++)
		if (remote->candidates[i].media == remote->bundle_first)
			out->candidates[out->candidate_count++] = remote->candidates[i];
	return 0;
}

/* RFC 7587 §6.1 allows packets of up to 120 ms to everybody. Not all receivers know: one who names
 * the shortest that it wants counts on different ones. */
static uint16_t longest_packet(const struct sdp_media *media, const struct sdp_codec *codec)
{
	enum { USUAL_MS = 20, LONGEST_MS = 120 };
	const bool names_shortest = sdp_fmtp_number(codec, "minptime", 10, 0) > 0;
	if (media->max_packet_ms)
		return media->max_packet_ms;
	return names_shortest ? LONGEST_MS : USUAL_MS;
}

void sdp_agree_track(struct sdp_track *out, const struct sdp_media *media,
		     const struct sdp_codec *codec, uint8_t feedback)
{
	out->present = true;
	out->pt = codec->pt;
	out->feedback = codec->feedback & feedback;
	/* Feedback without the extension that numbers the packets, or the other way round, is
	 * of no use. */
	if (!out->ids.transport_cc || !(out->feedback & SDP_FB_TRANSPORT_CC)) {
		out->ids.transport_cc = 0;
		out->feedback &= (uint8_t)~SDP_FB_TRANSPORT_CC;
	}
	out->rcvr_rtt = media->rcvr_rtt;
	snprintf(out->mid, sizeof(out->mid), "%s", media->mid);
	memcpy(out->ssrcs, media->ssrcs, sizeof(out->ssrcs));
	out->ssrc_count = media->ssrc_count;
	if (media->kind == SDP_AUDIO) {
		/* RFC 7587 §7.1: stereo is a wish of the receiver, sprop-stereo a promise of
		 * the sender; either is reason enough for two channels. */
		out->stereo = sdp_fmtp_number(codec, "stereo", 10, 0) == 1 ||
			      sdp_fmtp_number(codec, "sprop-stereo", 10, 0) == 1;
		out->packet_ms = longest_packet(media, codec);
	} else {
		out->h264_profile = sdp_fmtp_number(codec, "profile-level-id", 16, 0x42000a);
		out->packetization_mode =
			(uint8_t)sdp_fmtp_number(codec, "packetization-mode", 10, 0);
	}
}

static int check_direction(const struct sdp_media *media, const struct sdp_answer_rules *rules,
			   struct sdp_error *error)
{
	const enum sdp_direction wanted = rules->sends ? SDP_RECVONLY : SDP_SENDONLY;
	if (media->direction == wanted || media->direction == SDP_SENDRECV)
		return 0;
	return sdp_refuse(error, SDP_UNSUPPORTED, "%s must be %s", media->kind_name,
			  rules->sends ? "recvonly" : "sendonly");
}

/* RFC 8829 §5.3.1: the answer has the offer's protocol, so it must be one of ours. */
static bool protocol_fits(const struct sdp_media *media)
{
	const char *protocol = media->protocol;
	if (media->kind != SDP_APPLICATION)
		return strcmp(protocol, "UDP/TLS/RTP/SAVPF") == 0;
	return strcmp(protocol, "UDP/DTLS/SCTP") == 0 || strcmp(protocol, "DTLS/SCTP") == 0;
}

/* Without the extension the layers could not be told apart (RFC 8853 §6). */
static void agree_layers(struct sdp_track *track, const struct sdp_media *media)
{
	for (unsigned i = 0; media->simulcast_send && track->ids.rid && i < media->rid_count; i++) {
		const struct sdp_rid *rid = &media->rids[i];
		if (rid->send && track->rid_count < SDP_LAYERS_MAX)
			snprintf(track->rids[track->rid_count++], SDP_TOKEN_MAX + 1, "%s", rid->id);
	}
	if (!track->rid_count)
		track->ids.rid = track->ids.repaired_rid = 0;
}

static int agree_media(struct sdp_agreement *out, const struct sdp_media *media,
		       const struct sdp_answer_rules *rules, struct sdp_error *error)
{
	const bool audio = media->kind == SDP_AUDIO;
	struct sdp_track *track = audio ? &out->audio : &out->video;
	if (track->present)
		return sdp_refuse(error, SDP_UNSUPPORTED, "more than one %s m-line",
				  media->kind_name);
	if (!media->rtcp_mux)
		return sdp_refuse(error, SDP_UNSUPPORTED, "rtcp-mux is required");
	int err = check_direction(media, rules, error);
	if (err)
		return err;
	const struct sdp_codec *codec =
		audio ? sdp_choose_opus(media) : sdp_choose_h264(media, &rules->h264);
	if (!codec)
		return sdp_refuse(error, SDP_NO_CODEC, "no codec in common: %s",
				  audio ? "audio must be opus/48000/2"
					: "video must be H264 with packetization-mode 1");
	const unsigned extensions = audio ? rules->audio_extensions : rules->video_extensions;
	sdp_extensions_select(&track->ids, media, extensions);
	agree_layers(track, media);
	sdp_agree_track(track, media, codec, audio ? rules->audio_feedback : rules->video_feedback);
	if (audio && rules->redundancy)
		track->red_pt = sdp_find_red(media, track->pt);
	if (audio)
		return 0;
	if (rules->repair)
		track->rtx_pt = sdp_find_rtx(media, track->pt);
	if (track->rtx_pt && track->feedback & SDP_FB_TRANSPORT_CC)
		track->start_kbps = rules->start_kbps;
	return 0;
}

static int agree(struct sdp_agreement *out, const struct sdp *offer,
		 const struct sdp_answer_rules *rules, struct sdp_error *error)
{
	int err = sdp_agree_transport(out, offer, error);
	if (err)
		return err;
	const struct sdp_media *first = &offer->media[offer->bundle_first];
	if (first->transport.setup == (rules->client ? SDP_SETUP_ACTIVE : SDP_SETUP_PASSIVE))
		return sdp_refuse(error, SDP_UNSUPPORTED, "setup must be actpass or %s",
				  rules->client ? "passive" : "active");
	out->dtls_active = rules->client;
	for (unsigned i = 0; i < offer->media_count; i++) {
		const struct sdp_media *media = &offer->media[i];
		if (sdp_is_rejected(media))
			continue;
		/* RFC 9725 §4.4.3: an offer is taken whole or refused whole, so that no session is
		 * half of what its publisher believes. */
		if (media->kind == SDP_OTHER && !rules->sends)
			return sdp_refuse(error, SDP_UNSUPPORTED, "only audio, video and data");
		if (media->kind == SDP_OTHER)
			continue;
		if (!media->bundled)
			return sdp_refuse(error, SDP_UNSUPPORTED,
					  "every m-line must be in the bundle group");
		if (!protocol_fits(media))
			return sdp_refuse(error, SDP_UNSUPPORTED, "%s has a foreign protocol",
					  media->kind_name);
		if (media->kind == SDP_APPLICATION && out->data)
			return sdp_refuse(error, SDP_UNSUPPORTED,
					  "more than one application m-line");
		if (media->kind == SDP_APPLICATION)
			sdp_agree_data(out, media);
		else
			err = agree_media(out, media, rules, error);
		if (err)
			return err;
	}
	if (!out->audio.present && !out->video.present)
		return sdp_refuse(error, SDP_UNSUPPORTED, "neither audio nor video");
	/* A bundle cannot stand on an m-line that the answer rejects (RFC 9143 §7.3.1). */
	if (first->kind == SDP_OTHER)
		return sdp_refuse(error, SDP_UNSUPPORTED, "the bundle begins with a foreign kind");
	return 0;
}

static bool is_taken(const struct sdp_media *media)
{
	return !sdp_is_rejected(media) && media->kind != SDP_OTHER;
}

static void write_answer(struct bytes *text, const struct sdp_agreement *agreement,
			 const struct sdp *offer, const struct sdp_side *side)
{
	char mids[SDP_MEDIA_MAX * (SDP_TOKEN_MAX + 1) + 1];
	size_t len = 0;
	for (unsigned i = 0; i < offer->media_count; i++)
		if (is_taken(&offer->media[i]))
			len += (size_t)snprintf(mids + len, sizeof(mids) - len, "%s%s",
						len ? " " : "", offer->media[i].mid);
	sdp_write_session(text, side, mids);
	for (unsigned i = 0; i < offer->media_count; i++) {
		const struct sdp_media *media = &offer->media[i];
		const bool candidates = i == offer->bundle_first;
		if (!is_taken(media))
			sdp_write_rejected(text, media);
		else if (media->kind == SDP_APPLICATION)
			sdp_write_data(text, side, media, candidates);
		else
			sdp_write_track(text, side, media->kind,
					media->kind == SDP_AUDIO ? &agreement->audio
								 : &agreement->video,
					candidates);
	}
}

int sdp_answer(struct sdp_agreement *out, struct bytes *text, const struct sdp *offer,
	       const struct sdp_local *local, const struct sdp_answer_rules *rules,
	       struct sdp_error *error)
{
	*error = (struct sdp_error){ .fault = SDP_OK };
	struct sdp_agreement agreement = { 0 };
	const int err = agree(&agreement, offer, rules, error);
	if (err)
		return err;
	struct sdp_side side = {
		.local = local,
		.direction = rules->sends ? SDP_SENDONLY : SDP_RECVONLY,
		.setup = rules->client ? SDP_SETUP_ACTIVE : SDP_SETUP_PASSIVE,
		.lite = !rules->client,
		.stream = rules->sends,
	};
	if (rules->sends) {
		side.ssrc[SDP_AUDIO] = local->audio_ssrc;
		side.ssrc[SDP_VIDEO] = local->video_ssrc;
		side.repair_ssrc = local->repair_ssrc;
	}
	write_answer(text, &agreement, offer, &side);
	*out = agreement;
	return 0;
}
