#include "signaling/sdp_resource.h"

#include "signaling/turn_credentials.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TAG_RANDOM = SDP_ETAG_TEXT - 3 };

#define JSON_TYPE "application/json"

static const char any_tag[] = "*";

static void reply_start(struct sdp_reply *reply, int status)
{
	*reply = (struct sdp_reply){ .status = status };
	sdp_reply_common(reply);
}

__attribute__((format(printf, 3, 4))) static void reply_header(struct sdp_reply *reply,
							       const char *name, const char *format,
							       ...)
{
	if (reply->header_count == SDP_REPLY_HEADERS)
		return;
	char *value = reply->headers[reply->header_count].value;
	va_list args;
	va_start(args, format);
	const int len = vsnprintf(value, SDP_REPLY_VALUE, format, args);
	va_end(args);
	if (len < 0 || len >= SDP_REPLY_VALUE) /* half a header field is worse than none */
		return;
	reply->headers[reply->header_count++].name = name;
}

static void reply_problem(struct sdp_reply *reply, int status, const char *code, const char *detail)
{
	reply_start(reply, status);
	reply->code = code;
	snprintf(reply->detail, sizeof(reply->detail), "%s", detail);
}

void sdp_reply_common(struct sdp_reply *reply)
{
	reply_header(reply, "Cache-Control", "no-store");
	reply_header(reply, "Access-Control-Allow-Origin", "*");
	reply_header(reply, "Access-Control-Expose-Headers",
		     "Location, ETag, Link, Retry-After, Allow, Accept-Post, Accept-Patch, "
		     "WWW-Authenticate, Idempotency-Replayed");
}

void sdp_etag_make(char out[SDP_ETAG_TEXT])
{
	char random[TAG_RANDOM + 1];
	random_token(random, TAG_RANDOM);
	snprintf(out, SDP_ETAG_TEXT, "\"%s\"", random);
}

/* RFC 9725 §4.2: OPTIONS says what POST takes; the rest is for browsers' preflights, which want
 * no Link. */
void sdp_reply_options(struct sdp_reply *reply, enum sdp_place place)
{
	static const struct {
		const char *methods, *post, *patch;
	} places[] = {
		[SDP_AT_WHIP] = { "OPTIONS, GET, HEAD, POST", SDP_TYPE, NULL },
		[SDP_AT_WHEP] = { "OPTIONS, GET, HEAD, POST", SDP_TYPE, NULL },
		[SDP_AT_WHIP_SESSION] = { "OPTIONS, GET, HEAD, PATCH, DELETE", NULL,
					  SDP_FRAGMENT_TYPE },
		[SDP_AT_WHEP_SESSION] = { "OPTIONS, GET, HEAD, PATCH, DELETE", NULL,
					  SDP_FRAGMENT_TYPE ", " SDP_TYPE },
		[SDP_AT_EVENTS] = { "OPTIONS, POST", JSON_TYPE, NULL },
		[SDP_AT_STREAM] = { "OPTIONS, GET, HEAD, DELETE", NULL, NULL },
		[SDP_AT_LAYER] = { "OPTIONS, POST", JSON_TYPE, NULL },
	};
	reply_start(reply, 200);
	reply_header(reply, "Allow", "%s", places[place].methods);
	reply_header(reply, "Access-Control-Allow-Methods", "%s", places[place].methods);
	reply_header(reply, "Access-Control-Allow-Headers",
		     "Authorization, Content-Type, If-Match, Last-Event-ID, Idempotency-Key");
	reply_header(reply, "Access-Control-Max-Age", "86400");
	if (places[place].post)
		reply_header(reply, "Accept-Post", "%s", places[place].post);
	if (places[place].patch)
		reply_header(reply, "Accept-Patch", "%s", places[place].patch);
}

/* RFC 9725 §4.1, WHEP §4.1: 2xx without content. WHEP §4.2: HEAD tells players what kind of URL
 * this is, with the fields that GET has, too. */
void sdp_reply_get(struct sdp_reply *reply, enum sdp_place place)
{
	reply_start(reply, place == SDP_AT_WHEP || place == SDP_AT_STREAM ? 200 : 204);
	if (place == SDP_AT_WHEP)
		reply_header(reply, "Content-Type", SDP_TYPE);
	else if (place == SDP_AT_STREAM)
		reply_header(reply, "Content-Type", "text/event-stream");
}

/* RFC 9110 §8.3.1: type and subtype without case, then perhaps parameters. */
static bool is_type(const char *content_type, const char *type)
{
	const size_t len = strlen(type);
	if (!content_type || strncasecmp(content_type, type, len) != 0)
		return false;
	const char *rest = content_type + len;
	rest += strspn(rest, " \t");
	return !*rest || *rest == ';';
}

bool sdp_reply_check_post(struct sdp_reply *reply, const char *content_type)
{
	if (is_type(content_type, SDP_TYPE))
		return true;
	reply_problem(reply, 415, "unsupported_media_type", "the body must be " SDP_TYPE);
	reply_header(reply, "Accept-Post", SDP_TYPE);
	return false;
}

bool sdp_reply_check_json(struct sdp_reply *reply, const char *content_type)
{
	if (is_type(content_type, JSON_TYPE))
		return true;
	reply_problem(reply, 415, "unsupported_media_type", "the body must be " JSON_TYPE);
	reply_header(reply, "Accept-Post", JSON_TYPE);
	return false;
}

void sdp_reply_made(struct sdp_reply *reply, const char *location)
{
	reply_start(reply, 201);
	reply_header(reply, "Location", "%s", location);
}

void sdp_reply_gone(struct sdp_reply *reply)
{
	reply_start(reply, 204);
}

static void reply_session(struct sdp_reply *reply, int status, const char *location,
			  const char *etag)
{
	reply_start(reply, status);
	reply_header(reply, "Content-Type", SDP_TYPE);
	reply_header(reply, "Location", "%s", location);
	reply_header(reply, "ETag", "%s", etag);
}

void sdp_reply_created(struct sdp_reply *reply, const char *location, const char *etag)
{
	reply_session(reply, 201, location, etag);
	reply_header(reply, "Accept-Patch", SDP_FRAGMENT_TYPE);
}

void sdp_reply_counter_offer(struct sdp_reply *reply, const char *location, const char *etag)
{
	reply_session(reply, 406, location, etag);
	reply_header(reply, "Accept-Patch", SDP_TYPE);
}

void sdp_reply_stun(struct sdp_reply *reply, const char *uri)
{
	reply_header(reply, "Link", "<%s>; rel=\"ice-server\"", uri);
}

void sdp_reply_turn(struct sdp_reply *reply, const char *uri,
		    const struct turn_credentials *credentials)
{
	reply_header(reply, "Link",
		     "<%s>; rel=\"ice-server\"; username=\"%s\"; credential=\"%s\"; "
		     "credential-type=\"password\"",
		     uri, credentials->username, credentials->credential);
}

void sdp_reply_extension(struct sdp_reply *reply, const char *url, const char *urn,
			 const char *events)
{
	if (events)
		reply_header(reply, "Link", "<%s>; rel=\"%s\"; events=\"%s\"", url, urn, events);
	else
		reply_header(reply, "Link", "<%s>; rel=\"%s\"", url, urn);
}

void sdp_reply_redirect(struct sdp_reply *reply, const char *location)
{
	reply_start(reply, 307);
	reply_header(reply, "Location", "%s", location);
}

void sdp_reply_fault(struct sdp_reply *reply, const struct sdp_error *error)
{
	static const int statuses[] = {
		[SDP_OK] = 200,          [SDP_TOO_LARGE] = 413, [SDP_MALFORMED] = 400,
		[SDP_UNSUPPORTED] = 422, [SDP_NO_CODEC] = 422,
	};
	static const char *const codes[] = {
		[SDP_OK] = NULL,
		[SDP_TOO_LARGE] = "too_large",
		[SDP_MALFORMED] = "bad_request",
		[SDP_UNSUPPORTED] = "bad_sdp",
		[SDP_NO_CODEC] = "bad_sdp",
	};
	reply_problem(reply, statuses[error->fault], codes[error->fault], error->detail);
}

/* RFC 9110 §13.1.1: a list of tags, compared strongly, so that a weak one never matches. */
static bool tag_matches(const char *if_match, const char *etag)
{
	const size_t len = strlen(etag);
	const char *at = if_match;
	while (*at) {
		at += strspn(at, " \t,");
		const size_t token = strcspn(at, ",");
		size_t word = token;
		while (word && (at[word - 1] == ' ' || at[word - 1] == '\t'))
			word--;
		if (word == len && memcmp(at, etag, len) == 0)
			return true;
		at += token;
	}
	return false;
}

/* The RFC's own examples write "*" with quotes, its text without. */
static bool is_any(const char *if_match)
{
	return strcmp(if_match, any_tag) == 0 || strcmp(if_match, "\"*\"") == 0;
}

static bool same_generation(const struct sdp_fragment *fragment, const struct sdp_ice *remote)
{
	return !fragment->has_ice || (strcmp(fragment->ice.ufrag, remote->ufrag) == 0 &&
				      strcmp(fragment->ice.pwd, remote->pwd) == 0);
}

static enum sdp_patch refuse_patch(struct sdp_reply *reply, int status, const char *code,
				   const char *detail)
{
	reply_problem(reply, status, code, detail);
	return SDP_PATCH_REFUSED;
}

static enum sdp_patch accept_patch(struct sdp_reply *reply, enum sdp_patch patch)
{
	reply_start(reply, 204);
	return patch;
}

enum sdp_patch sdp_patch_judge(struct sdp_reply *reply, struct sdp_fragment *fragment,
			       const struct sdp_patch_request *request)
{
	const char *const type = request->counter_offer ? SDP_TYPE : SDP_FRAGMENT_TYPE;
	if (!is_type(request->content_type, type)) {
		refuse_patch(reply, 415, "unsupported_media_type",
			     request->counter_offer ? "the counter-offer waits for " SDP_TYPE
						    : "the body must be " SDP_FRAGMENT_TYPE);
		reply_header(reply, "Accept-Patch", "%s", type);
		return SDP_PATCH_REFUSED;
	}
	if (request->counter_offer)
		return accept_patch(reply, SDP_PATCH_ANSWER);
	/* RFC 9110 §13.2.1: preconditions come before the body. */
	if (!request->if_match)
		return refuse_patch(reply, 428, "precondition_required", "If-Match is required");
	if (!is_any(request->if_match) && !tag_matches(request->if_match, request->etag))
		return refuse_patch(reply, 412, "precondition_failed",
				    "If-Match is not the entity tag of this session");
	struct sdp_error error;
	if (sdp_fragment_parse(fragment, request->body, request->body_len, &error)) {
		sdp_reply_fault(reply, &error);
		return SDP_PATCH_REFUSED;
	}
	if (same_generation(fragment, request->remote))
		return accept_patch(reply, SDP_PATCH_TRICKLE);
	/* RFC 9725 §4.3.3: new credentials are a restart. Clients say `*` with it; one that names
	 * the tag in force has said more than it must. */
	if (strcmp(fragment->ice.ufrag, request->remote->ufrag) == 0 ||
	    strcmp(fragment->ice.pwd, request->remote->pwd) == 0)
		return refuse_patch(reply, 422, "bad_sdp",
				    "an ICE restart changes both ice-ufrag and ice-pwd");
	return accept_patch(reply, SDP_PATCH_RESTART);
}

void sdp_reply_restarted(struct sdp_reply *reply, const char *etag)
{
	reply_start(reply, 200);
	reply_header(reply, "Content-Type", SDP_FRAGMENT_TYPE);
	reply_header(reply, "ETag", "%s", etag);
}

void sdp_reply_restart_failed(struct sdp_reply *reply)
{
	reply_problem(reply, 422, "bad_sdp", "ICE cannot be restarted now; the session goes on");
}

void sdp_reply_deleted(struct sdp_reply *reply)
{
	reply_start(reply, 200); /* not 204: OBS takes that for an error */
}
