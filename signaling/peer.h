/*
 * One WebRTC session: ICE, DTLS, SRTP and the packets of SCTP joined over a udp_port. As a server
 * it is ICE-lite: it waits for checks and follows the client from address to address. As a client
 * (load programs, tests) it checks one candidate and nominates it. Belongs to the port's thread.
 *
 * Its callbacks may call anything here, peer_close() of itself or of others included.
 */
#ifndef SOUK_SIGNALING_PEER_H
#define SOUK_SIGNALING_PEER_H

#include "server/core/addr.h"
#include "signaling/dtls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct peer;
struct udp_port;

/* Our ufrag has 8 and our password 24 characters; what a peer may use is longer (RFC 8839 §5.4). */
enum { PEER_UFRAG_LEN = 8, PEER_PWD_LEN = 24 };

enum peer_reason {
	PEER_TIMEOUT, /* not connected within 15 s of its creation */
	PEER_CONSENT_LOST, /* no authenticated check for 30 s (RFC 7675) */
	PEER_BAD_FINGERPRINT,
	PEER_DTLS_FAILED,
	PEER_REMOTE_CLOSED, /* close_notify */
};
const char *peer_reason_text(enum peer_reason reason); /* "consent_lost" */

struct peer_ops {
	/* SRTP and application data flow from here on. */
	void (*connected)(void *arg);
	/* Decrypted (but see raw_rtp); valid and changeable during the call. `arrived_us`: when the
	 * kernel had it, loop time. */
	void (*rtp)(void *arg, uint8_t *packet, size_t len, int64_t arrived_us);
	void (*rtcp)(void *arg, const uint8_t *packet, size_t len, int64_t arrived_us);
	/* One SCTP packet out of DTLS. May be NULL. */
	void (*sctp)(void *arg, const uint8_t *packet, size_t len);
	/* The session is over and sends nothing more; call peer_close() here or soon. */
	void (*closed)(void *arg, enum peer_reason reason);
};

struct peer_options {
	bool client; /* ICE: controlling, towards `candidate`; false: ICE-lite */
	bool dtls_client; /* our a=setup is active */
	bool ingest; /* RTP comes from this peer (libsrtp unprotects it) */
	/* RTP is handed over as it came: header readable, payload encrypted, nothing verified. For
	 * load programs that only count. */
	bool raw_rtp;
	const char *local_ufrag; /* copied */
	const char *local_pwd;
	const char *remote_ufrag; /* needed by a client; a server may leave them NULL */
	const char *remote_pwd;
	uint8_t remote_fingerprint[DTLS_FINGERPRINT];
	struct addr candidate; /* client: where the server is */
	const struct peer_ops *ops;
	void *arg;
};

/* Fresh ufrag and password for an SDP. */
void peer_credentials(char ufrag[PEER_UFRAG_LEN + 1], char pwd[PEER_PWD_LEN + 1]);

/* -EEXIST: the ufrag is taken on this port; -EINVAL: credentials too short or too long (RFC 8839
 * §5.4: 4 and 22 characters at least). */
int peer_create(struct peer **out, struct udp_port *port, const struct peer_options *options)
	__attribute__((warn_unused_result));

/* ICE restart (RFC 8445 §9): new credentials next to the old ones, which go with the first check
 * that uses the new. -EEXIST as above. */
int peer_restart_ice(struct peer *peer, const char *local_ufrag, const char *local_pwd)
	__attribute__((warn_unused_result));

bool peer_connected(const struct peer *peer);

enum { PEER_PARTS = 3 };

/* Where peer_send_rtp() works, for who has it fetched into the cache beforehand. Once connected. */
void peer_memory(const struct peer *peer, struct iovec parts[PEER_PARTS]);

/*
 * Protects and sends `packets` RTP packets in order: parts[2*i] is the header of packet i (fixed
 * header, CSRCs and extensions), parts[2*i+1] its payload, which is only read. Equal sizes but for
 * a shorter last one leave in one system call. The same packet sent again gives the same bytes, as
 * long as its content is the same: never send other content under an old sequence number.
 * 0; -EAGAIN: the socket is full, the rest of the call was not sent; -ENOTCONN; -EMSGSIZE.
 */
int peer_send_rtp(struct peer *peer, const struct iovec *parts, size_t packets);
int peer_send_rtcp(struct peer *peer, const uint8_t *packet, size_t len);
/* One SCTP packet as DTLS application data. */
int peer_send_sctp(struct peer *peer, const uint8_t *packet, size_t len);

struct peer_stats {
	uint64_t srtp_failed; /* wrong tag or malformed: counted, never fatal */
	uint64_t srtp_replayed;
	uint64_t path_moves;
	int64_t last_check_us; /* last authenticated check, loop time; 0: none yet */
	const char *srtp_profile; /* "AEAD_AES_128_GCM", "AES128_CM_SHA1_80" or "none" */
	struct addr remote; /* len 0: none yet */
};
void peer_stats(const struct peer *peer, struct peer_stats *out);

/* Says close_notify and ends the session; no callback comes after this. The memory goes in the
 * next turn of the loop, so this is safe inside callbacks. Takes NULL. */
void peer_close(struct peer *peer);

/* As peer_close(), but the other side is told nothing: what a phone does that loses its network.
 * For load programs and tests. Takes NULL. */
void peer_vanish(struct peer *peer);

#endif
