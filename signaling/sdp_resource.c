#include "signaling/sdp_resource.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TAG_RANDOM = SDP_ETAG_TEXT - 3 };

static const char any_tag[] = "*";

static void reply_start(struct sdp_reply *reply, int status)
{
	*reply = (struct sdp_reply){ .status = status };
	sdp_reply_cors(reply);
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

void sdp_reply_cors(struct sdp_reply *reply)
{
	reply_header(reply, "Access-Control-Allow-Origin", "*");
	reply_header(reply, "Access-Control-Expose-Headers",
		     "Location, ETag, Link, Retry-After, Accept-Post, Idempotency-Replayed");
}

void sdp_etag_make(char out[SDP_ETAG_TEXT])
{
	char random[TAG_RANDOM + 1];
	random_token(random, TAG_RANDOM);
	snprintf(out, SDP_ETAG_TEXT, "\"%s\"", random);
}

/* RFC 9725 §4.2: OPTIONS says what POST takes; the rest is for browsers' preflights, which want
 * no Link. */
void sdp_reply_options(struct sdp_reply *reply, enum sdp_resource resource, bool session)
{
	reply_start(reply, 200);
	const char *methods =
		session ? "OPTIONS, GET, HEAD, PATCH, DELETE" : "OPTIONS, GET, HEAD, POST";
	reply_header(reply, "Allow", "%s", methods);
	reply_header(reply, "Access-Control-Allow-Methods", "%s", methods);
	reply_header(reply, "Access-Control-Allow-Headers",
		     "Authorization, Content-Type, If-Match, Idempotency-Key");
	reply_header(reply, "Access-Control-Max-Age", "86400");
	if (!session)
		reply_header(reply, "Accept-Post", SDP_TYPE);
	else if (resource == SDP_WHEP)
		reply_header(reply, "Accept-Patch", SDP_FRAGMENT_TYPE ", " SDP_TYPE);
	else
		reply_header(reply, "Accept-Patch", SDP_FRAGMENT_TYPE);
}

/* RFC 9725 §4.2: 2xx without content. WHEP: HEAD tells players what kind of URL this is. */
void sdp_reply_get(struct sdp_reply *reply, enum sdp_resource resource, bool head)
{
	const bool discover = resource == SDP_WHEP && head;
	reply_start(reply, discover ? 200 : 204);
	if (discover)
		reply_header(reply, "Content-Type", SDP_TYPE);
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

static void reply_session(struct sdp_reply *reply, int status, const char *location,
			  const char *etag)
{
	reply_start(reply, status);
	reply_header(reply, "Content-Type", SDP_TYPE);
	reply_header(reply, "Location", "%s", location);
	reply_header(reply, "ETag", "%s", etag);
	reply_header(reply, "Accept-Patch", SDP_FRAGMENT_TYPE);
}

void sdp_reply_created(struct sdp_reply *reply, const char *location, const char *etag,
		       const char *const *links, unsigned link_count)
{
	reply_session(reply, 201, location, etag);
	for (unsigned i = 0; i < link_count; i++)
		reply_header(reply, "Link", "<%s>; rel=\"ice-server\"", links[i]);
}

void sdp_reply_counter_offer(struct sdp_reply *reply, const char *location, const char *etag)
{
	reply_session(reply, 406, location, etag);
}

int sdp_fault_status(enum sdp_fault fault)
{
	static const int statuses[] = {
		[SDP_OK] = 200,          [SDP_TOO_LARGE] = 413, [SDP_MALFORMED] = 400,
		[SDP_UNSUPPORTED] = 422, [SDP_NO_CODEC] = 422,
	};
	return statuses[fault];
}

void sdp_reply_fault(struct sdp_reply *reply, const struct sdp_error *error)
{
	static const char *const codes[] = {
		[SDP_OK] = NULL,
		[SDP_TOO_LARGE] = "too_large",
		[SDP_MALFORMED] = "bad_request",
		[SDP_UNSUPPORTED] = "bad_sdp",
		[SDP_NO_CODEC] = "bad_sdp",
	};
	reply_problem(reply, sdp_fault_status(error->fault), codes[error->fault], error->detail);
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
	if (request->counter_offer && is_type(request->content_type, SDP_TYPE))
		return accept_patch(reply, SDP_PATCH_ANSWER);
	if (!is_type(request->content_type, SDP_FRAGMENT_TYPE)) {
		refuse_patch(reply, 415, "unsupported_media_type",
			     "the body must be " SDP_FRAGMENT_TYPE);
		reply_header(reply, "Accept-Patch", SDP_FRAGMENT_TYPE);
		return SDP_PATCH_REFUSED;
	}
	/* RFC 9725 §4.3.1: preconditions come before the body. */
	if (!request->if_match)
		return refuse_patch(reply, 428, "precondition_required", "If-Match is required");
	const bool any = is_any(request->if_match);
	if (!any && !tag_matches(request->if_match, request->etag))
		return refuse_patch(reply, 412, "precondition_failed",
				    "If-Match is not the entity tag of this session");
	struct sdp_error error;
	if (sdp_fragment_parse(fragment, request->body, request->body_len, &error)) {
		sdp_reply_fault(reply, &error);
		return SDP_PATCH_REFUSED;
	}
	if (same_generation(fragment, request->remote))
		return accept_patch(reply, SDP_PATCH_TRICKLE);
	/* RFC 9725 §4.3.3: new credentials are a restart, and that says `*`. */
	if (!any)
		return refuse_patch(reply, 422, "bad_sdp", "an ICE restart needs If-Match: *");
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
