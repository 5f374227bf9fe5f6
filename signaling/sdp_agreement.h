/*
 * What an offer and its answer agreed on: all that transport and media need to know, free of SDP.
 * The same struct comes out of both roles: whip_answer() and whep_answer() fill it on the server,
 * sdp_offer_accept() on a client. A plain value without pointers: copy it, keep it; any thread.
 */
#ifndef SOUK_SIGNALING_SDP_AGREEMENT_H
#define SOUK_SIGNALING_SDP_AGREEMENT_H

#include "signaling/sdp.h"

/* RTP header extension ids of one m-line, 1..14 (one-byte headers); 0: not agreed. */
struct sdp_extension_ids {
	uint8_t mid;
	uint8_t rid;
	uint8_t repaired_rid;
	uint8_t transport_cc;
	uint8_t playout_delay;
	uint8_t abs_capture_time;
};

/* Audio is Opus 48000/2, video is H.264. */
struct sdp_track {
	bool present;
	uint8_t pt;
	uint8_t red_pt; /* audio: twice what may be lost (RFC 2198); 0: none */
	uint8_t rtx_pt; /* repairs and, without a repair in them, probes (RFC 4588); 0: none */
	uint8_t feedback; /* SDP_FB_*, of what both sides have */
	uint16_t start_kbps; /* what a publisher's estimate should begin with; 0: its own idea */
	bool rcvr_rtt; /* RTCP XR RRTR/DLRR, RFC 3611 §4.4 */
	bool stereo; /* Opus: the receiving side asked for stereo */
	uint16_t packet_ms; /* Opus: no packet may sound longer than this */
	uint32_t h264_profile; /* profile-level-id, 0x42e01f */
	uint8_t packetization_mode; /* H.264: 1, or 0 from a publisher without FU-A */
	char mid[SDP_TOKEN_MAX + 1];
	/* Simulcast (RFC 8853): the layers that were asked for. Packets whose rid extension names
	 * another are to be dropped. None: no simulcast. */
	char rids[SDP_LAYERS_MAX][SDP_TOKEN_MAX + 1];
	unsigned rid_count;
	struct sdp_extension_ids ids;
	uint32_t ssrcs[SDP_SSRCS_MAX]; /* announced by the peer; often none, then go by pt */
	unsigned ssrc_count;
};

struct sdp_ice {
	char ufrag[SDP_ICE_MAX + 1];
	char pwd[SDP_ICE_MAX + 1];
};

struct sdp_agreement {
	struct sdp_ice remote;
	bool remote_lite;
	bool dtls_active; /* we begin the handshake; the server never does */
	uint8_t remote_fingerprint[SHA256_SIZE];
	struct sdp_candidate candidates[SDP_CANDIDATES_MAX]; /* the peer's */
	unsigned candidate_count;
	bool end_of_candidates;
	enum sdp_kind bundle_kind; /* of the m-line whose transport the bundle uses */
	char bundle_mid[SDP_TOKEN_MAX + 1];
	struct sdp_track audio;
	struct sdp_track video;
	bool data; /* a data channel association, RFC 8841 */
	uint16_t remote_sctp_port;
	uint32_t remote_max_message_size;
};

/* Our side, the same for offers and answers. Strings and candidates are borrowed for the call. */
struct sdp_local {
	uint64_t id; /* of the o= line; random, below 2^62 */
	const char *ufrag;
	const char *pwd;
	uint8_t fingerprint[SHA256_SIZE];
	const struct addr *candidates; /* host candidates, best first */
	unsigned candidate_count;
	bool tcp; /* each of them takes TCP connections, too (RFC 6544) */
	const char *candidate_lines; /* more of them, whole a= lines with their ends; may be NULL */
	bool gathering; /* others will trickle: no end-of-candidates yet */
	bool high_profile; /* H.264 High may be agreed on */
	/* WHEP, told with a=ssrc (RFC 5576): there are viewers who drop what has another
	 * (libdatachannel). That of repairs (RFC 4588) where these are agreed on. */
	uint32_t audio_ssrc, video_ssrc, repair_ssrc;
	const char *cname; /* RFC 3550 §6.5.1, of these; NULL where none is told */
};

enum { SDP_SCTP_PORT = 5000, SDP_MESSAGE_SIZE = 65536 };

#endif
