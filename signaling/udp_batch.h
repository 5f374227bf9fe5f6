/*
 * Receive buffers for many datagrams in one system call; with GRO a buffer holds several packets
 * of one sender and is taken apart here. Not bound to a socket: the ports of one thread share it.
 */
#ifndef SOUK_SIGNALING_UDP_BATCH_H
#define SOUK_SIGNALING_UDP_BATCH_H

#include "signaling/udp_sender.h"

struct udp_batch;

int udp_batch_create(struct udp_batch **out, bool gro) __attribute__((warn_unused_result));
void udp_batch_destroy(struct udp_batch *batch); /* takes NULL */
bool udp_batch_gro(const struct udp_batch *batch);

struct udp_packet {
	uint8_t *data; /* may be changed */
	size_t len; /* 0: empty, or too long for a buffer */
	const struct udp_path *path;
	int64_t age_us; /* how long the kernel had it before we came to read it, at most a second */
};

typedef void (*udp_packet_fn)(void *arg, const struct udp_packet *packet);

/* Takes one batch off the socket. False when the socket had no more than that. `dropped` is set to
 * what the kernel has dropped since the socket was opened, once that is anything (SO_RXQ_OVFL). */
bool udp_batch_receive(struct udp_batch *batch, int fd, uint32_t *dropped, udp_packet_fn fn,
		       void *arg);

#endif
