#include "signaling/peer.h"

#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "server/core/list.h"
#include "server/core/log.h"
#include "server/core/loop.h"
#include "signaling/ice.h"
#include "signaling/rtp_newest.h"
#include "signaling/srtp.h"
#include "signaling/srtp_run.h"
#include "signaling/udp_port.h"
#include "signaling/udp_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	HALF_OPEN_US = 15 * 1000000, /* design section 12: half-open join */
	RECEIVE_MAX = 2048,
};

struct peer {
	struct udp_session session;
	struct ice ice;
	char *old_ufrag; /* during a restart: goes with the first check that uses the new one */
	struct dtls *dtls;
	struct srtp_tx *tx;
	struct srtp_rx *rx;
	enum dtls_srtp profile;
	bool ingest;
	struct rtp_newest newest; /* of an ingest */
	bool raw_rtp;
	bool connected;
	bool closed;
	const struct peer_ops *ops;
	void *arg;
	int64_t created_us;
	struct peer_stats stats;
};

const char *peer_reason_text(enum peer_reason reason)
{
	static const char *const texts[] = {
		[PEER_TIMEOUT] = "timeout",
		[PEER_CONSENT_LOST] = "consent_lost",
		[PEER_BAD_FINGERPRINT] = "bad_fingerprint",
		[PEER_DTLS_FAILED] = "dtls_failed",
		[PEER_REMOTE_CLOSED] = "remote_closed",
	};
	return texts[reason];
}

void peer_credentials(char ufrag[PEER_UFRAG_LEN + 1], char pwd[PEER_PWD_LEN + 1])
{
	random_token(ufrag, PEER_UFRAG_LEN);
	random_token(pwd, PEER_PWD_LEN);
}

static struct peer *peer_of(struct udp_session *session)
{
	return list_entry(session, struct peer, session);
}

static int64_t now_us(const struct peer *peer)
{
	return loop_now_us(udp_port_loop(peer->session.port));
}

/* ---- end of life ---- */

/* From here on nothing is sent and no packet finds the peer by its ufrag. */
static void fall_silent(struct peer *peer)
{
	if (peer->closed)
		return;
	peer->closed = true;
	udp_session_drop_ufrag(&peer->session, peer->ice.local.ufrag);
	if (peer->ice.next.ufrag)
		udp_session_drop_ufrag(&peer->session, peer->ice.next.ufrag);
	if (peer->old_ufrag)
		udp_session_drop_ufrag(&peer->session, peer->old_ufrag);
}

static void shut(struct peer *peer)
{
	if (!peer->closed)
		dtls_close(peer->dtls);
	fall_silent(peer);
}

static void fail(struct peer *peer, enum peer_reason reason)
{
	if (peer->closed)
		return;
	log_debug(udp_port_log(peer->session.port), "peer ended reason=%s",
		  peer_reason_text(reason));
	shut(peer);
	peer->ops->closed(peer->arg, reason);
}

static void peer_free(struct peer *peer)
{
	ice_finish(&peer->ice);
	dtls_destroy(peer->dtls);
	srtp_tx_destroy(peer->tx);
	srtp_rx_destroy(peer->rx);
	free(peer->old_ufrag);
	free(peer);
}

static void on_free(struct udp_session *session)
{
	peer_free(peer_of(session));
}

void peer_close(struct peer *peer)
{
	if (!peer)
		return;
	shut(peer);
	udp_session_end(&peer->session);
}

void peer_vanish(struct peer *peer)
{
	if (!peer)
		return;
	fall_silent(peer);
	udp_session_end(&peer->session);
}

/* ---- ICE ---- */

static void send_check(struct peer *peer)
{
	uint8_t check[ICE_REPLY_MAX];
	const size_t len = ice_check(&peer->ice, now_us(peer), check);
	if (len)
		udp_port_send(peer->session.port, &peer->ice.candidate, check, len);
}

static void on_stun(struct udp_session *session, const struct ice_packet *packet,
		    const struct udp_path *path)
{
	struct peer *peer = peer_of(session);
	struct ice_result result;
	if (peer->closed)
		return;
	const bool first = !peer->ice.path.remote.len;
	ice_receive(&peer->ice, packet, path, now_us(peer), &result);
	if (result.reply_len)
		udp_port_send(session->port, path, result.reply, result.reply_len);
	if (!result.valid) {
		udp_port_counts(session->port)->stun_bad++;
		return;
	}
	if (result.moved && !first)
		udp_port_counts(session->port)->moves++;
	if (result.restarted) {
		udp_session_drop_ufrag(session, peer->old_ufrag);
		free(peer->old_ufrag);
		peer->old_ufrag = NULL;
	}
	if (!peer->ice.client)
		udp_session_add_path(session, path, &peer->ice.path);
	if (first && peer->ice.path.remote.len)
		dtls_start(peer->dtls);
}

int peer_restart_ice(struct peer *peer, const char *local_ufrag, const char *local_pwd)
{
	struct ice_credentials *unused = &peer->ice.next;
	int err = udp_session_add_ufrag(&peer->session, local_ufrag);
	if (err)
		return err;
	if (unused->ufrag)
		udp_session_drop_ufrag(&peer->session, unused->ufrag);
	err = ice_restart(&peer->ice, local_ufrag, local_pwd);
	if (err) {
		udp_session_drop_ufrag(&peer->session, local_ufrag);
		return err;
	}
	if (!peer->old_ufrag)
		peer->old_ufrag = xstrdup(peer->ice.local.ufrag);
	return 0;
}

/* ---- DTLS ---- */

static void on_dtls(struct udp_session *session, const uint8_t *data, size_t len)
{
	struct peer *peer = peer_of(session);
	if (!peer->closed)
		dtls_feed(peer->dtls, data, len);
}

static void on_dtls_send(void *arg, const uint8_t *datagram, size_t len)
{
	struct peer *peer = arg;
	/* Lost ones are repeated by DTLS or SCTP. */
	if (peer->ice.path.remote.len && !peer->closed)
		udp_port_send(peer->session.port, &peer->ice.path, datagram, len);
}

static void on_dtls_data(void *arg, const uint8_t *data, size_t len)
{
	struct peer *peer = arg;
	if (peer->ops->sctp && !peer->closed)
		peer->ops->sctp(peer->arg, data, len);
}

static int start_srtp(struct peer *peer)
{
	struct dtls_keys keys;
	int err = dtls_export_keys(peer->dtls, &keys);
	if (err || keys.profile == DTLS_SRTP_NONE)
		return err;
	peer->profile = keys.profile;
	err = srtp_pair_create(&peer->tx, &peer->rx, &keys, peer->ingest);
	explicit_bzero(&keys, sizeof(keys));
	return err;
}

static void on_dtls_event(void *arg, enum dtls_event event)
{
	struct peer *peer = arg;
	if (event == DTLS_BAD_FINGERPRINT) {
		fail(peer, PEER_BAD_FINGERPRINT);
	} else if (event == DTLS_CLOSED) {
		fail(peer, PEER_REMOTE_CLOSED);
	} else if (event == DTLS_FAILED || start_srtp(peer)) {
		fail(peer, PEER_DTLS_FAILED);
	} else {
		peer->connected = true;
		udp_session_settle(&peer->session);
		peer->ops->connected(peer->arg);
	}
}

static const struct dtls_ops dtls_ops = {
	.send = on_dtls_send,
	.data = on_dtls_data,
	.event = on_dtls_event,
};

/* ---- SRTP in ---- */

/* What came from elsewhere may well belong to somebody else. */
static void count_failure(struct peer *peer, int err, bool new_addr)
{
	if (new_addr)
		return;
	if (err == -EALREADY)
		peer->stats.srtp_replayed++;
	else
		peer->stats.srtp_failed++;
}

/* Something authenticated came, which moves the session if it is newer than all before. */
static void heard(struct peer *peer, const struct udp_path *path, bool fresh, bool new_addr)
{
	if (ice_heard(&peer->ice, path, fresh, now_us(peer)))
		udp_port_counts(peer->session.port)->moves++;
	if (new_addr)
		udp_session_add_path(&peer->session, path, &peer->ice.path);
}

static int receive_rtp(struct peer *peer, const struct udp_packet *packet, bool new_addr)
{
	struct rtp_seq seq;
	size_t len = packet->len;
	const bool follow = peer->ingest && rtp_seq_read(&seq, packet->data, len);
	const int err = peer->raw_rtp ? 0 : srtp_rx_rtp(peer->rx, packet->data, &len);
	if (err) {
		count_failure(peer, err, new_addr);
		return err;
	}
	if (!peer->raw_rtp)
		heard(peer, packet->path, follow && rtp_newest_take(&peer->newest, &seq), new_addr);
	peer->ops->rtp(peer->arg, packet->data, len, now_us(peer) - packet->age_us);
	return 0;
}

static int receive_rtcp(struct peer *peer, const struct udp_packet *packet, bool new_addr)
{
	uint8_t plain[RECEIVE_MAX];
	size_t plain_len;
	bool fresh;
	const int err = packet->len > sizeof(plain)
				? -EBADMSG
				: srtp_rx_rtcp(peer->rx, packet->data, packet->len, plain,
					       &plain_len, &fresh);
	if (err) {
		count_failure(peer, err, new_addr);
		return err;
	}
	heard(peer, packet->path, fresh, new_addr);
	peer->ops->rtcp(peer->arg, plain, plain_len, now_us(peer) - packet->age_us);
	return 0;
}

static int on_srtp(struct udp_session *session, const struct udp_packet *packet)
{
	struct peer *peer = peer_of(session);
	if (!peer->rx || peer->closed || packet->len < 2)
		return 0;
	return srtp_is_rtcp(packet->data, packet->len) ? receive_rtcp(peer, packet, false)
						       : receive_rtp(peer, packet, false);
}

/* Only a publisher's RTP is worth a look: a viewer sends none. */
static bool rtp_expected(const struct peer *peer, const struct udp_packet *packet)
{
	struct rtp_seq seq;
	return peer->ingest && rtp_seq_read(&seq, packet->data, packet->len) &&
	       rtp_newest_expects(&peer->newest, &seq);
}

static int on_claim(struct udp_session *session, const struct udp_packet *packet)
{
	struct peer *peer = peer_of(session);
	if (!peer->rx || peer->closed || peer->ice.client || packet->len < 2)
		return -ESRCH;
	const bool rtcp = srtp_is_rtcp(packet->data, packet->len);
	if (rtcp ? !srtp_rx_rtcp_expected(peer->rx, packet->data, packet->len)
		 : !rtp_expected(peer, packet))
		return -ESRCH;
	const int err = rtcp ? receive_rtcp(peer, packet, true) : receive_rtp(peer, packet, true);
	return err ? -EBADMSG : 0;
}

static bool on_holds(const struct udp_session *session, const struct udp_path *path)
{
	const struct peer *peer = list_entry(session, struct peer, session);
	return !peer->closed && ice_holds(&peer->ice, path, now_us(peer));
}

/* ---- time ---- */

static void on_tick(struct udp_session *session, int64_t now)
{
	struct peer *peer = peer_of(session);
	if (peer->closed)
		return;
	if (!peer->connected && now - peer->created_us >= HALF_OPEN_US) {
		fail(peer, PEER_TIMEOUT);
	} else if (ice_consent_lost(&peer->ice, now)) {
		fail(peer, PEER_CONSENT_LOST);
	} else {
		send_check(peer);
		if (!peer->connected && peer->ice.path.remote.len && dtls_tick(peer->dtls))
			udp_port_counts(session->port)->dtls_repeats++;
	}
}

static const struct udp_session_ops session_ops = {
	.stun = on_stun,
	.dtls = on_dtls,
	.srtp = on_srtp,
	.claim = on_claim,
	.holds = on_holds,
	.tick = on_tick,
	.free = on_free,
};

/* ---- creation ---- */

static int init_parts(struct peer *peer, struct udp_port *port, const struct peer_options *options)
{
	const struct ice_options ice = {
		.client = options->client,
		.local_ufrag = options->local_ufrag,
		.local_pwd = options->local_pwd,
		.remote_ufrag = options->remote_ufrag,
		.remote_pwd = options->remote_pwd,
		.candidate = options->candidate,
	};
	struct dtls_options dtls = {
		.client = options->dtls_client,
		.ops = &dtls_ops,
		.arg = peer,
	};
	memcpy(dtls.fingerprint, options->remote_fingerprint, sizeof(dtls.fingerprint));
	const int err = ice_init(&peer->ice, udp_port_ice(port), &ice);
	return err ? err : dtls_create(&peer->dtls, udp_port_dtls(port), &dtls);
}

int peer_create(struct peer **out, struct udp_port *port, const struct peer_options *options)
{
	struct peer *peer = xcalloc(1, sizeof(*peer));
	peer->ops = options->ops;
	peer->arg = options->arg;
	peer->ingest = options->ingest;
	peer->raw_rtp = options->raw_rtp;
	int err = init_parts(peer, port, options);
	if (err) {
		peer_free(peer);
		return err;
	}
	udp_session_init(&peer->session, port, &session_ops);
	/* What a server sends right behind its Finished would come before a handshake in line. */
	peer->session.prompt = options->client;
	peer->created_us = now_us(peer);
	err = udp_session_add_ufrag(&peer->session, options->local_ufrag);
	if (err) {
		peer_close(peer);
		return err;
	}
	if (options->client) {
		udp_session_add_path(&peer->session, &peer->ice.candidate, &peer->ice.candidate);
		send_check(peer);
	}
	*out = peer;
	return 0;
}

bool peer_connected(const struct peer *peer)
{
	return peer->connected && !peer->closed;
}

/* ---- sending ---- */

void peer_memory(const struct peer *peer, struct iovec parts[PEER_PARTS])
{
	parts[0] = (struct iovec){ (void *)peer, sizeof(*peer) };
	srtp_tx_memory(peer->tx, parts + 1);
}

int peer_send_rtp(struct peer *peer, const struct iovec *parts, size_t packets)
{
	struct srtp_run run;
	if (!peer_connected(peer) || !peer->tx)
		return -ENOTCONN;
	srtp_run_init(&run, peer->tx, peer->session.port, &peer->ice.path);
	for (size_t i = 0; i < packets; i++) {
		const int err = srtp_run_rtp(&run, &parts[2 * i], &parts[2 * i + 1]);
		if (err)
			return err;
	}
	return srtp_run_flush(&run);
}

int peer_send_rtcp(struct peer *peer, const uint8_t *packet, size_t len)
{
	struct srtp_run run;
	if (!peer_connected(peer) || !peer->tx)
		return -ENOTCONN;
	srtp_run_init(&run, peer->tx, peer->session.port, &peer->ice.path);
	const int err = srtp_run_rtcp(&run, packet, len);
	return err ? err : srtp_run_flush(&run);
}

int peer_send_sctp(struct peer *peer, const uint8_t *packet, size_t len)
{
	return peer_connected(peer) ? dtls_send(peer->dtls, packet, len) : -ENOTCONN;
}

void peer_stats(const struct peer *peer, struct peer_stats *out)
{
	static const char *const profiles[] = {
		[DTLS_SRTP_NONE] = "none",
		[DTLS_SRTP_AES128_CM_SHA1_80] = "AES128_CM_SHA1_80",
		[DTLS_SRTP_AEAD_AES_128_GCM] = "AEAD_AES_128_GCM",
	};
	*out = peer->stats;
	out->path_moves = peer->ice.moves;
	out->last_check_us = peer->ice.last_check_us;
	out->srtp_profile = profiles[peer->profile];
	out->remote = peer->ice.path.remote;
}
