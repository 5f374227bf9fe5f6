#include "signaling/sdp_write.h"

#include "signaling/sdp_formats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STREAM_NAME "souk"

static const char *direction_name(enum sdp_direction direction)
{
	static const char *const names[] = { "sendrecv", "sendonly", "recvonly", "inactive" };
	return names[direction];
}

static const char *setup_name(enum sdp_setup setup)
{
	static const char *const names[] = { "actpass", "actpass", "active", "passive" };
	return names[setup];
}

void sdp_write_session(struct bytes *text, const struct sdp_side *side, const char *mids)
{
	bytes_printf(text, "v=0\r\no=- %" PRIu64 " 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
		     side->local->id);
	if (side->lite)
		bytes_text(text, "a=ice-lite\r\n");
	bytes_text(text, "a=ice-options:trickle\r\n");
	bytes_printf(text, "a=group:BUNDLE %s\r\n", mids);
	bytes_printf(text, "a=msid-semantic: WMS %s\r\n", side->stream ? STREAM_NAME : "*");
}

/* RFC 6544 §4.2: below all UDP, since it is for those alone who cannot; direction preference of
 * passive 4. */
static void write_tcp_candidates(struct bytes *text, const struct sdp_local *local)
{
	for (unsigned i = 0; i < local->candidate_count; i++) {
		const struct addr *addr = &local->candidates[i];
		const uint32_t preference = 4u << 13 | (8191u - i);
		char ip[ADDR_TEXT];
		addr_format_ip(addr, ip);
		bytes_printf(text,
			     "a=candidate:%u 1 tcp %" PRIu32 " %s %u typ host tcptype passive\r\n",
			     local->candidate_count + i + 1, 90u << 24 | preference << 8 | 255u, ip,
			     addr_port(addr));
	}
}

void sdp_write_candidates(struct bytes *text, const struct sdp_local *local)
{
	for (unsigned i = 0; i < local->candidate_count; i++) {
		const struct addr *addr = &local->candidates[i];
		/* RFC 8445 §5.1.2.1: type preference of host 126, component 1 */
		const uint32_t priority = 126u << 24 | (65535u - i) << 8 | 255u;
		char ip[ADDR_TEXT];
		addr_format_ip(addr, ip);
		bytes_printf(text, "a=candidate:%u 1 udp %" PRIu32 " %s %u typ host\r\n", i + 1,
			     priority, ip, addr_port(addr));
	}
	if (local->tcp)
		write_tcp_candidates(text, local);
	if (local->candidate_lines)
		bytes_text(text, local->candidate_lines);
	if (!local->gathering)
		bytes_text(text, "a=end-of-candidates\r\n");
}

/* Written into each m-line: clients differ in which one they read. */
static void write_transport(struct bytes *text, const struct sdp_side *side, bool candidates)
{
	const struct sdp_local *local = side->local;
	bytes_text(text, "c=IN IP4 0.0.0.0\r\n");
	if (candidates)
		sdp_write_candidates(text, local);
	bytes_printf(text, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", local->ufrag, local->pwd);
	char hex[SHA256_SIZE * 3 + 1];
	for (size_t i = 0; i < SHA256_SIZE; i++)
		snprintf(hex + i * 3, 4, "%02X:", local->fingerprint[i]);
	bytes_printf(text, "a=fingerprint:sha-256 %.*s\r\na=setup:%s\r\n", SHA256_SIZE * 3 - 1, hex,
		     setup_name(side->setup));
}

static void write_video_format(struct bytes *text, const struct sdp_track *track)
{
	bytes_printf(text,
		     "a=fmtp:%u level-asymmetry-allowed=1;packetization-mode=%u;"
		     "profile-level-id=%06" PRIx32,
		     track->pt, track->packetization_mode, track->h264_profile);
	/* libwebrtc's own parameter. */
	if (track->start_kbps)
		bytes_printf(text, ";x-google-start-bitrate=%u", track->start_kbps);
	bytes_text(text, "\r\n");
}

static void write_codec(struct bytes *text, enum sdp_kind kind, const struct sdp_track *track)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} feedback[] = {
		{ SDP_FB_TRANSPORT_CC, "transport-cc" },
		{ SDP_FB_FIR, "ccm fir" },
		{ SDP_FB_NACK, "nack" },
		{ SDP_FB_PLI, "nack pli" },
		{ SDP_FB_REMB, "goog-remb" },
	};
	bytes_printf(text, "a=rtpmap:%u %s\r\n", track->pt,
		     kind == SDP_AUDIO ? "opus/48000/2" : "H264/90000");
	for (size_t i = 0; i < sizeof(feedback) / sizeof(feedback[0]); i++)
		if (track->feedback & feedback[i].bit)
			bytes_printf(text, "a=rtcp-fb:%u %s\r\n", track->pt, feedback[i].name);
	if (kind == SDP_AUDIO)
		bytes_printf(text, "a=fmtp:%u minptime=10;useinbandfec=1%s\r\n", track->pt,
			     track->stereo ? ";stereo=1;sprop-stereo=1" : "");
	else
		write_video_format(text, track);
	if (track->red_pt)
		bytes_printf(text, "a=rtpmap:%u red/48000/2\r\na=fmtp:%u %u/%u\r\n", track->red_pt,
			     track->red_pt, track->pt, track->pt);
	if (track->rtx_pt)
		bytes_printf(text, "a=rtpmap:%u rtx/90000\r\na=fmtp:%u apt=%u\r\n", track->rtx_pt,
			     track->rtx_pt, track->pt);
}

static void write_ssrcs(struct bytes *text, const struct sdp_side *side, enum sdp_kind kind,
			uint32_t repair)
{
	const uint32_t ssrc = side->ssrc[kind];
	if (!ssrc)
		return;
	const char *cname = side->local->cname ? side->local->cname : STREAM_NAME;
	if (repair) /* RFC 5576 §4.2 */
		bytes_printf(text, "a=ssrc-group:FID %" PRIu32 " %" PRIu32 "\r\n", ssrc, repair);
	bytes_printf(text, "a=ssrc:%" PRIu32 " cname:%s\r\n", ssrc, cname);
	if (repair)
		bytes_printf(text, "a=ssrc:%" PRIu32 " cname:%s\r\n", repair, cname);
}

static void write_layers(struct bytes *text, const struct sdp_side *side,
			 const struct sdp_track *track)
{
	if (!track->rid_count)
		return;
	const char *way = side->direction == SDP_SENDONLY ? "send" : "recv";
	for (unsigned i = 0; i < track->rid_count; i++)
		bytes_printf(text, "a=rid:%s %s\r\n", track->rids[i], way);
	bytes_printf(text, "a=simulcast:%s ", way);
	for (unsigned i = 0; i < track->rid_count; i++)
		bytes_printf(text, "%s%s", i ? ";" : "", track->rids[i]);
	bytes_text(text, "\r\n");
}

void sdp_write_track(struct bytes *text, const struct sdp_side *side, enum sdp_kind kind,
		     const struct sdp_track *track, bool candidates)
{
	const char *name = kind == SDP_AUDIO ? "audio" : "video";
	bytes_printf(text, "m=%s 9 UDP/TLS/RTP/SAVPF %u", name, track->pt);
	if (track->red_pt)
		bytes_printf(text, " %u", track->red_pt);
	if (track->rtx_pt)
		bytes_printf(text, " %u", track->rtx_pt);
	bytes_text(text, "\r\n");
	write_transport(text, side, candidates);
	bytes_printf(text, "a=mid:%s\r\n", track->mid);
	struct sdp_extension_ids ids = track->ids;
	for (unsigned i = 0; i < SDP_EXT_COUNT; i++)
		if (*sdp_extension_id(&ids, i))
			bytes_printf(text, "a=extmap:%u %s\r\n", *sdp_extension_id(&ids, i),
				     sdp_extension_uris[i]);
	bytes_printf(text, "a=%s\r\n", direction_name(side->direction));
	if (side->stream)
		bytes_printf(text, "a=msid:" STREAM_NAME " %s\r\n", name);
	/* RFC 9725 §4.4.1 and WHEP want rtcp-mux-only on both sides, in each bundled m-line, and
	 * have it in their answers; RFC 8858 §4.2, which keeps it to offers, is the older. */
	bytes_text(text, "a=rtcp-mux\r\na=rtcp-mux-only\r\na=rtcp-rsize\r\n");
	if (track->rcvr_rtt)
		bytes_text(text, "a=rtcp-xr:rcvr-rtt=all\r\n");
	write_codec(text, kind, track);
	write_ssrcs(text, side, kind, track->rtx_pt ? side->repair_ssrc : 0);
	write_layers(text, side, track);
}

void sdp_write_data(struct bytes *text, const struct sdp_side *side, const struct sdp_media *media,
		    bool candidates)
{
	const bool legacy = strcmp(media->formats, "webrtc-datachannel") != 0;
	bytes_printf(text, "m=application 9 %s ", media->protocol);
	if (legacy)
		bytes_printf(text, "%d\r\n", SDP_SCTP_PORT);
	else
		bytes_text(text, "webrtc-datachannel\r\n");
	write_transport(text, side, candidates);
	bytes_printf(text, "a=mid:%s\r\n", media->mid);
	if (legacy)
		bytes_printf(text, "a=sctpmap:%d webrtc-datachannel 65535\r\n", SDP_SCTP_PORT);
	else
		bytes_printf(text, "a=sctp-port:%d\r\n", SDP_SCTP_PORT);
	bytes_printf(text, "a=max-message-size:%d\r\n", SDP_MESSAGE_SIZE);
}

void sdp_write_rejected(struct bytes *text, const struct sdp_media *media)
{
	/* RFC 3264 §6: the formats of a rejected m-line mean nothing, but one must stand there. */
	const int len = (int)strcspn(media->formats, " ");
	bytes_printf(text, "m=%s 0 %s %.*s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=inactive\r\n",
		     media->kind_name, media->protocol, len < SDP_TOKEN_MAX ? len : SDP_TOKEN_MAX,
		     media->formats, media->mid);
}
