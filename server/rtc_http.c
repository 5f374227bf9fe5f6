/*
 * WHIP and WHEP over HTTP. The worker that parsed a request carries it to the worker that owns (or,
 * for a POST, will own) the session, and the reply back. What the RFCs say about status and header
 * fields comes from signaling/sdp_resource.h.
 */
#include "server/api.h"

#include "media/broadcast.h"
#include "server/call.h"
#include "server/control.h"
#include "server/core/alloc.h"
#include "server/core/bytes.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/rtc_session.h"
#include "server/worker.h"
#include "signaling/sdp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = 32 * 1024, RETRY_NOT_LIVE_S = 2, RETRY_OVERLOADED_S = 5 };

struct rtc_request {
	struct message message;
	struct worker *from, *owner;
	struct http_request *request; /* NULL once the client has gone */
	enum sdp_resource kind;
	void (*handle)(struct rtc_request *rtc); /* on the owner's thread */
	char room[NAME_MAX_LEN + 1];
	char resource[RTC_RESOURCE_SIZE];
	struct jwt_claims claims;
	bool identified;
	char *content_type, *if_match;
	struct bytes body;
	/* The answer. */
	struct sdp_reply reply;
	const char *reply_type;
	int retry_after_s;
	struct bytes text;
	/* A publisher's way through control. */
	struct claim claim;
	char session[RTC_RESOURCE_SIZE];
};

static void request_destroy(struct rtc_request *rtc)
{
	free(rtc->content_type);
	free(rtc->if_match);
	bytes_finish(&rtc->body);
	bytes_finish(&rtc->text);
	free(rtc);
}

static void reply_refused(struct rtc_request *rtc)
{
	const struct sdp_reply *reply = &rtc->reply;
	struct reply_headers headers = { 0 };
	char retry_after[16];
	char *body = problem_text(reply->status, reply->code, NULL, reply->detail);
	reply_add(&headers, "Content-Type", "application/problem+json");
	if (rtc->retry_after_s) {
		snprintf(retry_after, sizeof(retry_after), "%d", rtc->retry_after_s);
		reply_add(&headers, "Retry-After", retry_after);
	}
	for (unsigned i = 0; i < reply->header_count; i++)
		reply_add(&headers, reply->headers[i].name, reply->headers[i].value);
	http_reply(rtc->request, reply->status, headers.list, body, strlen(body));
	free(body);
}

static void send_reply(struct rtc_request *rtc)
{
	const struct sdp_reply *reply = &rtc->reply;
	struct reply_headers headers = { 0 };
	if (reply->code) {
		reply_refused(rtc);
		return;
	}
	if (rtc->reply_type)
		reply_add(&headers, "Content-Type", rtc->reply_type);
	for (unsigned i = 0; i < reply->header_count; i++)
		reply_add(&headers, reply->headers[i].name, reply->headers[i].value);
	http_reply(rtc->request, reply->status, headers.list, rtc->text.data, rtc->text.len);
}

static void run_reply(struct message *message)
{
	struct rtc_request *rtc = list_entry(message, struct rtc_request, message);
	if (rtc->request)
		send_reply(rtc);
	request_destroy(rtc);
}

static void drop(struct message *message)
{
	request_destroy(list_entry(message, struct rtc_request, message));
}

/* On the owner's thread: `reply` is complete. */
static void finish(struct rtc_request *rtc)
{
	rtc->message = (struct message){ .run = run_reply, .drop = drop };
	if (rtc->from == rtc->owner)
		run_reply(&rtc->message);
	else
		worker_note(rtc->from, &rtc->message);
}

static void refuse(struct rtc_request *rtc, int status, const char *code, int retry_after_s)
{
	rtc->reply = (struct sdp_reply){ .status = status, .code = code };
	rtc->retry_after_s = retry_after_s;
	sdp_reply_cors(&rtc->reply);
	finish(rtc);
}

static void run_handle(struct message *message)
{
	struct rtc_request *rtc = list_entry(message, struct rtc_request, message);
	rtc->handle(rtc);
}

static void on_request_gone(void *arg)
{
	struct rtc_request *rtc = arg;
	rtc->request = NULL;
}

static enum sdp_resource kind_of(const struct exchange *exchange)
{
	return strncmp(http_path(exchange->request), "/whip/", 6) ? SDP_WHEP : SDP_WHIP;
}

static struct rtc_request *request_create(struct exchange *exchange)
{
	struct rtc_request *rtc = xcalloc(1, sizeof(*rtc));
	size_t len;
	const uint8_t *body = http_body(exchange->request, &len);
	const char *type = http_header(exchange->request, "Content-Type");
	const char *if_match = http_header(exchange->request, "If-Match");
	rtc->from = exchange->worker;
	rtc->request = exchange->request;
	rtc->kind = kind_of(exchange);
	memcpy(rtc->room, exchange->view->snapshot->id, sizeof(rtc->room));
	snprintf(rtc->resource, sizeof(rtc->resource), "%s", exchange->name);
	rtc->claims = exchange->claims;
	rtc->identified = exchange->identified;
	rtc->content_type = type ? xstrdup(type) : NULL;
	rtc->if_match = if_match ? xstrdup(if_match) : NULL;
	bytes_init(&rtc->body, SDP_SIZE_MAX + 1);
	bytes_put(&rtc->body, body, len);
	bytes_init(&rtc->text, ANSWER_MAX);
	return rtc;
}

static void carry(struct rtc_request *rtc, struct worker *owner,
		  void (*handle)(struct rtc_request *rtc))
{
	rtc->owner = owner;
	rtc->handle = handle;
	rtc->message = (struct message){ .run = run_handle, .drop = drop };
	http_on_gone(rtc->request, on_request_gone, rtc);
	if (owner == rtc->from) {
		handle(rtc);
	} else if (mqueue_push(owner->queue, &rtc->message)) {
		rtc->owner = rtc->from;
		refuse(rtc, 503, "overloaded", RETRY_OVERLOADED_S);
	}
}

static struct worker *least_loaded(struct app *app)
{
	struct worker *best = app->workers[0];
	for (unsigned i = 1; i < app->worker_count; i++) {
		if (atomic_load(&app->workers[i]->viewers) < atomic_load(&best->viewers))
			best = app->workers[i];
	}
	return best;
}

static void created(struct rtc_request *rtc, const struct rtc_session *session)
{
	char location[2300];
	snprintf(location, sizeof(location), "/%s/%s/%s", rtc->kind == SDP_WHIP ? "whip" : "whep",
		 rtc->room, session->resource);
	sdp_reply_created(&rtc->reply, location, session->etag, NULL, 0);
	rtc->reply_type = SDP_TYPE;
	finish(rtc);
}

/* The room may be shown to this viewer by WebRTC now; else the refusal is sent. */
static bool may_watch(struct rtc_request *rtc, const struct room_view *view)
{
	const struct room_snapshot *room = view->snapshot;
	if (room->state != ROOM_LIVE && room->state != ROOM_LOST) {
		refuse(rtc, 409, "not_live", RETRY_NOT_LIVE_S);
		return false;
	}
	if (!room_view_by_rtc(view)) {
		refuse(rtc, 409, "unsupported_source", 0);
		return false;
	}
	if (worker_admits(rtc->owner))
		return true;
	refuse(rtc, 503, "overloaded", RETRY_OVERLOADED_S);
	return false;
}

/* The room was given to the session, or it was not: the session's fate. -EBUSY, -ENOENT, -EAGAIN.
 */
static int settle(struct rtc_request *rtc, struct rtc_session *session)
{
	const struct claim *claim = &rtc->claim;
	int err = claim->call.lost ? -EAGAIN : claim->err;
	if (!session) {
		if (!err)
			control_note_gone(rtc->owner, claim->room, claim->publisher.id, false);
		return -EAGAIN;
	}
	if (!err)
		err = rtc_session_publish(session, claim);
	if (err)
		rtc_session_destroy(session);
	return err;
}

static void on_claimed(struct claim *claim)
{
	struct rtc_request *rtc = list_entry(claim, struct rtc_request, claim);
	struct rtc_session *session = rtc_session_find(rtc->owner, rtc->session);
	const int err = settle(rtc, session);
	broadcast_unref(claim->broadcast);
	if (!err)
		created(rtc, session);
	else if (err == -EBUSY)
		refuse(rtc, 409, "publishing", 0);
	else if (err == -ENOENT)
		refuse(rtc, 404, "not_found", 0);
	else
		refuse(rtc, 503, "overloaded", RETRY_OVERLOADED_S);
}

static void claim_room(struct rtc_request *rtc, struct rtc_session *session)
{
	memcpy(rtc->session, session->resource, sizeof(rtc->session));
	memcpy(rtc->claim.room, rtc->room, sizeof(rtc->claim.room));
	memcpy(rtc->claim.publisher.sub, rtc->claims.sub, sizeof(rtc->claim.publisher.sub));
	rtc->claim.on_claimed = on_claimed;
	if (claim_start(&rtc->claim, rtc->owner) == 0)
		return;
	rtc_session_destroy(session);
	refuse(rtc, 503, "overloaded", RETRY_OVERLOADED_S);
}

static void handle_post(struct rtc_request *rtc)
{
	struct room_view *view = room_view_find(rtc->owner, rtc->room);
	struct sdp_error error = { 0 };
	struct sdp *sdp = NULL;
	if (!view || !rtc->owner->udp) { /* no port any more: the worker is ending */
		refuse(rtc, view ? 503 : 404, view ? "overloaded" : "not_found", 0);
		return;
	}
	if (sdp_parse(&sdp, (const char *)rtc->body.data, rtc->body.len, &error)) {
		sdp_reply_fault(&rtc->reply, &error);
		finish(rtc);
		return;
	}
	if (rtc->kind == SDP_WHEP && !may_watch(rtc, view)) {
		sdp_destroy(sdp);
		return;
	}
	const struct rtc_offer offer = {
		.kind = rtc->kind,
		.view = view,
		.sdp = sdp,
		.claims = rtc->identified ? &rtc->claims : NULL,
	};
	struct rtc_session *session;
	const int err = rtc_session_create(&session, rtc->owner, &offer, &rtc->text, &error);
	sdp_destroy(sdp);
	if (err) {
		sdp_reply_fault(&rtc->reply, &error);
		finish(rtc);
	} else if (rtc->kind == SDP_WHIP) {
		claim_room(rtc, session);
	} else {
		created(rtc, session);
	}
}

static void post(struct exchange *exchange)
{
	struct rtc_request *rtc = request_create(exchange);
	if (!sdp_reply_check_post(&rtc->reply, rtc->content_type)) {
		rtc->owner = rtc->from;
		finish(rtc);
		return;
	}
	carry(rtc, least_loaded(exchange->worker->app), handle_post);
}

void whip_post(struct exchange *exchange)
{
	post(exchange);
}

void whep_post(struct exchange *exchange)
{
	post(exchange);
}

/* The session, if it is of this room and kind. */
static struct rtc_session *find_session(const struct rtc_request *rtc)
{
	struct rtc_session *session = rtc_session_find(rtc->owner, rtc->resource);
	if (!session || session->kind != rtc->kind ||
	    strcmp(session->view->snapshot->id, rtc->room) != 0)
		return NULL;
	return session;
}

static void restart(struct rtc_request *rtc, struct rtc_session *session,
		    const struct sdp_fragment *fragment)
{
	if (rtc_session_restart(session, &fragment->ice, &rtc->text)) {
		sdp_reply_restart_failed(&rtc->reply);
		return;
	}
	sdp_reply_restarted(&rtc->reply, session->etag);
	rtc->reply_type = SDP_FRAGMENT_TYPE;
}

static void handle_patch(struct rtc_request *rtc)
{
	struct rtc_session *session = find_session(rtc);
	if (!session) {
		refuse(rtc, 404, "not_found", 0);
		return;
	}
	const struct sdp_patch_request request = {
		.content_type = rtc->content_type,
		.if_match = rtc->if_match,
		.body = (const char *)rtc->body.data,
		.body_len = rtc->body.len,
		.etag = session->etag,
		.remote = &session->agreement.remote,
	};
	struct sdp_fragment fragment;
	if (sdp_patch_judge(&rtc->reply, &fragment, &request) == SDP_PATCH_RESTART)
		restart(rtc, session, &fragment);
	/* Trickled candidates need nothing: an ICE-lite server waits for the client's checks. */
	finish(rtc);
}

static void handle_delete(struct rtc_request *rtc)
{
	struct rtc_session *session = find_session(rtc);
	if (!session) {
		refuse(rtc, 404, "not_found", 0);
		return;
	}
	session->orderly = true;
	rtc_session_destroy(session);
	sdp_reply_deleted(&rtc->reply);
	finish(rtc);
}

static void carry_to_owner(struct exchange *exchange, void (*handle)(struct rtc_request *rtc))
{
	struct app *app = exchange->worker->app;
	char *end;
	const unsigned long owner = strtoul(exchange->name, &end, 10);
	if (end == exchange->name || *end != '-' || owner >= app->worker_count)
		reply_error(exchange->request, 404, "not_found");
	else
		carry(request_create(exchange), app->workers[owner], handle);
}

void rtc_patch(struct exchange *exchange)
{
	carry_to_owner(exchange, handle_patch);
}

void rtc_delete(struct exchange *exchange)
{
	carry_to_owner(exchange, handle_delete);
}

static void reply_plain(struct exchange *exchange, const struct sdp_reply *reply)
{
	struct reply_headers headers = { 0 };
	for (unsigned i = 0; i < reply->header_count; i++)
		reply_add(&headers, reply->headers[i].name, reply->headers[i].value);
	http_reply(exchange->request, reply->status, headers.list, NULL, 0);
}

/* /whip/{room}/{session} has one slash more than the endpoint. */
static bool is_session(const struct exchange *exchange)
{
	return strchr(http_path(exchange->request) + strlen("/whip/"), '/') != NULL;
}

void rtc_options(struct exchange *exchange)
{
	struct sdp_reply reply;
	sdp_reply_options(&reply, kind_of(exchange), is_session(exchange));
	reply_plain(exchange, &reply);
}

void rtc_get(struct exchange *exchange)
{
	struct sdp_reply reply;
	sdp_reply_get(&reply, kind_of(exchange), !strcmp(http_method(exchange->request), "HEAD"));
	reply_plain(exchange, &reply);
}
