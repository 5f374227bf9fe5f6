#include "server/rtc_media.h"

#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/publish.h"
#include "media/rtp/rtp_pacer.h"
#include "media/rtp/rtp_receiver.h"
#include "media/rtp/rtp_sender.h"
#include "server/core/crypto.h"
#include "server/room_view.h"
#include "server/rtc_session.h"
#include "server/worker.h"

#include <errno.h>
#include <string.h>

enum {
	KEY_EVERY_US = 2000000, /* a WHIP source, while anybody reads it */
	PACE_SOON_US = 1000, /* the first time; then every PACER_INTERVAL_US */
	YIELD_US = 1000, /* what is paced waits for a walk over all viewers to end, */
	YIELD_MAX_US = 50000, /* but no longer than this */
	PACE_TOGETHER_US = 1000, /* who is due so soon shares the wake-up */
};

static int port_send(void *arg, const struct rtp_packet *packets, size_t count)
{
	struct rtc_session *session = arg;
	struct iovec parts[2 * RTP_RUN_MAX];
	for (size_t i = 0; i < count; i++) {
		parts[2 * i].iov_base = (void *)packets[i].header;
		parts[2 * i].iov_len = packets[i].header_len;
		parts[2 * i + 1].iov_base = (void *)packets[i].payload;
		parts[2 * i + 1].iov_len = packets[i].payload_len;
	}
	return peer_send_rtp(session->peer, parts, count);
}

static int port_send_rtcp(void *arg, const uint8_t *packet, size_t len)
{
	struct rtc_session *session = arg;
	return peer_send_rtcp(session->peer, packet, len);
}

static const struct rtp_port_ops port_ops = { .send = port_send, .send_rtcp = port_send_rtcp };

static void request_key(void *arg)
{
	struct rtc_session *session = arg;
	broadcast_request_key(session->view->broadcast,
			      rtp_sender_sink(session->sender)->picture.shown);
}

static void on_pace(void *arg)
{
	struct rtc_session *session = arg;
	struct worker *worker = session->worker;
	if (!list_empty(&session->pacing))
		return;
	session->pace_due_us = loop_now_us(worker->loop) + PACE_SOON_US;
	list_append(&worker->rtc_pacing, &session->pacing);
	if (!timer_active(&worker->pace))
		timer_start_at(&worker->pace, session->pace_due_us);
}

static void on_ended(void *arg)
{
	struct rtc_session *session = arg;
	rtp_sender_bye(session->sender);
	rtc_session_end(session);
}

static void set_track(struct rtp_sender_track *out, const struct sdp_track *track)
{
	if (!track->present)
		return;
	out->payload_type = track->pt;
	out->rtx_payload_type = track->rtx_pt;
	out->red_payload_type = track->red_pt;
	out->packet_ms = track->packet_ms;
	out->playout_delay_id = track->ids.playout_delay;
	out->abs_capture_id = track->ids.abs_capture_time;
	if (track->ids.mid && strlen(track->mid) < sizeof(out->mid)) {
		out->mid_id = track->ids.mid;
		memcpy(out->mid, track->mid, strlen(track->mid) + 1);
	}
}

static int create_sender(struct rtc_session *session)
{
	const struct sdp_agreement *agreement = &session->agreement;
	struct rtp_sender_config config = {
		.clock = &session->worker->app->clock,
		.port = session->port,
		.request_key = request_key,
		.pace = on_pace,
		.ended = on_ended,
		.arg = session,
	};
	set_track(&config.video, &agreement->video);
	config.video.ssrc = session->video_ssrc;
	config.video.rtx_ssrc = session->repair_ssrc;
	config.profile_max = room_view_profile_max(session->view);
	set_track(&config.audio, &agreement->audio);
	config.audio.ssrc = session->audio_ssrc;
	memcpy(config.cname, session->cname, sizeof(session->cname));
	return rtp_sender_create(&session->sender, &config);
}

static void on_received(void *arg, struct frame *frame, const struct rtp_times *times)
{
	struct rtc_session *session = arg;
	if (!session->publisher) {
		frame_unref(frame);
		return;
	}
	frame->media_us = times->source_us;
	frame->dts_us = times->source_us;
	(void)broadcast_push(session->publisher, frame);
}

static void on_sender_report(void *arg, const struct rtp_sender_report *report)
{
	struct rtc_session *session = arg;
	const int64_t offset_us = session->worker->app->clock.utc_offset_us;
	if (session->publisher)
		broadcast_sender_report(session->publisher, report->host_utc_us, report->source_us,
					report->arrival_us + offset_us,
					report->rtt_us > 0 ? report->rtt_us : 0);
}

static void on_bye(void *arg)
{
	struct rtc_session *session = arg;
	session->orderly = true;
	rtc_session_end(session);
}

static const struct rtp_receiver_events receiver_events = {
	.frame = on_received,
	.sender_report = on_sender_report,
	.bye = on_bye,
};

/* A rid that a one-byte header extension cannot carry is never heard of. */
static void set_layers(struct rtp_receiver_config *config, const struct sdp_track *video)
{
	_Static_assert((int)SDP_LAYERS_MAX <= (int)RTP_LAYERS_MAX, "every layer has its stream");
	_Static_assert((int)RTP_LAYERS_MAX <= (int)RENDITIONS_MAX, "and its slot");
	config->rid_id = video->ids.rid;
	config->repaired_rid_id = video->ids.repaired_rid;
	config->rid_count = video->rid_count;
	for (unsigned i = 0; i < video->rid_count; i++)
		if (strlen(video->rids[i]) <= RTP_RID_MAX)
			memcpy(config->rids[i], video->rids[i], strlen(video->rids[i]) + 1);
}

static int create_receiver(struct rtc_session *session)
{
	const struct sdp_agreement *agreement = &session->agreement;
	struct rtp_receiver_config config = {
		.port = session->port,
		.events = &receiver_events,
		.arg = session,
		.video_payload_type = agreement->video.present ? agreement->video.pt : 0,
		.video_rtx_payload_type = agreement->video.rtx_pt,
		.audio_payload_type = agreement->audio.present ? agreement->audio.pt : 0,
		.transport_cc_id = agreement->video.present ? agreement->video.ids.transport_cc
							    : agreement->audio.ids.transport_cc,
	};
	set_layers(&config, &agreement->video);
	crypto_random(&config.ssrc, sizeof(config.ssrc));
	memcpy(config.cname, session->cname, sizeof(session->cname));
	return rtp_receiver_create(&session->receiver, &config);
}

/* Readers by FLV ask for nothing: without this their cached GOP would grow with the show. */
static void refresh_key(struct rtc_session *session, int64_t now_us)
{
	struct broadcast *broadcast = session->view->broadcast;
	if (!session->publisher || now_us < session->key_due_us)
		return;
	session->key_due_us = now_us + KEY_EVERY_US;
	for (unsigned slot = 0; slot < RENDITIONS_MAX; slot++)
		if (broadcast_readers(broadcast, (enum track)slot))
			broadcast_request_key(broadcast, slot);
}

static void on_feedback_due(void *arg)
{
	struct rtc_session *session = arg;
	const int64_t now_us = loop_now_us(session->worker->loop);
	timer_start_at(&session->feedback, rtp_receiver_tick(session->receiver, now_us));
	refresh_key(session, now_us);
}

void rtc_media_start(struct rtc_session *session)
{
	const unsigned layers = session->agreement.video.rid_count;
	for (unsigned layer = 0; layer < (layers ? layers : 1); layer++)
		rtp_receiver_request_key(session->receiver, layer,
					 loop_now_us(session->worker->loop));
	timer_start(&session->feedback, 0);
}

void rtc_media_packet(struct rtc_session *session, const void *packet, size_t len,
		      int64_t arrived_us)
{
	const int64_t due_us = rtp_receiver_packet(session->receiver, packet, len, arrived_us);
	if (timer_active(&session->feedback) && due_us < session->feedback.due_us)
		timer_start_at(&session->feedback, due_us);
}

int rtc_media_create(struct rtc_session *session)
{
	session->port = (struct rtp_port){ .ops = &port_ops, .arg = session };
	timer_init(&session->feedback, session->worker->loop, on_feedback_due, session);
	return session->kind == SDP_WHIP ? create_receiver(session) : create_sender(session);
}

int rtc_media_watch(struct rtc_session *session)
{
	struct sink *sink = rtp_sender_sink(session->sender);
	_Static_assert(SINK_WARM_MAX >= 2 + PEER_PARTS, "sender, session, peer");
	sink->warm[sink->warm_count++] = (struct iovec){ &session->peer, sizeof(void *) };
	peer_memory(session->peer, sink->warm + sink->warm_count);
	sink->warm_count += PEER_PARTS;
	return fanout_add(session->worker->fanout, session->view->broadcast, sink);
}

static void on_key_request(void *arg, unsigned slot)
{
	struct rtc_session *session = arg;
	rtp_receiver_request_key(session->receiver, slot, loop_now_us(session->worker->loop));
}

int rtc_media_publish(struct rtc_session *session, struct broadcast *broadcast, uint32_t epoch)
{
	const struct publisher_params params = {
		.epoch = epoch,
		.queue = session->worker->queue,
		.request_key = on_key_request,
		.arg = session,
	};
	const int err = broadcast_publish_begin(broadcast, &params, &session->publisher);
	if (!err && session->agreement.video.present)
		broadcast_promise(session->publisher, CODEC_H264, NULL);
	if (!err && session->agreement.audio.present)
		broadcast_promise(session->publisher, CODEC_OPUS, NULL);
	return err;
}

void rtc_media_destroy(struct rtc_session *session)
{
	if (session->sender) {
		whep_quality_keep(&session->worker->whep_left, session->sender);
		fanout_remove(session->worker->fanout, rtp_sender_sink(session->sender));
	}
	timer_stop(&session->feedback);
	list_remove(&session->pacing);
	broadcast_publish_end(session->publisher);
	rtp_sender_destroy(session->sender);
	rtp_receiver_destroy(session->receiver);
	session->publisher = NULL;
	session->sender = NULL;
	session->receiver = NULL;
}

static struct rtc_session *next_to_pace(struct worker *worker)
{
	return list_empty(&worker->rtc_pacing)
		       ? NULL
		       : list_entry(worker->rtc_pacing.next, struct rtc_session, pacing);
}

/* A slice, as of the fan-out: a thousand keyframes must not keep the sockets waiting. Their rest
 * comes when all viewers have their beginning. */
void rtc_pace(struct worker *worker)
{
	int64_t now_us = loop_now_us(worker->loop);
	const int64_t until_us = now_us + FANOUT_SLICE_US;
	struct rtc_session *session = next_to_pace(worker);
	if (session && fanout_is_walking(worker->fanout) &&
	    now_us - session->pace_due_us < YIELD_MAX_US) {
		timer_start_at(&worker->pace, now_us + YIELD_US);
		return;
	}
	while (session && session->pace_due_us <= now_us + PACE_TOGETHER_US && now_us < until_us) {
		list_remove(&session->pacing);
		if (rtp_sender_tick(session->sender)) {
			session->pace_due_us = now_us + PACER_INTERVAL_US;
			list_append(&worker->rtc_pacing, &session->pacing);
		}
		session = next_to_pace(worker);
		now_us = loop_now_us(worker->loop);
	}
	if (session)
		timer_start_at(&worker->pace, session->pace_due_us);
}

void rtc_second(struct worker *worker)
{
	list_for_each (link, &worker->rtc) {
		struct rtc_session *session = list_entry(link, struct rtc_session, link);
		if (session->connected && session->sender)
			(void)rtp_sender_tick(session->sender);
	}
}
