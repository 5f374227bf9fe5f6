/*
 * Sending over one UDP socket: a run of equal packets leaves in one system call where the kernel
 * segments (UDP_SEGMENT), which is what makes a large fan-out possible; else one call a packet.
 * Never blocks. One thread.
 */
#ifndef SOUK_SIGNALING_UDP_SENDER_H
#define SOUK_SIGNALING_UDP_SENDER_H

#include "server/core/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A run is at most what the kernel segments at once (UDP_MAX_SEGMENTS) and one IP packet. */
enum { UDP_RUN_SEGMENTS = 64, UDP_RUN_BYTES = 65000 };

/* Where packets come from and go to. `local` matters only when the socket is bound to all
 * addresses: an answer leaves from the one that was asked. */
struct udp_path {
	struct addr remote;
	struct addr local; /* len 0: not needed */
	uint32_t tcp; /* the connection of an ice_tcp instead; 0: UDP */
};

struct udp_sender {
	int fd;
	bool gso;
	bool v6; /* of an IPv6 socket, on which IPv4 goes in its mapped form */
	uint64_t packets, bytes;
	uint64_t calls;
	uint64_t again; /* refused because the socket was full */
	uint64_t errors;
};

/* Asks the kernel whether it segments. The descriptor stays the caller's. */
void udp_sender_init(struct udp_sender *sender, int fd);

/* `len` bytes as packets of `segment` bytes, the last may be shorter; at most UDP_RUN_SEGMENTS and
 * UDP_RUN_BYTES. 0, -EAGAIN when the socket is full (what was sent before stays sent), or -errno,
 * both counted. */
int udp_sender_send(struct udp_sender *sender, const struct udp_path *path, const uint8_t *data,
		    size_t len, size_t segment);

#endif
