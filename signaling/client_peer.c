#include "signaling/client_peer.h"

#include "server/core/alloc.h"
#include "signaling/srtp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	HALF_OPEN_US = 15 * 1000000, /* as the server's */
	PACKET_MAX = 1500, /* of RTP and RTCP, before protection */
	RECEIVE_MAX = 2048,
};

/* RFC 7983 §7: kinds by the first byte. */
enum { DTLS_FIRST = 20, DTLS_LAST = 63, RTP_FIRST = 128, RTP_LAST = 191 };

/* One ICE agent and the session it serves. */
struct generation {
	struct client_peer *peer;
	struct ice_full *ice;
};

struct client_peer {
	struct generation *path; /* carries packets; NULL: never ready */
	struct generation *next; /* checks still run; NULL: none */
	struct dtls_context *context;
	struct dtls *dtls; /* NULL before the answer */
	struct srtp_tx *tx;
	struct srtp_rx *rx;
	bool started; /* DTLS */
	bool closed;
	int64_t answered_us; /* the first tick after the answer; 0: none yet */
	uint64_t received;
	const struct client_peer_ops *ops;
	void *arg;
};

static void generation_destroy(struct generation *generation)
{
	if (!generation)
		return;
	ice_full_destroy(generation->ice);
	free(generation);
}

static struct generation *newest(const struct client_peer *peer)
{
	return peer->next ? peer->next : peer->path;
}

static void fail(struct client_peer *peer, enum peer_reason reason)
{
	if (peer->closed)
		return;
	dtls_close(peer->dtls);
	peer->closed = true;
	peer->ops->closed(peer->arg, reason);
}

/* ---- SRTP ---- */

static void receive_rtcp(struct client_peer *peer, const uint8_t *data, size_t len)
{
	uint8_t packet[RECEIVE_MAX];
	size_t packet_len;
	bool fresh;
	if (len > sizeof(packet) || srtp_rx_rtcp(peer->rx, data, len, packet, &packet_len, &fresh))
		return;
	peer->received++;
	peer->ops->rtcp(peer->arg, packet, packet_len);
}

static void receive_srtp(struct client_peer *peer, uint8_t *data, size_t len)
{
	if (!peer->rx || len < 2)
		return;
	if (srtp_is_rtcp(data, len)) {
		receive_rtcp(peer, data, len);
	} else if (peer->ops->rtp && !srtp_rx_rtp(peer->rx, data, &len)) {
		peer->received++;
		peer->ops->rtp(peer->arg, data, len);
	}
}

static int start_srtp(struct client_peer *peer)
{
	struct dtls_keys keys;
	int err = dtls_export_keys(peer->dtls, &keys);
	if (err || keys.profile == DTLS_SRTP_NONE)
		return err ? err : -ENOTCONN;
	err = srtp_pair_create(&peer->tx, &peer->rx, &keys, false);
	explicit_bzero(&keys, sizeof(keys));
	return err;
}

/* ---- DTLS ---- */

static void on_dtls_send(void *arg, const uint8_t *datagram, size_t len)
{
	struct client_peer *peer = arg;
	/* Lost ones are repeated. */
	if (peer->path && !peer->closed)
		ice_full_send(peer->path->ice, datagram, len);
}

/* We offer no data channel. */
static void on_dtls_data(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
}

static void on_dtls_event(void *arg, enum dtls_event event)
{
	struct client_peer *peer = arg;
	if (event == DTLS_BAD_FINGERPRINT)
		fail(peer, PEER_BAD_FINGERPRINT);
	else if (event == DTLS_CLOSED)
		fail(peer, PEER_REMOTE_CLOSED);
	else if (event == DTLS_FAILED || start_srtp(peer))
		fail(peer, PEER_DTLS_FAILED);
	else
		peer->ops->connected(peer->arg);
}

static const struct dtls_ops dtls_ops = {
	.send = on_dtls_send,
	.data = on_dtls_data,
	.event = on_dtls_event,
};

/* ---- ICE ---- */

static void on_candidate(void *arg, const char *line)
{
	const struct generation *generation = arg;
	struct client_peer *peer = generation->peer;
	if (generation == newest(peer))
		peer->ops->candidate(peer->arg, line);
}

static void on_gathered(void *arg)
{
	const struct generation *generation = arg;
	struct client_peer *peer = generation->peer;
	if (generation == newest(peer))
		peer->ops->gathered(peer->arg);
}

static void on_ready(void *arg)
{
	struct generation *generation = arg;
	struct client_peer *peer = generation->peer;
	if (generation != peer->next)
		return;
	struct generation *old = peer->path;
	peer->path = generation;
	peer->next = NULL;
	generation_destroy(old);
	if (!peer->started && peer->dtls) {
		peer->started = true;
		dtls_start(peer->dtls);
	} else if (old) {
		peer->ops->restarted(peer->arg);
	}
}

static void on_failed(void *arg)
{
	const struct generation *generation = arg;
	struct client_peer *peer = generation->peer;
	if (generation == newest(peer) && !peer->closed)
		peer->ops->lost(peer->arg);
}

static void on_packet(void *arg, uint8_t *data, size_t len)
{
	const struct generation *generation = arg;
	struct client_peer *peer = generation->peer;
	if (peer->closed || !len)
		return;
	if (data[0] >= DTLS_FIRST && data[0] <= DTLS_LAST && peer->dtls)
		dtls_feed(peer->dtls, data, len);
	else if (data[0] >= RTP_FIRST && data[0] <= RTP_LAST)
		receive_srtp(peer, data, len);
}

static const struct ice_full_ops ice_ops = {
	.candidate = on_candidate,
	.gathered = on_gathered,
	.ready = on_ready,
	.failed = on_failed,
	.packet = on_packet,
};

static int add_generation(struct client_peer *peer, const struct ice_server *servers,
			  unsigned server_count, const struct addr *bind)
{
	struct generation *generation = xcalloc(1, sizeof(*generation));
	const struct ice_full_options options = {
		.servers = servers,
		.server_count = server_count,
		.bind = bind,
		.ops = &ice_ops,
		.arg = generation,
	};
	generation->peer = peer;
	const int err = ice_full_create(&generation->ice, &options);
	if (err) {
		free(generation);
		return err;
	}
	generation_destroy(peer->next);
	peer->next = generation;
	return 0;
}

/* ---- a session's life ---- */

int client_peer_create(struct client_peer **out, const struct client_peer_options *options)
{
	struct client_peer *peer = xcalloc(1, sizeof(*peer));
	peer->context = options->dtls;
	peer->ops = options->ops;
	peer->arg = options->arg;
	const int err =
		add_generation(peer, options->servers, options->server_count, options->bind);
	if (err) {
		free(peer);
		return err;
	}
	*out = peer;
	return 0;
}

int client_peer_gather(struct client_peer *peer)
{
	return ice_full_gather(newest(peer)->ice);
}

const char *client_peer_ufrag(const struct client_peer *peer)
{
	return ice_full_ufrag(newest(peer)->ice);
}

const char *client_peer_pwd(const struct client_peer *peer)
{
	return ice_full_pwd(newest(peer)->ice);
}

int client_peer_answer(struct client_peer *peer, const struct sdp_agreement *agreement)
{
	struct dtls_options options = {
		.client = agreement->dtls_active,
		.ops = &dtls_ops,
		.arg = peer,
	};
	if (peer->dtls)
		return -EALREADY;
	memcpy(options.fingerprint, agreement->remote_fingerprint, sizeof(options.fingerprint));
	const int err = dtls_create(&peer->dtls, peer->context, &options);
	return err ? err
		   : ice_full_remote(newest(peer)->ice, &agreement->remote, agreement->candidates,
				     agreement->candidate_count);
}

int client_peer_restart(struct client_peer *peer, const struct ice_server *servers,
			unsigned server_count, const struct addr *bind)
{
	return add_generation(peer, servers, server_count, bind);
}

int client_peer_restart_answer(struct client_peer *peer, const struct sdp_ice *credentials,
			       const struct sdp_candidate *candidates, unsigned count)
{
	return peer->next ? ice_full_remote(peer->next->ice, credentials, candidates, count)
			  : -EALREADY;
}

void client_peer_restart_cancel(struct client_peer *peer)
{
	if (!peer->path)
		return; /* there is nothing to fall back on */
	generation_destroy(peer->next);
	peer->next = NULL;
}

bool client_peer_restarting(const struct client_peer *peer)
{
	return peer->path && peer->next;
}

void client_peer_tick(struct client_peer *peer, int64_t now_us)
{
	if (peer->closed || !peer->dtls || peer->tx)
		return;
	if (!peer->answered_us)
		peer->answered_us = now_us;
	if (now_us - peer->answered_us >= HALF_OPEN_US)
		fail(peer, PEER_TIMEOUT);
	else if (peer->path)
		dtls_tick(peer->dtls);
}

/* ---- sending ---- */

int client_peer_send_rtp(struct client_peer *peer, const struct iovec *header,
			 const struct iovec *payload)
{
	uint8_t packet[PACKET_MAX + SRTP_OVERHEAD_MAX];
	if (!peer->tx || peer->closed)
		return -ENOTCONN;
	if (header->iov_len + payload->iov_len > PACKET_MAX)
		return -EMSGSIZE;
	const long size = srtp_tx_rtp(peer->tx, packet, header->iov_base, header->iov_len,
				      payload->iov_base, payload->iov_len);
	return size < 0 ? (int)size : ice_full_send(peer->path->ice, packet, (size_t)size);
}

int client_peer_send_rtcp(struct client_peer *peer, const uint8_t *data, size_t len)
{
	uint8_t packet[PACKET_MAX + SRTP_OVERHEAD_MAX];
	if (!peer->tx || peer->closed)
		return -ENOTCONN;
	if (len > PACKET_MAX)
		return -EMSGSIZE;
	const long size = srtp_tx_rtcp(peer->tx, packet, data, len);
	return size < 0 ? (int)size : ice_full_send(peer->path->ice, packet, (size_t)size);
}

uint64_t client_peer_received(const struct client_peer *peer)
{
	return peer->received;
}

bool client_peer_pair(const struct client_peer *peer, char local[ADDR_TEXT], char remote[ADDR_TEXT])
{
	return peer->path && ice_full_pair(peer->path->ice, local, remote);
}

void client_peer_close(struct client_peer *peer)
{
	if (!peer)
		return;
	if (!peer->closed && peer->dtls)
		dtls_close(peer->dtls);
	peer->closed = true;
	generation_destroy(peer->next);
	generation_destroy(peer->path);
	dtls_destroy(peer->dtls);
	srtp_tx_destroy(peer->tx);
	srtp_rx_destroy(peer->rx);
	free(peer);
}
