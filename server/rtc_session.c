#include "server/rtc_session.h"

#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/rtp/rtp_receiver.h"
#include "media/rtp/rtp_sender.h"
#include "server/control.h"
#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "server/live.h"
#include "server/live_channel.h"
#include "server/publishers.h"
#include "server/room_view.h"
#include "server/rtc_clock.h"
#include "server/rtc_media.h"
#include "server/whep_events.h"
#include "server/worker.h"
#include "signaling/sdp_fragment.h"
#include "signaling/sdp_offer.h"
#include "signaling/udp_port.h"
#include "signaling/whep.h"
#include "signaling/whip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is needed once the counter-offer is answered. */
struct rtc_pending {
	struct timer due;
	struct jwt_claims claims;
	bool identified;
};

static void on_connected(void *arg)
{
	struct rtc_session *session = arg;
	struct peer_stats stats;
	peer_stats(session->peer, &stats);
	session->connected = true;
	log_info(&session->log, "connected srtp=%s", stats.srtp_profile);
	if (session->channel)
		live_channel_attach(session->channel);
	if (session->sender && rtc_media_watch(session))
		rtc_session_end(session);
	if (session->receiver)
		rtc_media_start(session);
	rtc_clock_send(session);
}

static void on_rtp(void *arg, uint8_t *packet, size_t len, int64_t arrived_us)
{
	struct rtc_session *session = arg;
	if (session->receiver)
		rtc_media_packet(session, packet, len, arrived_us);
}

static void on_rtcp(void *arg, const uint8_t *packet, size_t len, int64_t arrived_us)
{
	struct rtc_session *session = arg;
	if (session->sender)
		rtp_sender_rtcp(session->sender, packet, len);
	else if (session->receiver)
		rtc_media_packet(session, packet, len, arrived_us);
}

static void on_sctp(void *arg, const uint8_t *packet, size_t len)
{
	struct rtc_session *session = arg;
	if (session->channel)
		live_channel_feed(session->channel, packet, len);
}

static void on_no_goodbye(void *arg)
{
	rtc_session_destroy(arg);
}

static void tell_gone(struct rtc_session *session)
{
	if (session->publisher_id)
		control_note_gone(session->worker, session->view->snapshot->id,
				  session->publisher_id, session->orderly);
}

/* Many clients close first and say DELETE then. Whether a host has left or will be back makes a
 * difference for its viewers. */
static void await_goodbye(struct rtc_session *session)
{
	tell_gone(session);
	rtc_media_destroy(session);
	live_channel_destroy(session->channel);
	session->channel = NULL;
	peer_close(session->peer);
	session->peer = NULL;
	timer_start(&session->goodbye, RTC_GOODBYE_US);
}

static void on_ending(void *arg)
{
	struct rtc_session *session = arg;
	if (session->publisher_id && session->orderly)
		await_goodbye(session);
	else
		rtc_session_destroy(session);
}

static void on_closed(void *arg, enum peer_reason reason)
{
	struct rtc_session *session = arg;
	log_info(&session->log, "closed reason=%s", peer_reason_text(reason));
	if (reason == PEER_REMOTE_CLOSED && session->publisher_id)
		await_goodbye(session);
	else
		rtc_session_destroy(session);
}

static const struct peer_ops peer_ops = {
	.connected = on_connected,
	.rtp = on_rtp,
	.rtcp = on_rtcp,
	.sctp = on_sctp,
	.closed = on_closed,
};

static int create_peer(struct rtc_session *session)
{
	struct peer_options options = {
		.ingest = session->kind == SDP_WHIP,
		.local_ufrag = session->ufrag,
		.local_pwd = session->pwd,
		.ops = &peer_ops,
		.arg = session,
	};
	memcpy(options.remote_fingerprint, session->agreement.remote_fingerprint,
	       sizeof(options.remote_fingerprint));
	return peer_create(&session->peer, session->worker->udp, &options);
}

/* What our side of an answer or fragment names. */
static void fill_local(const struct rtc_session *session, struct sdp_local *local,
		       struct addr candidates[APP_ADDRESSES_MAX])
{
	const struct app *app = session->worker->app;
	const uint16_t port = addr_port(udp_port_addr(session->worker->udp));
	for (unsigned i = 0; i < app->address_count; i++) {
		candidates[i] = app->addresses[i];
		addr_set_port(&candidates[i], port);
	}
	*local = (struct sdp_local){
		.ufrag = session->ufrag,
		.pwd = session->pwd,
		.candidates = candidates,
		.candidate_count = app->address_count,
		.tcp = udp_port_has_tcp(session->worker->udp),
		.audio_ssrc = session->audio_ssrc,
		.video_ssrc = session->video_ssrc,
		.repair_ssrc = session->repair_ssrc,
		.cname = session->cname,
		.high_profile =
			session->view->snapshot->settings.high_profile || session->kind == SDP_WHIP,
	};
	crypto_random(&local->id, sizeof(local->id));
	local->id >>= 2;
	memcpy(local->fingerprint, dtls_context_fingerprint_bytes(app->dtls),
	       sizeof(local->fingerprint));
}

static int agree(struct rtc_session *session, const struct sdp *offer, struct bytes *answer,
		 struct sdp_error *error)
{
	struct addr candidates[APP_ADDRESSES_MAX];
	struct sdp_local local;
	fill_local(session, &local, candidates);
	return session->kind == SDP_WHIP
		       ? whip_answer(&session->agreement, answer, offer, &local, error)
		       : whep_answer(&session->agreement, answer, offer, &local, error);
}

static struct rtc_session *allocate(struct worker *worker, const struct rtc_offer *offer)
{
	struct rtc_session *session = xcalloc(1, sizeof(*session));
	char secret[RTC_SECRET_LEN + 1];
	session->worker = worker;
	session->view = offer->view;
	session->kind = offer->kind;
	random_token(secret, RTC_SECRET_LEN);
	snprintf(session->resource, sizeof(session->resource), "%u-%s", worker->index, secret);
	sdp_etag_make(session->etag);
	peer_credentials(session->ufrag, session->pwd);
	random_token(session->cname, RTC_CNAME_LEN);
	crypto_random(&session->audio_ssrc, sizeof(session->audio_ssrc));
	crypto_random(&session->video_ssrc, sizeof(session->video_ssrc));
	crypto_random(&session->repair_ssrc, sizeof(session->repair_ssrc));
	if (offer->claims)
		memcpy(session->sub, offer->claims->sub, sizeof(session->sub));
	snprintf(session->sid, sizeof(session->sid), "%s", offer->sid);
	session->name.owner = session;
	rtc_clock_init(session);
	log_init(&session->log, &worker->log, "room=%s %s=%.8s", offer->view->snapshot->id,
		 offer->kind == SDP_WHIP ? "whip" : "whep", secret);
	deferred_init(&session->ending, on_ending, session);
	timer_init(&session->goodbye, worker->loop, on_no_goodbye, session);
	list_init(&session->pacing);
	list_init(&session->streams);
	list_append(&worker->rtc, &session->link);
	map_set_str(&worker->rtc_sessions, session->resource, session);
	room_view_join(session->view, session->kind == SDP_WHEP);
	return session;
}

/* What the agreement leads to. */
static int furnish(struct rtc_session *session, const struct jwt_claims *claims,
		   struct sdp_error *error)
{
	int err = create_peer(session);
	if (!err)
		err = rtc_media_create(session);
	if (err)
		return sdp_refuse(error, SDP_UNSUPPORTED, "the session cannot be made");
	if (session->agreement.data)
		session->channel = live_channel_create(session, claims);
	return 0;
}

static unsigned find_video(const struct sdp *sdp)
{
	for (unsigned i = 0; i < sdp->media_count; i++)
		if (sdp->media[i].kind == SDP_VIDEO)
			return i;
	return 0;
}

int rtc_session_create(struct rtc_session **out, struct worker *worker,
		       const struct rtc_offer *offer, struct bytes *answer, struct sdp_error *error)
{
	struct rtc_session *session = allocate(worker, offer);
	int err = agree(session, offer->sdp, answer, error);
	if (!err)
		err = furnish(session, offer->claims, error);
	if (err)
		goto fail;
	session->video_line = find_video(offer->sdp);
	*out = session;
	return 0;
fail:
	rtc_session_destroy(session);
	return err;
}

static void on_unanswered(void *arg)
{
	struct rtc_session *session = arg;
	log_info(&session->log, "ended reason=counter_offer_not_answered");
	rtc_session_destroy(session);
}

static void pending_destroy(struct rtc_session *session)
{
	if (!session->pending)
		return;
	timer_stop(&session->pending->due);
	free(session->pending);
	session->pending = NULL;
}

void rtc_session_offer(struct rtc_session **out, struct worker *worker,
		       const struct rtc_offer *offer, struct bytes *text)
{
	struct rtc_session *session = allocate(worker, offer);
	struct rtc_pending *pending = xcalloc(1, sizeof(*pending));
	struct addr candidates[APP_ADDRESSES_MAX];
	struct sdp_local local;
	if (offer->claims)
		pending->claims = *offer->claims;
	pending->identified = offer->claims != NULL;
	timer_init(&pending->due, worker->loop, on_unanswered, session);
	timer_start(&pending->due, (int64_t)SDP_COUNTER_OFFER_S * 1000000);
	session->pending = pending;
	fill_local(session, &local, candidates);
	whep_counter_offer(text, &local);
	*out = session;
}

int rtc_session_answer(struct rtc_session *session, const struct sdp *answer,
		       struct sdp_error *error)
{
	const struct sdp_offer_options options = { .role = SDP_OFFER_SERVER };
	const struct rtc_pending *pending = session->pending;
	int err = sdp_offer_accept(&session->agreement, &options, answer, error);
	if (err)
		return err;
	err = furnish(session, pending->identified ? &pending->claims : NULL, error);
	if (err) {
		rtc_session_end(session);
		return err;
	}
	session->video_line = find_video(answer);
	pending_destroy(session);
	return 0;
}

bool rtc_session_may_patch(struct rtc_session *session)
{
	return token_bucket_take(&session->patches, RTC_PATCHES_S, RTC_PATCHES_BURST,
				 loop_now_us(session->worker->loop)) == 0;
}

int rtc_session_publish(struct rtc_session *session, const struct claim *claim)
{
	session->publisher_id = claim->publisher.id;
	return rtc_media_publish(session, claim->broadcast, claim->epoch);
}

int rtc_session_restart(struct rtc_session *session, const struct sdp_ice *remote,
			struct bytes *fragment)
{
	char ufrag[PEER_UFRAG_LEN + 1], pwd[PEER_PWD_LEN + 1];
	if (!session->peer)
		return -ENOTCONN;
	peer_credentials(ufrag, pwd);
	const int err = peer_restart_ice(session->peer, ufrag, pwd);
	if (err)
		return err;
	memcpy(session->ufrag, ufrag, sizeof(ufrag));
	memcpy(session->pwd, pwd, sizeof(pwd));
	session->agreement.remote = *remote;
	sdp_etag_make(session->etag);
	struct addr candidates[APP_ADDRESSES_MAX];
	struct sdp_local local;
	fill_local(session, &local, candidates);
	sdp_fragment_build(fragment, &local, &session->agreement);
	return 0;
}

struct rtc_session *rtc_session_find(struct worker *worker, const char *resource)
{
	return map_get_str(&worker->rtc_sessions, resource);
}

bool rtc_session_clock(struct rtc_session *session, const struct broadcast_clock *line,
		       struct live_clock *out)
{
	if (!session->sender)
		return false;
	out->has_rtp = true;
	out->rtp = rtp_sender_time(session->sender, CODEC_H264, line->media_us);
	out->first_sent_capture_us = 0;
	return true;
}

void rtc_session_send_sctp(struct rtc_session *session, const uint8_t *packet, size_t len)
{
	(void)peer_send_sctp(session->peer, packet, len); /* SCTP repeats what is lost */
}

void rtc_session_end(struct rtc_session *session)
{
	loop_defer(session->worker->loop, &session->ending);
}

void rtc_session_destroy(struct rtc_session *session)
{
	struct worker *worker = session->worker;
	pending_destroy(session);
	whep_events_end(session);
	rtc_clock_finish(session);
	rtc_media_destroy(session);
	live_channel_destroy(session->channel);
	peer_close(session->peer);
	tell_gone(session);
	deferred_cancel(&session->ending);
	timer_stop(&session->goodbye);
	list_remove(&session->link);
	map_remove_str(&worker->rtc_sessions, session->resource);
	room_view_leave(session->view, session->kind == SDP_WHEP);
	free(session);
}

void rtc_end_viewers(struct worker *worker, const struct room_view *view)
{
	list_for_each (link, &worker->rtc) {
		struct rtc_session *session = list_entry(link, struct rtc_session, link);
		if (session->view != view || session->kind != SDP_WHEP)
			continue;
		log_info(&session->log, "ended reason=unsupported_source");
		if (session->connected)
			rtp_sender_bye(session->sender);
		rtc_session_end(session);
	}
}

static void kick(struct worker *worker, uint64_t publisher_id)
{
	list_for_each (link, &worker->rtc) {
		struct rtc_session *session = list_entry(link, struct rtc_session, link);
		if (session->publisher_id != publisher_id)
			continue;
		session->publisher_id = 0; /* control knows */
		rtc_session_end(session);
		return;
	}
}

void publishers_kick(struct worker *worker, uint64_t id)
{
	if (rtmp_kick(worker, id))
		kick(worker, id);
}

void rtc_end_all(struct worker *worker)
{
	while (!list_empty(&worker->rtc))
		rtc_session_destroy(list_entry(worker->rtc.next, struct rtc_session, link));
}
