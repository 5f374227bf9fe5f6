/*
 * SRTP for one session (RFC 3711, RFC 7714): struct srtp_tx protects what we send, struct srtp_rx
 * opens what we get. Protecting writes header, ciphertext and tag straight into the caller's send
 * buffer, out of place and without allocation, since it runs once for each viewer and packet.
 * Crypto is of ipsec-mb or OpenSSL; RTP of publishers may be opened by libsrtp instead. One thread.
 */
#ifndef SOUK_SIGNALING_SRTP_H
#define SOUK_SIGNALING_SRTP_H

#include "signaling/dtls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct srtp_rx;
struct srtp_tx;

enum {
	SRTP_OVERHEAD_MAX = 16 + 4, /* tag, and the index word of SRTCP */
	SRTP_STREAMS_MAX = 16, /* SSRCs of one session in each direction */
	SRTP_KEY = 16,
	SRTP_SALT = 14, /* GCM uses 12 */
};

/* Master key and salt of one direction. */
struct srtp_master {
	enum dtls_srtp profile;
	uint8_t key[SRTP_KEY];
	uint8_t salt[SRTP_SALT];
};

int srtp_tx_create(struct srtp_tx **out, const struct srtp_master *master)
	__attribute__((warn_unused_result));

/* Where srtp_tx_rtp() works, in two parts, for who has it fetched into the cache beforehand. */
void srtp_tx_memory(const struct srtp_tx *tx, struct iovec parts[2]);

/*
 * Protects one RTP packet into `out` (header_len + payload_len + SRTP_OVERHEAD_MAX bytes). The
 * rollover counter is guessed from the sequence number (RFC 3711 §3.3.1), so an old packet sent
 * again gets its old index, hence the same bytes. Returns the size, -EINVAL for a header that is
 * none, -ENOBUFS at SRTP_STREAMS_MAX.
 */
long srtp_tx_rtp(struct srtp_tx *tx, uint8_t *out, const uint8_t *header, size_t header_len,
		 const uint8_t *payload, size_t payload_len);
long srtp_tx_rtcp(struct srtp_tx *tx, uint8_t *out, const uint8_t *packet, size_t len);
void srtp_tx_destroy(struct srtp_tx *tx); /* takes NULL */

/* `libsrtp`: RTP is opened by libsrtp (ingest: few sessions, much traffic); RTCP never is. */
int srtp_rx_create(struct srtp_rx **out, const struct srtp_master *master, bool libsrtp)
	__attribute__((warn_unused_result));

/* Opens in place and shortens *len. -EBADMSG: malformed or not authentic; -EALREADY: replayed or
 * older than the window of 1,024 packets; -ENOBUFS at SRTP_STREAMS_MAX. A failure may have changed
 * the bytes. */
int srtp_rx_rtp(struct srtp_rx *rx, uint8_t *packet, size_t *len)
	__attribute__((warn_unused_result));

/* Opens into `out` (at least `len` bytes). `*fresh`: newer than all of its sender so far. */
int srtp_rx_rtcp(struct srtp_rx *rx, const uint8_t *packet, size_t len, uint8_t *out,
		 size_t *out_len, bool *fresh) __attribute__((warn_unused_result));

/* Whether a packet from a new address may be this session's: its sender is known and its index is
 * a little ahead. Cheap; proves nothing. */
bool srtp_rx_rtcp_expected(const struct srtp_rx *rx, const uint8_t *packet, size_t len);

void srtp_rx_destroy(struct srtp_rx *rx); /* takes NULL */

/* Both directions, keyed by a handshake (RFC 5764 §4.2) that agreed on a profile. When it fails one
 * of them may be left, for the caller to destroy. */
int srtp_pair_create(struct srtp_tx **tx, struct srtp_rx **rx, const struct dtls_keys *keys,
		     bool libsrtp) __attribute__((warn_unused_result));

/* SRTCP, not SRTP: they share a path (RFC 5761 §4). */
bool srtp_is_rtcp(const uint8_t *packet, size_t len);

#endif
