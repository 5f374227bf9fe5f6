/*
 * Bounded SDP parser (RFC 8866) for what WebRTC needs of an offer or an answer (RFC 8829). The
 * text is copied once; every string of the result points into that copy and lives as long as the
 * struct sdp. Input comes from strangers: size, lines, media and each list have a cap, and a
 * refusal says in one English sentence what is wrong, without quoting the input. Values, any
 * thread.
 */
#ifndef SOUK_SIGNALING_SDP_H
#define SOUK_SIGNALING_SDP_H

#include "server/core/addr.h"
#include "server/core/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SDP_SIZE_MAX = 32 * 1024, /* bytes of a description; more is answered with 413 */
	SDP_LINE_MAX = 4096,
	SDP_MEDIA_MAX = 16,
	SDP_CODECS_MAX = 64, /* of one m-line; Chromium offers 44 */
	SDP_EXTENSIONS_MAX = 32, /* of one m-line */
	SDP_CANDIDATES_MAX = 20, /* usable ones of a description; more are dropped */
	SDP_SSRCS_MAX = 16, /* of one m-line; more are dropped */
	SDP_RIDS_MAX = 8,
	SDP_LAYERS_MAX = 4, /* of a simulcast source, more are not asked for */
	SDP_TOKEN_MAX = 32, /* characters of a mid or rid */
	SDP_ICE_MAX = 256, /* characters of ufrag and of pwd, RFC 8839 §5.4 */
	SDP_DETAIL_MAX = 128,
};

enum sdp_kind { SDP_AUDIO, SDP_VIDEO, SDP_APPLICATION, SDP_OTHER };
enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_setup { SDP_SETUP_NONE, SDP_SETUP_ACTPASS, SDP_SETUP_ACTIVE, SDP_SETUP_PASSIVE };

/* Why a description was refused; sdp_reply_fault() answers with it. */
enum sdp_fault {
	SDP_OK,
	SDP_TOO_LARGE, /* over SDP_SIZE_MAX */
	SDP_MALFORMED, /* not a session description, or a cap exceeded */
	SDP_UNSUPPORTED, /* well-formed, but asks for what we do not do */
	SDP_NO_CODEC, /* audio or video without a codec in common */
};

struct sdp_error {
	enum sdp_fault fault;
	char detail[SDP_DETAIL_MAX]; /* for problem+json; ASCII, no quotes */
};

/* RTCP feedback of a codec, RFC 4585 §4.2. */
enum {
	SDP_FB_NACK = 1 << 0,
	SDP_FB_PLI = 1 << 1,
	SDP_FB_FIR = 1 << 2,
	SDP_FB_TRANSPORT_CC = 1 << 3,
	SDP_FB_REMB = 1 << 4,
};

struct sdp_codec {
	uint8_t pt;
	uint8_t feedback; /* SDP_FB_* */
	uint8_t channels; /* 1 when not given */
	uint32_t clock; /* 0 without rtpmap (static payload types) */
	const char *name; /* "" without rtpmap; compare without case */
	const char *fmtp; /* "" when absent */
};

struct sdp_extension {
	uint8_t id; /* 1..255; ids above 14 need two-byte headers, RFC 8285 §4.3 */
	enum sdp_direction direction;
	const char *uri;
};

struct sdp_rid {
	const char *id;
	bool send;
};

/* A UDP candidate of component 1 with a literal address; others are dropped (RFC 9725 §4.3.1). */
struct sdp_candidate {
	struct addr addr;
	uint32_t priority;
	uint8_t media; /* index of its m-line */
};

/* What may stand at session level and is inherited by each m-line (RFC 8839 §5.4, RFC 8842 §5). */
struct sdp_transport {
	const char *ufrag; /* NULL when absent */
	const char *pwd;
	enum sdp_setup setup;
	bool has_fingerprint;
	bool foreign_fingerprint; /* one of another hash than sha-256 stands there */
	bool trickle; /* a=ice-options:trickle */
	uint8_t fingerprint[SHA256_SIZE];
};

struct sdp_media {
	enum sdp_kind kind;
	const char *kind_name; /* as written: needed to reject it in the answer */
	const char *protocol; /* "UDP/TLS/RTP/SAVPF" */
	const char *formats; /* the rest of the m-line, as written */
	uint16_t port;
	bool bundle_only; /* port 0 does not mean rejected, RFC 9143 §6 */
	bool bundled; /* named by a=group:BUNDLE */
	bool rtcp_mux, rcvr_rtt, end_of_candidates;
	const char *mid; /* never NULL */
	enum sdp_direction direction;
	struct sdp_transport transport;
	struct sdp_codec codecs[SDP_CODECS_MAX]; /* in the order of the m-line */
	unsigned codec_count;
	struct sdp_extension extensions[SDP_EXTENSIONS_MAX];
	unsigned extension_count;
	uint32_t ssrcs[SDP_SSRCS_MAX]; /* without repair streams (FID), in order */
	unsigned ssrc_count;
	struct sdp_rid rids[SDP_RIDS_MAX];
	unsigned rid_count;
	bool simulcast_send; /* a=simulcast with a send list */
	uint16_t max_packet_ms; /* a=maxptime; 0 when absent */
	uint16_t sctp_port; /* 0 when absent; sctp-port or sctpmap */
	uint32_t max_message_size; /* 65536 when absent, RFC 8841 §6.1 */
};

struct sdp {
	char *text; /* owns all strings */
	bool ice_lite;
	struct sdp_transport transport; /* session level */
	struct sdp_media media[SDP_MEDIA_MAX];
	unsigned media_count;
	unsigned bundle_first; /* m-line whose transport the bundle uses; valid if it is bundled */
	struct sdp_candidate candidates[SDP_CANDIDATES_MAX];
	unsigned candidate_count;
};

/*
 * LF and CRLF are accepted. -EMSGSIZE when too large, -EINVAL when malformed; `error` (never
 * NULL) then says why. On success the caller owns *out.
 */
int sdp_parse(struct sdp **out, const char *text, size_t len, struct sdp_error *error)
	__attribute__((warn_unused_result));
void sdp_destroy(struct sdp *sdp); /* takes NULL */

/* Sets fault and detail and returns the errno that stands for it: always < 0. */
int sdp_refuse(struct sdp_error *error, enum sdp_fault fault, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
