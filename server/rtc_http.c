/*
 * WHIP and WHEP over HTTP, on the thread that owns the session. What the RFCs say about status and
 * header fields comes from signaling/sdp_resource.h.
 */
#include "server/api.h"

#include "media/broadcast.h"
#include "server/core/crypto.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/rtc_request.h"
#include "server/whep_events.h"
#include "server/worker.h"
#include "signaling/sdp.h"
#include "signaling/turn_credentials.h"
#include "signaling/udp_port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANONYMOUS_LEN = 8 };

static struct worker *least_loaded(struct app *app)
{
	struct worker *best = app->workers[0];
	for (unsigned i = 1; i < app->worker_count; i++) {
		if (atomic_load(&app->workers[i]->viewers) < atomic_load(&best->viewers))
			best = app->workers[i];
	}
	return best;
}

static void add_ice_servers(struct rtc_request *rtc)
{
	const struct config *config = &rtc->owner->app->config;
	struct turn_credentials credentials;
	char anonymous[ANONYMOUS_LEN + 1];
	for (size_t i = 0; i < config->stun.count; i++)
		sdp_reply_stun(&rtc->reply, config->stun.items[i]);
	if (!config->turn.count)
		return;
	random_token(anonymous, ANONYMOUS_LEN); /* coturn counts its quotas by name */
	turn_credentials_make(&credentials, config->turn_secret,
			      rtc->identified ? rtc->claims.sub : anonymous,
			      worker_now_s(rtc->owner) + TURN_CREDENTIALS_S);
	for (size_t i = 0; i < config->turn.count; i++)
		sdp_reply_turn(&rtc->reply, config->turn.items[i], &credentials);
}

/* 201, or 406 with our offer. */
static void created(struct rtc_request *rtc, const struct rtc_session *session)
{
	char url[RTC_URL_MAX];
	rtc_url(session, "", url);
	if (session->pending)
		sdp_reply_counter_offer(&rtc->reply, url, session->etag);
	else
		sdp_reply_created(&rtc->reply, url, session->etag);
	add_ice_servers(rtc);
	if (rtc->kind == SDP_WHEP) {
		rtc_url(session, "/events", url);
		sdp_reply_extension(&rtc->reply, url, WHEP_EVENTS_URN, WHEP_EVENTS);
		rtc_url(session, "/layer", url);
		sdp_reply_extension(&rtc->reply, url, WHEP_LAYER_URN, NULL);
	}
	rtc_request_finish(rtc);
}

/* The room may be shown to this viewer by WebRTC now; else the refusal is sent. */
static bool may_watch(struct rtc_request *rtc, const struct room_view *view)
{
	const struct room_snapshot *room = view->snapshot;
	if (room->state != ROOM_LIVE && room->state != ROOM_LOST) {
		rtc_request_refuse(rtc, 409, "not_live", RTC_RETRY_NOT_LIVE_S);
		return false;
	}
	if (!room_view_by_rtc(view)) {
		rtc_request_refuse(rtc, 409, "unsupported_source", 0);
		return false;
	}
	if (worker_admits(rtc->owner))
		return true;
	rtc_request_overloaded(rtc);
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
		rtc_request_refuse(rtc, 409, "publishing", 0);
	else if (err == -ENOENT)
		rtc_request_refuse(rtc, 404, "not_found", 0);
	else
		rtc_request_overloaded(rtc);
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
	rtc_request_overloaded(rtc);
}

static void counter_offer(struct rtc_request *rtc, const struct rtc_offer *offer)
{
	struct rtc_session *session;
	rtc_session_offer(&session, rtc->owner, offer, &rtc->text);
	created(rtc, session);
}

static void accept_offer(struct rtc_request *rtc, const struct rtc_offer *offer)
{
	struct sdp_error error = { 0 };
	struct rtc_session *session;
	const int err = rtc_session_create(&session, rtc->owner, offer, &rtc->text, &error);
	if (err && error.fault == SDP_NO_CODEC && rtc->kind == SDP_WHEP) {
		counter_offer(rtc, offer);
	} else if (err) {
		sdp_reply_fault(&rtc->reply, &error);
		rtc_request_finish(rtc);
	} else if (rtc->kind == SDP_WHIP) {
		claim_room(rtc, session);
	} else {
		created(rtc, session);
	}
}

static void take_offer(struct rtc_request *rtc, const struct rtc_offer *offer)
{
	/* Without a port the worker has ended. */
	if (!rtc->owner->udp || atomic_load(&rtc->owner->app->draining)) {
		rtc_request_overloaded(rtc);
		return;
	}
	if (rtc->kind == SDP_WHEP && !may_watch(rtc, offer->view))
		return;
	if (rtc->kind == SDP_WHEP && rtc->counter_offer)
		counter_offer(rtc, offer);
	else
		accept_offer(rtc, offer);
}

/* More handshakes wait than a viewer would wait for. */
static bool line_is_long(const struct worker *worker)
{
	struct udp_port_stats stats;
	if (!worker->udp)
		return false;
	udp_port_stats(worker->udp, &stats);
	if (stats.handshakes_waiting < ADMISSION_LINE_MAX)
		return false;
	metric_add(worker->app->counters.viewers_refused, 1);
	return true;
}

static void take_post(struct rtc_request *rtc)
{
	struct room_view *view = room_view_find(rtc->owner, rtc->room);
	struct sdp_error error = { 0 };
	struct sdp *sdp = NULL;
	if (!view) {
		rtc_request_refuse(rtc, 404, "not_found", 0);
		return;
	}
	if (rtc->kind == SDP_WHEP && line_is_long(rtc->owner)) {
		rtc_request_overloaded(rtc);
		return;
	}
	if (sdp_parse(&sdp, (const char *)rtc->body.data, rtc->body.len, &error)) {
		sdp_reply_fault(&rtc->reply, &error);
		rtc_request_finish(rtc);
		return;
	}
	const struct rtc_offer offer = {
		.kind = rtc->kind,
		.view = view,
		.sdp = sdp,
		.claims = rtc->identified ? &rtc->claims : NULL,
		.sid = rtc->sid,
	};
	take_offer(rtc, &offer);
	sdp_destroy(sdp);
}

static void handle_post(struct rtc_request *rtc)
{
	struct worker *owner = rtc->owner;
	const int64_t began_us = loop_now_us(owner->loop);
	take_post(rtc); /* which may free it */
	owner->joins_us += loop_now_us(owner->loop) - began_us;
}

static void post(struct exchange *exchange, const char *sid)
{
	struct rtc_request *rtc = rtc_request_create(exchange);
	snprintf(rtc->sid, sizeof(rtc->sid), "%s", sid);
	if (!sdp_reply_check_post(&rtc->reply, rtc->content_type)) {
		rtc->owner = rtc->from;
		rtc_request_finish(rtc);
		return;
	}
	rtc_request_carry(rtc, least_loaded(exchange->worker->app), handle_post);
}

void whip_post(struct exchange *exchange)
{
	post(exchange, "");
}

void whep_post(struct exchange *exchange)
{
	char sid[LIVE_SID_MAX + 1];
	if (exchange_sid(exchange, sid))
		post(exchange, sid);
}

static void restart(struct rtc_request *rtc, struct rtc_session *session,
		    const struct sdp_fragment *fragment)
{
	if (rtc_session_restart(session, &fragment->ice, &rtc->text)) {
		sdp_reply_restart_failed(&rtc->reply);
		return;
	}
	sdp_reply_restarted(&rtc->reply, session->etag);
}

/* Leaves the session as it was, with its counter-offer, if that cannot be an answer to it. */
static void take_answer(struct rtc_request *rtc, struct rtc_session *session)
{
	struct sdp_error error = { 0 };
	struct sdp *sdp = NULL;
	int err = sdp_parse(&sdp, (const char *)rtc->body.data, rtc->body.len, &error);
	if (!err)
		err = rtc_session_answer(session, sdp, &error);
	if (err)
		sdp_reply_fault(&rtc->reply, &error);
	sdp_destroy(sdp);
}

static void handle_patch(struct rtc_request *rtc)
{
	struct rtc_session *session = rtc_request_session(rtc);
	if (!session)
		return;
	if (!rtc_session_may_patch(session)) {
		metric_add(rtc->owner->app->counters.patches_limited, 1);
		rtc_request_refuse(rtc, 429, "rate_limited", RTC_RETRY_RATE_S);
		return;
	}
	const struct sdp_patch_request request = {
		.content_type = rtc->content_type,
		.if_match = rtc->if_match,
		.body = (const char *)rtc->body.data,
		.body_len = rtc->body.len,
		.etag = session->etag,
		.remote = &session->agreement.remote,
		.counter_offer = session->pending,
	};
	struct sdp_fragment fragment;
	const enum sdp_patch patch = sdp_patch_judge(&rtc->reply, &fragment, &request);
	if (patch == SDP_PATCH_RESTART)
		restart(rtc, session, &fragment);
	else if (patch == SDP_PATCH_ANSWER)
		take_answer(rtc, session);
	/* Trickled candidates need nothing: an ICE-lite server waits for the client's checks. */
	rtc_request_finish(rtc);
}

static void handle_delete(struct rtc_request *rtc)
{
	struct rtc_session *session = rtc_request_session(rtc);
	if (!session)
		return;
	session->orderly = true;
	rtc_session_destroy(session);
	sdp_reply_deleted(&rtc->reply);
	rtc_request_finish(rtc);
}

static void handle_get(struct rtc_request *rtc)
{
	if (!rtc_request_session(rtc))
		return;
	sdp_reply_get(&rtc->reply,
		      rtc->kind == SDP_WHIP ? SDP_AT_WHIP_SESSION : SDP_AT_WHEP_SESSION);
	rtc_request_finish(rtc);
}

void rtc_patch(struct exchange *exchange)
{
	rtc_request_to_owner(exchange, handle_patch);
}

void rtc_delete(struct exchange *exchange)
{
	rtc_request_to_owner(exchange, handle_delete);
}

void rtc_session_get(struct exchange *exchange)
{
	rtc_request_to_owner(exchange, handle_get);
}

static void reply_plain(struct exchange *exchange, const struct sdp_reply *reply)
{
	struct reply_headers headers = { 0 };
	for (unsigned i = 0; i < reply->header_count; i++)
		reply_add(&headers, reply->headers[i].name, reply->headers[i].value);
	http_reply(exchange->request, reply->status, headers.list, NULL, 0);
}

/* /whep/{room}/{session}/events/{stream}: by how many segments there are, and the fourth. */
static enum sdp_place place_of(const struct exchange *exchange)
{
	const char *segments[HTTP_SEGMENTS_MAX];
	const size_t count = http_segments(exchange->request, segments);
	const bool whip = !strcmp(segments[0], "whip");
	if (count == 2)
		return whip ? SDP_AT_WHIP : SDP_AT_WHEP;
	if (count == 3)
		return whip ? SDP_AT_WHIP_SESSION : SDP_AT_WHEP_SESSION;
	if (count == 5)
		return SDP_AT_STREAM;
	return strcmp(segments[3], "layer") ? SDP_AT_EVENTS : SDP_AT_LAYER;
}

void rtc_options(struct exchange *exchange)
{
	struct sdp_reply reply;
	sdp_reply_options(&reply, place_of(exchange));
	reply_plain(exchange, &reply);
}

void rtc_get(struct exchange *exchange)
{
	struct sdp_reply reply;
	sdp_reply_get(&reply, place_of(exchange));
	reply_plain(exchange, &reply);
}
