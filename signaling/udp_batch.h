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

/* Called for each packet; `data` may be changed. Empty ones and those
 * too long for a buffer come with len 0. */
typedef void (*udp_packet_fn)(void *arg, uint8_t *data, size_t len, const struct udp_path *path);

/* Takes one batch off the socket. False when the socket had no more than that. `dropped` is set to
 * what the kernel has dropped since the socket was opened, once that is anything (SO_RXQ_OVFL). */
bool udp_batch_receive(struct udp_batch *batch, int fd, uint32_t *dropped, udp_packet_fn fn,
		       void *arg);

#endif
