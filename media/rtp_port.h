/*
 * How RTP leaves this folder: the server binds a port of this kind to a WebRTC peer. One port is
 * one viewer's transport; calls are made on the thread of the worker that owns it.
 */
#ifndef SOUK_MEDIA_RTP_PORT_H
#define SOUK_MEDIA_RTP_PORT_H

#include <stddef.h>
#include <stdint.h>

/* 12 bytes fixed and room for one-byte header extensions (RFC 8285). */
enum { RTP_HEADER_MAX = 64, RTP_RUN_MAX = 64 };

struct rtp_packet {
	uint8_t header[RTP_HEADER_MAX];
	uint8_t header_len;
	uint16_t payload_len;
	const uint8_t *payload; /* shared with other viewers: read only, valid during the call */
};

struct rtp_port_ops {
	/* Protects and sends `count` (1..RTP_RUN_MAX) packets to the one destination, in order.
	 * Equal sizes but for a shorter last one leave in one system call. 0, -EAGAIN when the
	 * socket is full (nothing more of this run was sent), -ENOTCONN when the peer is not (or no
	 * longer) ready. */
	int (*send)(void *arg, const struct rtp_packet *packets, size_t count);
	/* Protects and sends one compound or reduced-size RTCP packet. */
	int (*send_rtcp)(void *arg, const uint8_t *packet, size_t len);
};

struct rtp_port {
	const struct rtp_port_ops *ops;
	void *arg;
};

static inline int rtp_port_send(const struct rtp_port *port, const struct rtp_packet *packets,
				size_t count)
{
	return port->ops->send(port->arg, packets, count);
}

static inline int rtp_port_send_rtcp(const struct rtp_port *port, const uint8_t *packet, size_t len)
{
	return port->ops->send_rtcp(port->arg, packet, len);
}

#endif
