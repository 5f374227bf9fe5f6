/* A host by WHIP: the file's picture as RTP, with sender reports and repetitions on request. */
#include "load-tests/swarm/host.h"
#include "load-tests/swarm/media_file.h"
#include "load-tests/swarm/rtc_client.h"
#include "media/ingest/flv_ingest.h"
#include "media/rtp/rtp_sender.h"
#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "signaling/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { VIDEO = 9, PACE_US = 5000 };

struct whip_host {
	struct scene *scene;
	struct place place;
	const struct media_file *file;
	struct rtc_client *client;
	struct rtp_sender *sender; /* NULL: not connected */
	struct flv_ingest ingest; /* turns the file's tags into frames */
	struct media_walk walk;
	struct timer next; /* a frame is due, or it connects again */
	struct timer pace; /* the sender's own */
	int64_t began_us;
	int64_t at_ms; /* of the tag being sent */
	uint32_t ssrc;
	struct host_figures figures;
};

static void connect_host(struct whip_host *host);

/* ---- media ---- */

static int port_send(void *arg, const struct rtp_packet *packets, size_t count)
{
	const struct whip_host *host = arg;
	struct iovec parts[2 * RTP_RUN_MAX];
	struct peer *peer = rtc_client_peer(host->client);
	for (size_t i = 0; i < count; i++) {
		parts[2 * i].iov_base = (void *)packets[i].header;
		parts[2 * i].iov_len = packets[i].header_len;
		parts[2 * i + 1].iov_base = (void *)packets[i].payload;
		parts[2 * i + 1].iov_len = packets[i].payload_len;
	}
	return peer ? peer_send_rtp(peer, parts, count) : -ENOTCONN;
}

static int port_send_rtcp(void *arg, const uint8_t *packet, size_t len)
{
	const struct whip_host *host = arg;
	struct peer *peer = rtc_client_peer(host->client);
	return peer ? peer_send_rtcp(peer, packet, len) : -ENOTCONN;
}

static const struct rtp_port_ops port_ops = { .send = port_send, .send_rtcp = port_send_rtcp };

static void on_pace(void *arg)
{
	struct whip_host *host = arg;
	if (rtp_sender_tick(host->sender))
		timer_start(&host->pace, PACE_US);
}

/* The file has its keyframes where it has them. */
static void on_key_request(void *arg)
{
	(void)arg;
}

static void on_frame(void *arg, struct frame *frame)
{
	struct whip_host *host = arg;
	/* The ingest's own clock starts anew at each round. */
	frame->media_us = frame->dts_us = host->at_ms * 1000;
	frame->capture_us = host->began_us + host->at_ms * 1000 + host->scene->clock.utc_offset_us;
	host->figures.frames++;
	host->figures.bytes += frame->data->len;
	rtp_sender_frame(host->sender, frame);
	frame_unref(frame);
}

static void send_due(struct whip_host *host)
{
	const int64_t passed_ms = (loop_now_us(host->scene->loop) - host->began_us) / 1000;
	const struct media_tag *tag;
	while ((tag = media_walk_next(&host->walk, passed_ms, &host->at_ms)))
		if (tag->type == VIDEO &&
		    flv_ingest_video(&host->ingest, (uint32_t)host->at_ms, tag->data, tag->len))
			scene_failed(host->scene, CLIENT_HOST, "whip: a picture cannot be read");
	rtp_sender_flush(host->sender);
	timer_start_at(&host->next, host->began_us + host->at_ms * 1000);
	on_pace(host);
}

/* ---- session ---- */

static int begin_sending(struct whip_host *host)
{
	const struct sdp_track *agreed = &rtc_client_agreement(host->client)->video;
	struct rtp_sender_config config = {
		.clock = &host->scene->clock,
		.port = { .ops = &port_ops, .arg = host },
		.video = { .ssrc = host->ssrc,
			   .payload_type = agreed->pt,
			   .abs_capture_id = agreed->ids.abs_capture_time,
			   .mid_id = agreed->ids.mid },
		.request_key = on_key_request,
		.arg = host,
	};
	snprintf(config.video.mid, sizeof(config.video.mid), "%.8s", agreed->mid);
	snprintf(config.cname, sizeof(config.cname), "%s", rtc_client_cname(host->client));
	return agreed->present ? rtp_sender_create(&host->sender, &config) : -ENOENT;
}

static void on_connected(void *arg)
{
	struct whip_host *host = arg;
	if (begin_sending(host)) {
		scene_failed(host->scene, CLIENT_HOST, "whip: no video was agreed on");
		return;
	}
	host->figures.connections++;
	host->walk = (struct media_walk){ .file = host->file };
	host->began_us = loop_now_us(host->scene->loop);
	timer_start(&host->next, 0);
}

static void on_rtcp(void *arg, const uint8_t *packet, size_t len)
{
	struct whip_host *host = arg;
	if (!host->sender)
		return;
	rtp_sender_rtcp(host->sender, packet, len);
	on_pace(host);
}

static void stop_sending(struct whip_host *host)
{
	struct rtp_sender_stats stats;
	timer_stop(&host->pace);
	if (!host->sender)
		return;
	rtp_sender_stats(host->sender, &stats);
	host->figures.nacked += stats.nacks;
	rtp_sender_destroy(host->sender);
	host->sender = NULL;
}

static void on_ended(void *arg, const char *why)
{
	struct whip_host *host = arg;
	scene_failed(host->scene, CLIENT_HOST, "whip: %s", why);
	timer_start(&host->next, HOST_AGAIN_US);
	stop_sending(host);
}

static const struct rtc_client_ops client_ops = {
	.connected = on_connected,
	.rtcp = on_rtcp,
	.ended = on_ended,
};

static void on_next(void *arg)
{
	struct whip_host *host = arg;
	if (host->sender) {
		send_due(host);
		return;
	}
	rtc_client_destroy(host->client, RTC_LEAVE_CLOSE);
	connect_host(host);
}

static void connect_host(struct whip_host *host)
{
	const struct swarm_options *wanted = host->scene->options;
	char *path = xasprintf("/whip/%s", host->place.room);
	const struct rtc_client_options options = {
		.offer = { .role = SDP_OFFER_PUBLISHER,
			   .no_audio = true,
			   .no_data = true,
			   .video_ssrc = host->ssrc },
		.server = &host->place.target->http,
		.path = path,
		.token = wanted->host_token ? wanted->host_token : wanted->admin_token,
		.ops = &client_ops,
		.arg = host,
	};
	rtc_client_create(&host->client, host->scene, &options);
	free(path);
}

static void *create(struct scene *scene, const struct place *place, const struct media_file *file)
{
	struct whip_host *host = xcalloc(1, sizeof(*host));
	host->scene = scene;
	host->place = *place;
	host->file = file;
	crypto_random(&host->ssrc, sizeof(host->ssrc));
	flv_ingest_init(&host->ingest, on_frame, host);
	timer_init(&host->next, scene->loop, on_next, host);
	timer_init(&host->pace, scene->loop, on_pace, host);
	connect_host(host);
	return host;
}

static void add_figures(const void *arg, struct host_figures *sum)
{
	const struct whip_host *host = arg;
	struct rtp_sender_stats stats = { 0 };
	if (host->sender)
		rtp_sender_stats(host->sender, &stats);
	sum->wanted++;
	sum->live += host->sender != NULL;
	sum->frames += host->figures.frames;
	sum->bytes += host->figures.bytes;
	sum->connections += host->figures.connections;
	sum->nacked += host->figures.nacked + stats.nacks;
}

static void destroy(void *arg)
{
	struct whip_host *host = arg;
	timer_stop(&host->next);
	stop_sending(host);
	rtc_client_destroy(host->client, RTC_LEAVE_DELETE);
	flv_ingest_finish(&host->ingest);
	free(host);
}

const struct host_ops whip_host_ops = {
	.create = create,
	.add_figures = add_figures,
	.destroy = destroy,
};
