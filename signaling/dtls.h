/*
 * DTLS 1.2 over packets that somebody else carries: handshake with DTLS-SRTP (RFC 5764), check of
 * the peer's certificate against the fingerprint of the SDP (RFC 8122), keys for SRTP, application
 * data for SCTP (RFC 8261). No cookie exchange: ICE has proved the path, and browsers' hellos come
 * in two datagrams, which the stateless exchange of OpenSSL does not take.
 *
 * A context is immutable after its creation and may be used by all threads; a connection belongs
 * to the thread of its session.
 */
#ifndef SOUK_SIGNALING_DTLS_H
#define SOUK_SIGNALING_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls;
struct dtls_context;

enum {
	DTLS_MTU = 1200,
	DTLS_PAYLOAD_MAX = 1200, /* application data in a datagram: SCTP makes at most 1,180 */
	DTLS_FINGERPRINT = 32, /* SHA-256, bytes */
	DTLS_FINGERPRINT_TEXT = 96, /* "AA:BB:…" with its NUL */
};

/* Makes an ECDSA P-256 key and a self-signed certificate for this process. */
int dtls_context_create(struct dtls_context **out) __attribute__((warn_unused_result));
void dtls_context_destroy(struct dtls_context *context); /* takes NULL; no connection may be left */

/* Of our certificate, upper-case hex with colons, as in a=fingerprint:sha-256 … */
const char *dtls_context_fingerprint(const struct dtls_context *context);
const uint8_t *dtls_context_fingerprint_bytes(const struct dtls_context *context);

/* "AA:BB:…" (32 bytes, either case); -EINVAL otherwise. */
int dtls_fingerprint_parse(const char *text, uint8_t out[DTLS_FINGERPRINT])
	__attribute__((warn_unused_result));

enum dtls_event {
	DTLS_CONNECTED,
	DTLS_CLOSED, /* the peer said close_notify */
	DTLS_BAD_FINGERPRINT, /* the peer's certificate is not the one of its SDP */
	DTLS_FAILED,
};

struct dtls_ops {
	void (*send)(void *arg, const uint8_t *datagram, size_t len);
	void (*data)(void *arg, const uint8_t *data, size_t len);
	/* Last thing in a call of dtls_feed() or dtls_tick(); after anything but DTLS_CONNECTED no
	 * more events. The connection must not be destroyed in here. */
	void (*event)(void *arg, enum dtls_event event);
};

struct dtls_options {
	bool client; /* a=setup:active on our side */
	uint8_t fingerprint[DTLS_FINGERPRINT]; /* of the peer's certificate */
	const struct dtls_ops *ops;
	void *arg;
};

int dtls_create(struct dtls **out, struct dtls_context *context, const struct dtls_options *options)
	__attribute__((warn_unused_result));

/* Client: sends the ClientHello. Server: nothing. */
void dtls_start(struct dtls *dtls);
void dtls_feed(struct dtls *dtls, const uint8_t *datagram, size_t len);
/* Retransmits what is overdue (by OpenSSL's own clock); true when it did. Every 100 ms or so while
 * handshaking. */
bool dtls_tick(struct dtls *dtls);
bool dtls_connected(const struct dtls *dtls);

enum dtls_srtp { DTLS_SRTP_NONE, DTLS_SRTP_AES128_CM_SHA1_80, DTLS_SRTP_AEAD_AES_128_GCM };

struct dtls_keys {
	enum dtls_srtp profile;
	uint8_t local_key[16], remote_key[16];
	uint8_t local_salt[14], remote_salt[14]; /* 12 bytes of it with GCM */
};
/* RFC 5764 §4.2. -ENOTCONN before the handshake is done; profile NONE if SRTP was not agreed. */
int dtls_export_keys(struct dtls *dtls, struct dtls_keys *out) __attribute__((warn_unused_result));

/* One datagram of application data, at most DTLS_PAYLOAD_MAX. */
int dtls_send(struct dtls *dtls, const void *data, size_t len);

/* Sends close_notify when connected; no event or data comes after this. */
void dtls_close(struct dtls *dtls);

/* Not inside a callback of the connection. Takes NULL. */
void dtls_destroy(struct dtls *dtls);

#endif
