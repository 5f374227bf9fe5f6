/*
 * The HTTP rules of WHIP and WHEP resources (RFC 9725 §4, draft-ietf-wish-whep-03 §4) without a
 * socket: from what the request carries to status and header fields. The route only copies them
 * into its reply. Pure functions; any thread.
 *
 * A session has a strong entity tag that stands for its ICE generation: trickle must name it
 * (If-Match), a restart says `*` and gets a new one, DELETE ignores it.
 */
#ifndef SOUK_SIGNALING_SDP_RESOURCE_H
#define SOUK_SIGNALING_SDP_RESOURCE_H

#include "signaling/sdp_agreement.h"
#include "signaling/sdp_fragment.h"

enum {
	SDP_ETAG_TEXT = 24, /* with its quotes and NUL */
	SDP_REPLY_HEADERS = 24,
	SDP_ICE_SERVERS_MAX = 8, /* Links of a reply that name STUN and TURN servers */
	SDP_REPLY_VALUE = 768, /* a URL of ours, and what stands behind it in a Link */
	SDP_COUNTER_OFFER_S = 30, /* a counter-offer waits so long for its answer */
};

#define SDP_TYPE          "application/sdp"
#define SDP_FRAGMENT_TYPE "application/trickle-ice-sdpfrag"

enum sdp_resource { SDP_WHIP, SDP_WHEP };

/* Where a request is addressed to. The last three are WHEP extensions. */
enum sdp_place {
	SDP_AT_WHIP,
	SDP_AT_WHEP,
	SDP_AT_WHIP_SESSION,
	SDP_AT_WHEP_SESSION,
	SDP_AT_EVENTS,
	SDP_AT_STREAM,
	SDP_AT_LAYER,
};

struct sdp_reply {
	int status;
	const char *code; /* of problem+json; NULL: no problem */
	char detail[SDP_DETAIL_MAX];
	struct {
		const char *name;
		char value[SDP_REPLY_VALUE];
	} headers[SDP_REPLY_HEADERS];
	unsigned header_count;
};

/* A new random strong tag, `"…"`. */
void sdp_etag_make(char out[SDP_ETAG_TEXT]);

/* OPTIONS needs no room and no token; GET and HEAD are answered alike. */
void sdp_reply_options(struct sdp_reply *reply, enum sdp_place place);
void sdp_reply_get(struct sdp_reply *reply, enum sdp_place place);
/* 415 and false unless the body of a POST is application/sdp (parameters allowed; may be NULL). */
bool sdp_reply_check_post(struct sdp_reply *reply, const char *content_type);
/* 201; the body is the answer. */
void sdp_reply_created(struct sdp_reply *reply, const char *location, const char *etag);
/* 406 with our counter-offer as the body; WHEP. */
void sdp_reply_counter_offer(struct sdp_reply *reply, const char *location, const char *etag);
/* Links of either (RFC 9725 §4.6, §4.9): a STUN server, a TURN server, an extension of WHEP.
 * `events` NULL: none are named. */
void sdp_reply_stun(struct sdp_reply *reply, const char *uri);
struct turn_credentials;
void sdp_reply_turn(struct sdp_reply *reply, const char *uri,
		    const struct turn_credentials *credentials);
void sdp_reply_extension(struct sdp_reply *reply, const char *url, const char *urn,
			 const char *events);
/* 415 and false unless the body for an extension is application/json. */
bool sdp_reply_check_json(struct sdp_reply *reply, const char *content_type);
/* 201 without content: an event stream. 204: it is gone. */
void sdp_reply_made(struct sdp_reply *reply, const char *location);
void sdp_reply_gone(struct sdp_reply *reply);
/* 307: the same request at `location`. */
void sdp_reply_redirect(struct sdp_reply *reply, const char *location);
/* 400, 413, 422 by the fault of an offer or fragment. */
void sdp_reply_fault(struct sdp_reply *reply, const struct sdp_error *error);
/* Adds the fields that every other reply of /whip and /whep needs: CORS, and that it is not kept.
 */
void sdp_reply_common(struct sdp_reply *reply);

/* PATCH on a session. */
enum sdp_patch {
	SDP_PATCH_REFUSED, /* reply is complete; the session is untouched and lives on */
	SDP_PATCH_TRICKLE, /* reply is complete (204): take the fragment's candidates */
	SDP_PATCH_RESTART, /* restart ICE, then sdp_reply_restarted(); or sdp_reply_restart_failed()
			    */
	SDP_PATCH_ANSWER, /* body is the SDP answer to our counter-offer; 204 if it is accepted */
};

struct sdp_patch_request {
	const char *content_type; /* NULL when absent */
	const char *if_match; /* NULL when absent */
	const char *body;
	size_t body_len;
	const char *etag; /* the session's current tag */
	const struct sdp_ice *remote; /* the client's current ufrag and pwd */
	bool counter_offer; /* one is pending: its answer is all that is taken */
};

/* `fragment` is filled for TRICKLE and RESTART. */
enum sdp_patch sdp_patch_judge(struct sdp_reply *reply, struct sdp_fragment *fragment,
			       const struct sdp_patch_request *request);
/* 200; the body is sdp_fragment_build(). `etag` is the new one. */
void sdp_reply_restarted(struct sdp_reply *reply, const char *etag);
/* The old ICE session goes on (RFC 9725 §4.3.3). */
void sdp_reply_restart_failed(struct sdp_reply *reply);

/* DELETE: 200, whatever If-Match says. */
void sdp_reply_deleted(struct sdp_reply *reply);

#endif
