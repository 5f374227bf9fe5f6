/*
 * One WebRTC session of a client with full ICE: generations of ice_full, DTLS and SRTP joined, with
 * no socket or loop of its own to be seen. It is what peer.h is to a server: souk-publish, the
 * studio and a node that pulls from another stand on it. An ICE restart runs beside the path in
 * use, which goes on carrying media until the new one is ready (RFC 8445 §9).
 *
 * Belongs to the thread that makes it, in whose GLib main context its callbacks come. In them
 * anything may be called but client_peer_close().
 */
#ifndef SOUK_SIGNALING_CLIENT_PEER_H
#define SOUK_SIGNALING_CLIENT_PEER_H

#include "signaling/ice_full.h"
#include "signaling/peer.h"

struct client_peer;
struct dtls_context;

struct client_peer_ops {
	/* Candidates of the newest generation, as in ice_full_ops. */
	void (*candidate)(void *arg, const char *line);
	void (*gathered)(void *arg);
	void (*connected)(void *arg); /* once: SRTP flows from here on */
	void (*restarted)(void *arg); /* the newest generation has taken over */
	void (*lost)(void *arg); /* the path has failed: only a restart helps */
	void (*rtp)(void *arg, uint8_t *packet, size_t len); /* may be NULL */
	void (*rtcp)(void *arg, const uint8_t *packet, size_t len);
	/* The session is over and sends nothing more; client_peer_close() soon. */
	void (*closed)(void *arg, enum peer_reason reason);
};

struct client_peer_options {
	struct dtls_context *dtls; /* outlives the peer */
	const struct ice_server *servers; /* copied by no one: outlive the call */
	unsigned server_count;
	const struct addr *bind; /* likewise; NULL: all but loopback */
	const struct client_peer_ops *ops;
	void *arg;
};

/* Gathering begins with client_peer_gather(), which may already call candidate(). */
int client_peer_create(struct client_peer **out, const struct client_peer_options *options)
	__attribute__((warn_unused_result));
int client_peer_gather(struct client_peer *peer) __attribute__((warn_unused_result));

/* Of the newest generation. */
const char *client_peer_ufrag(const struct client_peer *peer);
const char *client_peer_pwd(const struct client_peer *peer);

/* The answer to our offer. */
int client_peer_answer(struct client_peer *peer, const struct sdp_agreement *agreement)
	__attribute__((warn_unused_result));

/*
 * A new generation, which replaces one that is not ready yet: gather, tell the other side the new
 * credentials, then client_peer_restart_answer() with what it says.
 */
int client_peer_restart(struct client_peer *peer, const struct ice_server *servers,
			unsigned server_count, const struct addr *bind)
	__attribute__((warn_unused_result));
int client_peer_restart_answer(struct client_peer *peer, const struct sdp_ice *credentials,
			       const struct sdp_candidate *candidates, unsigned count)
	__attribute__((warn_unused_result));
/* The other side did not want it: the old path is all there is. */
void client_peer_restart_cancel(struct client_peer *peer);
bool client_peer_restarting(const struct client_peer *peer);

/* Every 100 ms or more often: repeats of DTLS, and PEER_TIMEOUT 15 s after the answer. */
void client_peer_tick(struct client_peer *peer, int64_t now_us);

/* Header and payload of one packet; never other content under an old sequence number (srtp.h).
 * 0, -ENOTCONN, -EAGAIN, -EMSGSIZE. */
int client_peer_send_rtp(struct client_peer *peer, const struct iovec *header,
			 const struct iovec *payload);
int client_peer_send_rtcp(struct client_peer *peer, const uint8_t *packet, size_t len);

/* Authenticated packets that came so far: one that no longer grows tells of a dead path long
 * before consent runs out. */
uint64_t client_peer_received(const struct client_peer *peer);
bool client_peer_pair(const struct client_peer *peer, char local[ADDR_TEXT],
		      char remote[ADDR_TEXT]);

/* Says close_notify; no callback after this. Not inside one. Takes NULL. */
void client_peer_close(struct client_peer *peer);

#endif
