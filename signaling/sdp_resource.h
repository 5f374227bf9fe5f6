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
	SDP_REPLY_HEADERS = 12,
	SDP_REPLY_VALUE = 512,
	SDP_COUNTER_OFFER_S = 30, /* a counter-offer waits so long for its answer */
};

#define SDP_TYPE          "application/sdp"
#define SDP_FRAGMENT_TYPE "application/trickle-ice-sdpfrag"

enum sdp_resource { SDP_WHIP, SDP_WHEP };

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

/* Requests on the endpoint. OPTIONS, GET and HEAD need no room and no token. */
void sdp_reply_options(struct sdp_reply *reply, enum sdp_resource resource, bool session);
void sdp_reply_get(struct sdp_reply *reply, enum sdp_resource resource, bool head);
/* 415 and false unless the body of a POST is application/sdp (parameters allowed; may be NULL). */
bool sdp_reply_check_post(struct sdp_reply *reply, const char *content_type);
/* 201; the body is the answer. `links` are URIs of STUN and TURN servers, may be NULL. */
void sdp_reply_created(struct sdp_reply *reply, const char *location, const char *etag,
		       const char *const *links, unsigned link_count);
/* 406 with our counter-offer as the body; WHEP. */
void sdp_reply_counter_offer(struct sdp_reply *reply, const char *location, const char *etag);
/* 400, 413, 422 by the fault of an offer or fragment. */
void sdp_reply_fault(struct sdp_reply *reply, const struct sdp_error *error);
int sdp_fault_status(enum sdp_fault fault);
/* Adds the CORS fields that every other reply of /whip and /whep needs. */
void sdp_reply_cors(struct sdp_reply *reply);

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
	bool counter_offer; /* one is pending */
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
