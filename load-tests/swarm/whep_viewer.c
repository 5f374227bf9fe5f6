#include "load-tests/swarm/whep_viewer.h"

#include "load-tests/swarm/data_channel.h"
#include "load-tests/swarm/http_client.h"
#include "load-tests/swarm/scene.h"
#include "media/rtp/rtcp_writer.h"
#include "media/rtp/rtp_packet.h"
#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "signaling/peer.h"
#include "signaling/sdp_offer.h"
#include "signaling/udp_port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	REPORT_US = 1000000,
	JOIN_TIMEOUT_US = 10 * 1000000,
	VIDEO_RATE = 90000,
	AUDIO_RATE = 48000,
	BLOCKS_MAX = 2,
};

struct whep_viewer {
	struct scene *scene;
	struct join_times *times;
	struct http_client *http;
	struct bytes answer;
	struct udp_port *port;
	struct peer *peer;
	struct sdp_offer_options offer;
	struct sdp_agreement agreement;
	struct data_channel channel;
	struct timer report;
	char ufrag[PEER_UFRAG_LEN + 1], pwd[PEER_PWD_LEN + 1];
	uint32_t ssrc; /* of our reports */
	int64_t started_us;
	bool decrypt;
	bool keyed; /* a keyframe's first packet came */
	struct whep_figures figures;
};

/* ---- media ---- */

enum { NAL_IDR = 5, NAL_SPS = 7, NAL_STAP_A = 24, NAL_FU_A = 28, NAL_TYPE = 0x1f };

/* The first packet of an IDR picture or the parameter sets in front of it, RFC 6184 §5.2. */
static bool begins_keyframe(const uint8_t *packet, size_t len)
{
	struct rtp_view view;
	struct bits bits;
	if (rtp_parse(&view, packet, len))
		return false;
	bits_init(&bits, view.payload, view.payload_len);
	uint8_t type = bits_u8(&bits) & NAL_TYPE;
	if (type == NAL_STAP_A)
		bits_skip(&bits, 2);
	if (type == NAL_STAP_A || type == NAL_FU_A)
		type = bits_u8(&bits) & NAL_TYPE;
	return bits_ok(&bits) && (type == NAL_IDR || type == NAL_SPS);
}

static void take_video(struct whep_viewer *viewer, const struct rtp_fixed *header,
		       const uint8_t *packet, size_t len, int64_t now_us)
{
	const int64_t waited_us = now_us - viewer->started_us;
	rtp_track_packet(&viewer->figures.video, header, VIDEO_RATE, now_us);
	if (!viewer->figures.joined) {
		viewer->figures.joined = true;
		histogram_add(&viewer->times->picture, waited_us);
	}
	if (viewer->decrypt && !viewer->keyed && begins_keyframe(packet, len)) {
		viewer->keyed = true;
		histogram_add(&viewer->times->keyframe, waited_us);
	}
}

static void on_rtp(void *arg, uint8_t *packet, size_t len)
{
	struct whep_viewer *viewer = arg;
	const struct sdp_agreement *agreement = &viewer->agreement;
	const int64_t now_us = loop_now_us(viewer->scene->loop);
	struct rtp_fixed header;
	if (!rtp_fixed_read(&header, packet, len))
		return;
	viewer->figures.packets++;
	viewer->figures.bytes += len;
	if (agreement->video.present && header.payload_type == agreement->video.pt)
		take_video(viewer, &header, packet, len, now_us);
	else if (agreement->audio.present && header.payload_type == agreement->audio.pt)
		rtp_track_packet(&viewer->figures.audio, &header, AUDIO_RATE, now_us);
}

static struct rtp_track *track_of(struct whep_viewer *viewer, uint32_t ssrc)
{
	struct whep_figures *figures = &viewer->figures;
	if (figures->video.reception.started && figures->video.ssrc == ssrc)
		return &figures->video;
	return figures->audio.reception.started && figures->audio.ssrc == ssrc ? &figures->audio
									       : NULL;
}

static void on_rtcp(void *arg, const uint8_t *data, size_t len)
{
	struct whep_viewer *viewer = arg;
	struct bits datagram;
	struct rtcp_packet packet;
	struct rtcp_sender_info info;
	bits_init(&datagram, data, len);
	while (rtcp_next(&datagram, &packet) == 1) {
		struct rtp_track *track = track_of(viewer, packet.ssrc);
		if (track && packet.type == RTCP_SR && rtcp_read_sender_info(&packet, &info))
			rtp_reception_sr(&track->reception, info.ntp,
					 loop_now_us(viewer->scene->loop));
	}
}

static void on_report(void *arg)
{
	struct whep_viewer *viewer = arg;
	struct rtp_track *tracks[BLOCKS_MAX] = { &viewer->figures.video, &viewer->figures.audio };
	struct rtcp_report_block blocks[BLOCKS_MAX];
	struct rtcp_writer writer;
	const int64_t now_us = loop_now_us(viewer->scene->loop);
	unsigned count = 0;
	for (unsigned i = 0; i < BLOCKS_MAX; i++)
		if (tracks[i]->reception.started)
			blocks[count++] = rtp_reception_report(&tracks[i]->reception,
							       tracks[i]->ssrc, now_us);
	rtcp_writer_init(&writer);
	rtcp_write_rr(&writer, viewer->ssrc, blocks, count);
	rtcp_write_sdes(&writer, &viewer->ssrc, 1, viewer->ufrag);
	peer_send_rtcp(viewer->peer, writer.data, writer.len);
	timer_start(&viewer->report, REPORT_US);
}

/* ---- session ---- */

static void on_connected(void *arg)
{
	struct whep_viewer *viewer = arg;
	const struct sdp_agreement *agreement = &viewer->agreement;
	timer_start(&viewer->report, REPORT_US);
	if (viewer->scene->sctp && agreement->data &&
	    data_channel_open(&viewer->channel, viewer->scene->sctp, viewer->peer,
			      agreement->dtls_active))
		scene_failed(viewer->scene, "whep", "no data channel");
}

static void on_sctp(void *arg, const uint8_t *packet, size_t len)
{
	struct whep_viewer *viewer = arg;
	data_channel_feed(&viewer->channel, packet, len);
}

static void on_closed(void *arg, enum peer_reason reason)
{
	struct whep_viewer *viewer = arg;
	scene_failed(viewer->scene, "whep", "session ended: %s", peer_reason_text(reason));
	viewer->figures.ended = true;
	timer_stop(&viewer->report);
	data_channel_close(&viewer->channel);
	peer_close(viewer->peer);
	viewer->peer = NULL;
}

static const struct peer_ops peer_ops = {
	.connected = on_connected,
	.rtp = on_rtp,
	.rtcp = on_rtcp,
	.sctp = on_sctp,
	.closed = on_closed,
};

/* ---- signalling ---- */

/* Of several candidates the one on the machine that answered us, else the first. */
static const struct addr *choose_candidate(const struct whep_viewer *viewer)
{
	const struct sdp_agreement *agreement = &viewer->agreement;
	const struct addr *server = &viewer->scene->options->server;
	for (unsigned i = 0; i < agreement->candidate_count; i++) {
		struct addr addr = agreement->candidates[i].addr;
		addr_set_port(&addr, addr_port(server));
		if (addr_equal(&addr, server))
			return &agreement->candidates[i].addr;
	}
	return agreement->candidate_count ? &agreement->candidates[0].addr : NULL;
}

static int connect_peer(struct whep_viewer *viewer)
{
	const struct sdp_agreement *agreement = &viewer->agreement;
	const struct addr *candidate = choose_candidate(viewer);
	if (!candidate)
		return -ENOENT;
	struct peer_options options = {
		.client = true,
		.dtls_client = agreement->dtls_active,
		.raw_rtp = !viewer->decrypt,
		.local_ufrag = viewer->ufrag,
		.local_pwd = viewer->pwd,
		.remote_ufrag = agreement->remote.ufrag,
		.remote_pwd = agreement->remote.pwd,
		.candidate = *candidate,
		.ops = &peer_ops,
		.arg = viewer,
	};
	memcpy(options.remote_fingerprint, agreement->remote_fingerprint, DTLS_FINGERPRINT);
	return peer_create(&viewer->peer, viewer->port, &options);
}

static void on_answer(struct whep_viewer *viewer)
{
	struct sdp_error error = { 0 };
	struct sdp *answer = NULL;
	int err = sdp_parse(&answer, (const char *)viewer->answer.data, viewer->answer.len, &error);
	if (!err)
		err = sdp_offer_accept(&viewer->agreement, &viewer->offer, answer, &error);
	sdp_destroy(answer);
	if (err) {
		scene_failed(viewer->scene, "whep", "answer: %s", error.detail);
		return;
	}
	err = connect_peer(viewer);
	if (err)
		scene_failed(viewer->scene, "whep", "peer: %s", strerror(-err));
}

static void on_http_body(void *arg, const uint8_t *data, size_t len)
{
	struct whep_viewer *viewer = arg;
	bytes_put(&viewer->answer, data, len);
}

static void on_http_done(void *arg, int err)
{
	struct whep_viewer *viewer = arg;
	const int status = http_client_response(viewer->http)->status;
	if (err)
		scene_failed(viewer->scene, "whep", "POST: %s", strerror(-err));
	else if (status != 201)
		scene_failed(viewer->scene, "whep", "POST: status %d: %.200s", status,
			     bytes_string(&viewer->answer));
	else
		on_answer(viewer);
	http_client_destroy(viewer->http);
	viewer->http = NULL;
	bytes_finish(&viewer->answer);
}

static const struct http_client_ops http_ops = { .body = on_http_body, .done = on_http_done };

static int write_offer(struct whep_viewer *viewer, struct bytes *text)
{
	const struct udp_port_options options = {
		.bind = viewer->scene->local,
		.dtls = viewer->scene->dtls,
		.scratch = viewer->scene->scratch,
	};
	const int err = udp_port_create(&viewer->port, viewer->scene->loop, &options);
	if (err)
		return err;
	struct sdp_local local = {
		.id = viewer->ssrc,
		.ufrag = viewer->ufrag,
		.pwd = viewer->pwd,
		.candidates = udp_port_addr(viewer->port),
		.candidate_count = 1,
		.high_profile = true,
	};
	memcpy(local.fingerprint, dtls_context_fingerprint_bytes(viewer->scene->dtls),
	       sizeof(local.fingerprint));
	viewer->figures.port = addr_port(udp_port_addr(viewer->port));
	viewer->offer = (struct sdp_offer_options){ .role = SDP_OFFER_VIEWER,
						    .no_data = !viewer->scene->sctp };
	sdp_offer_build(text, &viewer->offer, &local);
	return 0;
}

static void post_offer(struct whep_viewer *viewer, const struct bytes *text)
{
	char *path = xasprintf("/whep/%s", viewer->scene->options->room);
	const struct http_request_line request = {
		.method = "POST",
		.path = path,
		.token = viewer->scene->options->token,
		.headers = "Content-Type: application/sdp\r\n",
		.body = (const char *)text->data,
		.body_len = text->len,
		.timeout_us = JOIN_TIMEOUT_US,
	};
	http_client_start(viewer->http, &request);
	free(path);
}

void whep_viewer_create(struct whep_viewer **out, struct scene *scene, struct join_times *times,
			bool decrypt)
{
	struct whep_viewer *viewer = xcalloc(1, sizeof(*viewer));
	struct bytes text;
	viewer->scene = scene;
	viewer->times = times;
	viewer->decrypt = decrypt;
	viewer->started_us = loop_now_us(scene->loop);
	timer_init(&viewer->report, scene->loop, on_report, viewer);
	peer_credentials(viewer->ufrag, viewer->pwd);
	crypto_random(&viewer->ssrc, sizeof(viewer->ssrc));
	bytes_init(&viewer->answer, SDP_SIZE_MAX);
	bytes_init(&text, SDP_SIZE_MAX);
	http_client_create(&viewer->http, scene->loop, &scene->options->server, &http_ops, viewer);
	const int err = write_offer(viewer, &text);
	if (err)
		scene_failed(scene, "whep", "socket: %s", strerror(-err));
	else
		post_offer(viewer, &text);
	bytes_finish(&text);
	*out = viewer;
}

void whep_viewer_figures(const struct whep_viewer *viewer, struct whep_figures *out)
{
	*out = viewer->figures;
	out->messages = viewer->channel.messages;
}

void whep_viewer_destroy(struct whep_viewer *viewer)
{
	if (!viewer)
		return;
	timer_stop(&viewer->report);
	data_channel_close(&viewer->channel);
	peer_close(viewer->peer);
	udp_port_destroy(viewer->port);
	http_client_destroy(viewer->http);
	bytes_finish(&viewer->answer);
	free(viewer);
}
