#include "signaling/sdp_resource.h"

#include "signaling/turn_credentials.h"
#include "tests/signaling/sdp_fixture.h"

#define TAG "\"0123456789abcdefghijk\""
#define FRAGMENT(ufrag, pwd) \
	"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" \
	"a=ice-ufrag:" ufrag "\r\na=ice-pwd:" pwd "\r\n" \
	"a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n"

#define OLD_PWD "0123456789012345678901"
#define NEW_PWD "abcdefghijklmnopqrstuv"

static const struct sdp_ice remote = { .ufrag = "old1", .pwd = OLD_PWD };

static const char *header(const struct sdp_reply *reply, const char *name)
{
	for (unsigned i = 0; i < reply->header_count; i++)
		if (strcmp(reply->headers[i].name, name) == 0)
			return reply->headers[i].value;
	return "";
}

static const struct {
	const char *type, *if_match, *body;
	bool counter_offer;
	enum sdp_patch patch;
	int status;
} patches[] = {
	{ SDP_FRAGMENT_TYPE, TAG, FRAGMENT("old1", OLD_PWD), false, SDP_PATCH_TRICKLE, 204 },
	{ SDP_FRAGMENT_TYPE "; charset=utf-8", "\"x\" , " TAG, FRAGMENT("old1", OLD_PWD), false,
	  SDP_PATCH_TRICKLE, 204 },
	{ SDP_FRAGMENT_TYPE, TAG, "a=end-of-candidates\r\n", false, SDP_PATCH_TRICKLE, 204 },
	{ SDP_FRAGMENT_TYPE, "*", FRAGMENT("old1", OLD_PWD), false, SDP_PATCH_TRICKLE, 204 },
	{ SDP_FRAGMENT_TYPE, "*", FRAGMENT("new1", NEW_PWD), false, SDP_PATCH_RESTART, 204 },
	{ SDP_FRAGMENT_TYPE, "\"*\"", FRAGMENT("new1", NEW_PWD), false, SDP_PATCH_RESTART, 204 },
	{ SDP_FRAGMENT_TYPE, NULL, FRAGMENT("old1", OLD_PWD), false, SDP_PATCH_REFUSED, 428 },
	{ SDP_FRAGMENT_TYPE, NULL, "garbage", false, SDP_PATCH_REFUSED, 428 },
	{ SDP_FRAGMENT_TYPE, "\"stale\"", FRAGMENT("old1", OLD_PWD), false, SDP_PATCH_REFUSED,
	  412 },
	{ SDP_FRAGMENT_TYPE, "W/" TAG, FRAGMENT("old1", OLD_PWD), false, SDP_PATCH_REFUSED, 412 },
	{ SDP_FRAGMENT_TYPE, "", FRAGMENT("old1", OLD_PWD), false, SDP_PATCH_REFUSED, 412 },
	{ SDP_FRAGMENT_TYPE, TAG, FRAGMENT("new1", NEW_PWD), false, SDP_PATCH_RESTART, 204 },
	{ SDP_FRAGMENT_TYPE, TAG, FRAGMENT("new1", OLD_PWD), false, SDP_PATCH_REFUSED, 422 },
	{ SDP_FRAGMENT_TYPE, "*", FRAGMENT("new1", OLD_PWD), false, SDP_PATCH_REFUSED, 422 },
	{ SDP_FRAGMENT_TYPE, TAG, "garbage", false, SDP_PATCH_REFUSED, 400 },
	{ SDP_FRAGMENT_TYPE, TAG, "", false, SDP_PATCH_REFUSED, 400 },
	{ SDP_TYPE, TAG, "v=0", false, SDP_PATCH_REFUSED, 415 },
	{ "application/json", TAG, "{}", false, SDP_PATCH_REFUSED, 415 },
	{ NULL, TAG, FRAGMENT("old1", OLD_PWD), false, SDP_PATCH_REFUSED, 415 },
	{ SDP_TYPE, NULL, "v=0", true, SDP_PATCH_ANSWER, 204 },
	{ SDP_FRAGMENT_TYPE, TAG, FRAGMENT("old1", OLD_PWD), true, SDP_PATCH_REFUSED, 415 },
};

Test(sdp_resource, patch_follows_preconditions)
{
	for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
		const struct sdp_patch_request request = {
			.content_type = patches[i].type,
			.if_match = patches[i].if_match,
			.body = patches[i].body,
			.body_len = strlen(patches[i].body),
			.etag = TAG,
			.remote = &remote,
			.counter_offer = patches[i].counter_offer,
		};
		struct sdp_reply reply;
		struct sdp_fragment fragment;
		const enum sdp_patch patch = sdp_patch_judge(&reply, &fragment, &request);
		cr_expect(eq(int, (int)patch, (int)patches[i].patch), "%zu", i);
		cr_expect(eq(int, reply.status, patches[i].status), "%zu", i);
		/* RFC 9725 §4.3.2: no ETag with 204; a refusal always says why. */
		cr_expect(eq(str, (char *)header(&reply, "ETag"), ""));
		cr_expect(eq(int, reply.code != NULL, patch == SDP_PATCH_REFUSED));
		cr_expect(eq(str, (char *)header(&reply, "Access-Control-Allow-Origin"), "*"));
		if (reply.status == 415)
			cr_expect(eq(str, (char *)header(&reply, "Accept-Patch"),
				     patches[i].counter_offer ? SDP_TYPE : SDP_FRAGMENT_TYPE));
	}
}

Test(sdp_resource, restart_hands_out_a_new_tag_and_may_fail)
{
	struct sdp_reply reply;
	sdp_reply_restarted(&reply, TAG);
	cr_expect(eq(int, reply.status, 200));
	cr_expect(eq(str, (char *)header(&reply, "ETag"), TAG));
	cr_expect(eq(str, (char *)header(&reply, "Content-Type"), SDP_FRAGMENT_TYPE));
	sdp_reply_restart_failed(&reply);
	cr_expect(eq(int, reply.status, 422));
}

Test(sdp_resource, tags_are_strong_quoted_and_never_the_same)
{
	char one[SDP_ETAG_TEXT];
	char two[SDP_ETAG_TEXT];
	sdp_etag_make(one);
	sdp_etag_make(two);
	cr_expect(eq(sz, strlen(one), SDP_ETAG_TEXT - 1));
	cr_expect(eq(chr, one[0], '"'));
	cr_expect(eq(chr, one[SDP_ETAG_TEXT - 2], '"'));
	cr_expect(ne(str, one, two));
}

Test(sdp_resource, created_names_session_and_tag)
{
	struct sdp_reply reply;
	sdp_reply_created(&reply, "/whip/session/1x", TAG);
	cr_expect(eq(int, reply.status, 201));
	cr_expect(eq(str, (char *)header(&reply, "Location"), "/whip/session/1x"));
	cr_expect(eq(str, (char *)header(&reply, "ETag"), TAG));
	cr_expect(eq(str, (char *)header(&reply, "Content-Type"), SDP_TYPE));
	cr_expect(eq(str, (char *)header(&reply, "Accept-Patch"), SDP_FRAGMENT_TYPE));
	cr_expect(eq(str, (char *)header(&reply, "Cache-Control"), "no-store"));
	cr_expect(
		ne(ptr, strstr(header(&reply, "Access-Control-Expose-Headers"), "Location"), NULL));
}

Test(sdp_resource, links_name_ice_servers_and_extensions)
{
	struct turn_credentials credentials;
	struct sdp_reply reply;
	sdp_reply_created(&reply, "/whip/session/1x", TAG);
	const unsigned first = reply.header_count;
	/* What `echo -n 1795226335:bob | openssl dgst -sha1 -hmac north -binary | base64` prints.
	 */
	turn_credentials_make(&credentials, "north", "bob", 1795226335);
	sdp_reply_stun(&reply, "stun:192.0.2.1:3478");
	sdp_reply_turn(&reply, "turn:192.0.2.1?transport=udp", &credentials);
	sdp_reply_extension(&reply, "/e", "urn:x", "active,layers");
	sdp_reply_extension(&reply, "/l", "urn:y", NULL);
	static const char *const links[] = {
		"<stun:192.0.2.1:3478>; rel=\"ice-server\"",
		"<turn:192.0.2.1?transport=udp>; rel=\"ice-server\"; username=\"1795226335:bob\"; "
		"credential=\"K1/Wi6e6zFvjO5xhMSjKQ1cYhuU=\"; credential-type=\"password\"",
		"</e>; rel=\"urn:x\"; events=\"active,layers\"",
		"</l>; rel=\"urn:y\"",
	};
	cr_assert(eq(u32, reply.header_count, first + 4));
	for (unsigned i = 0; i < 4; i++) {
		cr_expect_str_eq(reply.headers[first + i].name, "Link");
		cr_expect_str_eq(reply.headers[first + i].value, links[i]);
	}
}

Test(sdp_resource, a_redirect_keeps_the_method)
{
	struct sdp_reply reply;
	sdp_reply_redirect(&reply, "https://b.example/whep/demo?x=1");
	cr_expect(eq(int, reply.status, 307));
	cr_expect_str_eq(header(&reply, "Location"), "https://b.example/whep/demo?x=1");
}

Test(sdp_resource, preflight_says_what_is_taken)
{
	struct sdp_reply reply;
	sdp_reply_options(&reply, SDP_AT_WHIP);
	cr_expect(eq(int, reply.status, 200));
	cr_expect(eq(str, (char *)header(&reply, "Accept-Post"), SDP_TYPE));
	cr_expect(eq(str, (char *)header(&reply, "Link"), ""));
	sdp_reply_options(&reply, SDP_AT_WHEP_SESSION);
	cr_expect(ne(ptr, strstr(header(&reply, "Access-Control-Allow-Methods"), "PATCH"), NULL));
	cr_expect(
		ne(ptr, strstr(header(&reply, "Access-Control-Allow-Headers"), "If-Match"), NULL));
	sdp_reply_options(&reply, SDP_AT_LAYER);
	cr_expect(eq(str, (char *)header(&reply, "Accept-Post"), "application/json"));
	cr_expect(eq(str, (char *)header(&reply, "Accept-Patch"), ""));
}

Test(sdp_resource, get_is_empty_and_tells_what_kind_a_whep_endpoint_is)
{
	struct sdp_reply reply;
	sdp_reply_get(&reply, SDP_AT_WHIP);
	cr_expect(eq(int, reply.status, 204));
	sdp_reply_get(&reply, SDP_AT_WHEP_SESSION);
	cr_expect(eq(int, reply.status, 204));
	cr_expect(eq(str, (char *)header(&reply, "Content-Type"), ""));
	sdp_reply_get(&reply, SDP_AT_WHEP);
	cr_expect(eq(int, reply.status, 200));
	cr_expect(eq(str, (char *)header(&reply, "Content-Type"), SDP_TYPE));
}

Test(sdp_resource, post_takes_sdp_alone)
{
	static const struct {
		const char *type;
		bool taken;
	} rows[] = {
		{ "application/sdp", true },
		{ "Application/SDP; charset=utf-8", true },
		{ "application/sdp ;x=y", true },
		{ "application/sdpfrag", false },
		{ "application/json", false },
		{ "", false },
		{ NULL, false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sdp_reply reply = { 0 };
		cr_expect(eq(int, sdp_reply_check_post(&reply, rows[i].type), rows[i].taken));
		cr_expect(eq(int, reply.status, rows[i].taken ? 0 : 415));
	}
}

Test(sdp_resource, faults_have_their_status)
{
	static const struct {
		enum sdp_fault fault;
		int status;
		const char *code;
	} rows[] = {
		{ SDP_TOO_LARGE, 413, "too_large" },
		{ SDP_MALFORMED, 400, "bad_request" },
		{ SDP_UNSUPPORTED, 422, "bad_sdp" },
		{ SDP_NO_CODEC, 422, "bad_sdp" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sdp_error error = { .fault = rows[i].fault, .detail = "why" };
		struct sdp_reply reply;
		sdp_reply_fault(&reply, &error);
		cr_expect(eq(int, reply.status, rows[i].status));
		cr_expect(eq(str, (char *)reply.code, (char *)rows[i].code));
		cr_expect(eq(str, reply.detail, "why"));
	}
}

Test(sdp_resource, counter_offer_and_delete)
{
	struct sdp_reply reply;
	sdp_reply_counter_offer(&reply, "/whep/session/1x", TAG);
	cr_expect(eq(int, reply.status, 406));
	cr_expect(eq(str, (char *)header(&reply, "Location"), "/whep/session/1x"));
	sdp_reply_deleted(&reply);
	cr_expect(eq(int, reply.status, 200));
}
