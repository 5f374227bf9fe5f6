/*
 * Passive TCP for sessions whose network blocks UDP (RFC 6544 §4.1): a listener on the number of
 * the UDP port, and its connections, whose packets go the same ways as datagrams do. A connection
 * is a stranger until a check over it has validated: few bytes, ten seconds, not too many of them.
 * What the client does not take is not queued for ever: a run is refused while a second of it
 * waits, and who is ten seconds behind is cut off. Belongs to the port's thread.
 */
#ifndef SOUK_SIGNALING_ICE_TCP_H
#define SOUK_SIGNALING_ICE_TCP_H

#include "signaling/udp_batch.h"

struct ice_tcp;
struct loop;

enum {
	/* Design section 12: unauthenticated connection. */
	ICE_TCP_STRANGER_BYTES = 64 * 1024,
	ICE_TCP_STRANGER_US = 10 * 1000000,
	ICE_TCP_STRANGERS = 256, /* at once: the oldest goes */
	/* Viewer backlog: 1 s or this, and 10 s behind. */
	ICE_TCP_BACKLOG = 512 * 1024,
	ICE_TCP_BEHIND_US = 10 * 1000000,
};

struct ice_tcp_options {
	struct addr bind;
	/* As from a UDP socket. `path.tcp` names the connection, in no callback twice. */
	udp_packet_fn packet;
	void *arg;
};

int ice_tcp_create(struct ice_tcp **out, struct loop *loop, const struct ice_tcp_options *options)
	__attribute__((warn_unused_result));

/* A check over this connection has validated. */
void ice_tcp_admit(struct ice_tcp *tcp, uint32_t id);

/* A run as udp_sender_send() takes it. `urgent`: a single packet that goes even when media may not.
 * 0; -EAGAIN: too much waits, nothing was sent; -ENOTCONN: there is no such connection (any more).
 */
int ice_tcp_send(struct ice_tcp *tcp, uint32_t id, const uint8_t *data, size_t len, size_t segment);
int ice_tcp_send_urgent(struct ice_tcp *tcp, uint32_t id, const uint8_t *data, size_t len);

/* Closes it soon. Unknown ones do not matter. */
void ice_tcp_drop(struct ice_tcp *tcp, uint32_t id);

struct ice_tcp_stats {
	uint64_t connections, strangers; /* now */
	uint64_t refused; /* strangers cut off for bytes, time or number, or for broken framing */
	uint64_t behind; /* cut off for being too slow */
	uint64_t again; /* runs refused because a second of packets waits */
	uint64_t packets_out, bytes_out;
};
void ice_tcp_stats(const struct ice_tcp *tcp, struct ice_tcp_stats *out);

/* Not inside its callback. Takes NULL. */
void ice_tcp_destroy(struct ice_tcp *tcp);

#endif
