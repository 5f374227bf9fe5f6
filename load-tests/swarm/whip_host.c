/* A host by WHIP: the file's picture and Opus as RTP, with sender reports and repetitions on
 * request; several files are the layers of a simulcast picture, the first has the sound. */
#include "load-tests/swarm/host.h"
#include "load-tests/swarm/media_file.h"
#include "load-tests/swarm/rtc_client.h"
#include "load-tests/swarm/sent_book.h"
#include "media/ingest/flv_ingest.h"
#include "media/rtp/rtp_sender.h"
#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "signaling/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AUDIO = 8, VIDEO = 9, PACE_US = 5000, MARKER = 0x80, PADDING = 0x20 };

struct whip_host;

/* One encoding of the picture. */
struct layer {
	struct whip_host *host;
	struct rtp_sender *sender; /* NULL: not connected, or not asked for */
	struct flv_ingest ingest; /* turns the file's tags into frames */
	struct media_walk walk;
	int64_t at_ms; /* of the tag being sent */
	uint32_t ssrc;
};

struct whip_host {
	struct scene *scene;
	struct place place;
	const struct host_media *media;
	struct rtc_client *client;
	struct layer layers[HOST_LAYERS_MAX];
	uint32_t sound_ssrc;
	uint8_t capture_id; /* extension abs-capture-time; 0: not agreed */
	bool sending;
	struct timer next; /* a frame is due, or it connects again */
	struct timer pace; /* the senders' own */
	int64_t began_us;
	struct host_figures figures;
};

static void connect_host(struct whip_host *host);

/* ---- media ---- */

static void note_sent(struct whip_host *host, const struct rtp_packet *packet, int64_t now_us)
{
	uint8_t header[RTP_HEADER_MAX];
	if (!(packet->header[1] & MARKER))
		return;
	memcpy(header, packet->header, packet->header_len);
	header[0] &= (uint8_t)~PADDING; /* it is in the payload */
	sent_book_add(&host->scene->sent,
		      capture_stamp_us(header, packet->header_len, host->capture_id), now_us);
}

static int port_send(void *arg, const struct rtp_packet *packets, size_t count)
{
	struct whip_host *host = arg;
	struct iovec parts[2 * RTP_RUN_MAX];
	struct peer *peer = rtc_client_peer(host->client);
	const int64_t now_us = loop_now_us(host->scene->loop);
	for (size_t i = 0; i < count; i++) {
		parts[2 * i].iov_base = (void *)packets[i].header;
		parts[2 * i].iov_len = packets[i].header_len;
		parts[2 * i + 1].iov_base = (void *)packets[i].payload;
		parts[2 * i + 1].iov_len = packets[i].payload_len;
		note_sent(host, &packets[i], now_us);
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
	bool wait = false;
	for (unsigned i = 0; i < host->media->count; i++)
		if (host->layers[i].sender)
			wait |= rtp_sender_tick(host->layers[i].sender);
	if (wait)
		timer_start(&host->pace, PACE_US);
}

/* The file has its keyframes where it has them. */
static void on_key_request(void *arg)
{
	(void)arg;
}

static void on_frame(void *arg, struct frame *frame)
{
	struct layer *layer = arg;
	struct whip_host *host = layer->host;
	/* The ingest's own clock starts anew at each round. */
	frame->media_us = frame->dts_us = layer->at_ms * 1000;
	frame->capture_us = host->began_us + layer->at_ms * 1000 + host->scene->clock.utc_offset_us;
	host->figures.frames += layer == host->layers && codec_is_video(frame->codec);
	host->figures.bytes += frame->data->len;
	rtp_sender_frame(layer->sender, frame);
	frame_unref(frame);
}

/* Other sound than Opus was not offered. */
static int send_tag(struct layer *layer, const struct media_tag *tag)
{
	const uint32_t at_ms = (uint32_t)layer->at_ms;
	if (tag->type == VIDEO)
		return flv_ingest_video(&layer->ingest, at_ms, tag->data, tag->len);
	const bool sounds = layer == layer->host->layers && media_file_has_opus(layer->walk.file);
	if (tag->type == AUDIO && sounds)
		return flv_ingest_audio(&layer->ingest, at_ms, tag->data, tag->len);
	return 0;
}

static void send_layer(struct layer *layer, int64_t passed_ms)
{
	const struct media_tag *tag;
	while ((tag = media_walk_next(&layer->walk, passed_ms, &layer->at_ms)))
		if (send_tag(layer, tag))
			scene_failed(layer->host->scene, CLIENT_HOST,
				     "whip: picture or sound cannot be read");
	rtp_sender_flush(layer->sender);
}

static void send_due(struct whip_host *host)
{
	const int64_t passed_ms = (loop_now_us(host->scene->loop) - host->began_us) / 1000;
	int64_t next_ms = INT64_MAX;
	for (unsigned i = 0; i < host->media->count; i++) {
		struct layer *layer = &host->layers[i];
		if (!layer->sender)
			continue;
		send_layer(layer, passed_ms);
		next_ms = layer->at_ms < next_ms ? layer->at_ms : next_ms;
	}
	timer_start_at(&host->next, host->began_us + next_ms * 1000);
	on_pace(host);
}

/* ---- session ---- */

static void add_sound(struct rtp_sender_config *config, const struct whip_host *host)
{
	const struct sdp_track *agreed = &rtc_client_agreement(host->client)->audio;
	if (!agreed->present)
		return;
	config->audio = (struct rtp_sender_track){ .ssrc = host->sound_ssrc,
						   .payload_type = agreed->pt,
						   .mid_id = agreed->ids.mid };
	snprintf(config->audio.mid, sizeof(config->audio.mid), "%.8s", agreed->mid);
}

static int begin_layer(struct layer *layer, const struct sdp_track *agreed, const char *rid)
{
	struct whip_host *host = layer->host;
	struct rtp_sender_config config = {
		.clock = &host->scene->clock,
		.port = { .ops = &port_ops, .arg = host },
		.video = { .ssrc = layer->ssrc,
			   .payload_type = agreed->pt,
			   .abs_capture_id = agreed->ids.abs_capture_time,
			   .mid_id = agreed->ids.mid,
			   .rid_id = agreed->ids.rid },
		.request_key = on_key_request,
		.arg = host,
	};
	snprintf(config.video.mid, sizeof(config.video.mid), "%.8s", agreed->mid);
	snprintf(config.video.rid, sizeof(config.video.rid), "%.8s", rid);
	if (layer == host->layers)
		add_sound(&config, host);
	snprintf(config.cname, sizeof(config.cname), "%s", rtc_client_cname(host->client));
	layer->walk = (struct media_walk){ .file = host->media->files[layer - host->layers] };
	return rtp_sender_create(&layer->sender, &config);
}

/* Rids are the numbers of the files. */
static int begin_sending(struct whip_host *host)
{
	const struct sdp_track *agreed = &rtc_client_agreement(host->client)->video;
	int err = agreed->present ? 0 : -ENOENT;
	host->capture_id = agreed->ids.abs_capture_time;
	if (!err && !agreed->rid_count)
		err = begin_layer(&host->layers[0], agreed, "");
	for (unsigned i = 0; !err && i < agreed->rid_count; i++) {
		const unsigned index = (unsigned)(agreed->rids[i][0] - '0');
		if (index < host->media->count)
			err = begin_layer(&host->layers[index], agreed, agreed->rids[i]);
	}
	return err;
}

static void on_connected(void *arg)
{
	struct whip_host *host = arg;
	if (begin_sending(host)) {
		scene_failed(host->scene, CLIENT_HOST, "whip: no video was agreed on");
		return;
	}
	host->sending = true;
	host->figures.connections++;
	host->began_us = loop_now_us(host->scene->loop);
	timer_start(&host->next, 0);
}

static void on_rtcp(void *arg, const uint8_t *packet, size_t len, int64_t arrived_us)
{
	struct whip_host *host = arg;
	(void)arrived_us;
	for (unsigned i = 0; i < host->media->count; i++)
		if (host->layers[i].sender)
			rtp_sender_rtcp(host->layers[i].sender, packet, len);
	on_pace(host);
}

static void stop_sending(struct whip_host *host)
{
	timer_stop(&host->pace);
	host->sending = false;
	for (unsigned i = 0; i < host->media->count; i++) {
		struct layer *layer = &host->layers[i];
		struct rtp_sender_stats stats;
		if (!layer->sender)
			continue;
		rtp_sender_stats(layer->sender, &stats);
		host->figures.nacked += stats.nacks;
		rtp_sender_destroy(layer->sender);
		layer->sender = NULL;
	}
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
	if (host->sending) {
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
			   .no_audio = !media_file_has_opus(host->media->files[0]),
			   .no_data = true,
			   .audio_ssrc = host->sound_ssrc,
			   .layers = host->media->count,
			   /* Layers are told by their rids (RFC 8853 §5.1). */
			   .video_ssrc = host->media->count > 1 ? 0 : host->layers[0].ssrc },
		.server = &host->place.target->http,
		.path = path,
		.token = wanted->host_token ? wanted->host_token : wanted->admin_token,
		.ops = &client_ops,
		.arg = host,
	};
	rtc_client_create(&host->client, host->scene, &options);
	free(path);
}

static void *create(struct scene *scene, const struct place *place, const struct host_media *media)
{
	struct whip_host *host = xcalloc(1, sizeof(*host));
	host->scene = scene;
	host->place = *place;
	host->media = media;
	crypto_random(&host->sound_ssrc, sizeof(host->sound_ssrc));
	for (unsigned i = 0; i < HOST_LAYERS_MAX; i++) {
		host->layers[i].host = host;
		crypto_random(&host->layers[i].ssrc, sizeof(host->layers[i].ssrc));
		flv_ingest_init(&host->layers[i].ingest, on_frame, &host->layers[i]);
	}
	timer_init(&host->next, scene->loop, on_next, host);
	timer_init(&host->pace, scene->loop, on_pace, host);
	connect_host(host);
	return host;
}

static void add_figures(const void *arg, struct host_figures *sum)
{
	const struct whip_host *host = arg;
	sum->wanted++;
	sum->live += host->sending;
	for (unsigned i = 0; i < host->media->count; i++) {
		struct rtp_sender_stats stats = { 0 };
		if (host->layers[i].sender)
			rtp_sender_stats(host->layers[i].sender, &stats);
		sum->nacked += stats.nacks;
	}
	sum->frames += host->figures.frames;
	sum->bytes += host->figures.bytes;
	sum->connections += host->figures.connections;
	sum->nacked += host->figures.nacked;
}

static void destroy(void *arg)
{
	struct whip_host *host = arg;
	timer_stop(&host->next);
	stop_sending(host);
	rtc_client_destroy(host->client, RTC_LEAVE_DELETE);
	for (unsigned i = 0; i < HOST_LAYERS_MAX; i++)
		flv_ingest_finish(&host->layers[i].ingest);
	free(host);
}

const struct host_ops whip_host_ops = {
	.create = create,
	.add_figures = add_figures,
	.destroy = destroy,
};
