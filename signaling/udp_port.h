/*
 * One UDP socket that carries all WebRTC sessions of a worker (udp_session.h), and where asked for
 * a TCP listener of the same number (ice_tcp.h). Packets are told apart by their first byte (RFC
 * 7983 §7); a STUN request finds its session by ufrag, everything else by the path that a validated
 * check bound before. Strangers get no answer. A ClientHello that overtakes the first check is kept
 * a moment. The port, its sessions and its scratch belong to the thread of the loop.
 */
#ifndef SOUK_SIGNALING_UDP_PORT_H
#define SOUK_SIGNALING_UDP_PORT_H

#include "server/core/addr.h"
#include "signaling/ice_tcp.h"
#include "signaling/udp_sender.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_context;
struct ice_agent;
struct log;
struct loop;
struct udp_port;
struct udp_scratch;

/*
 * What the ports of one thread can share: receive buffers, the send buffer, the STUN agent. A load
 * program has a port for each viewer and one scratch. With `gro` the kernel hands over several
 * packets of one sender at once. Outlives the ports that use it.
 */
int udp_scratch_create(struct udp_scratch **out, bool gro) __attribute__((warn_unused_result));
void udp_scratch_destroy(struct udp_scratch *scratch);

struct udp_port_options {
	struct addr bind; /* IPv4 or IPv6, :: is both; port 0: any free one */
	bool tcp; /* takes connections, too, where the number is free */
	struct dtls_context *dtls; /* outlives the port */
	struct udp_scratch *scratch; /* NULL: one of its own */
	const struct log *log; /* NULL: silent */
};

int udp_port_create(struct udp_port **out, struct loop *loop,
		    const struct udp_port_options *options) __attribute__((warn_unused_result));

/* The bound address with its real port. */
const struct addr *udp_port_addr(const struct udp_port *port);
bool udp_port_has_tcp(const struct udp_port *port);
struct loop *udp_port_loop(const struct udp_port *port);
struct dtls_context *udp_port_dtls(const struct udp_port *port);

struct udp_port_stats {
	uint64_t packets_in, bytes_in;
	uint64_t dropped; /* by the kernel: we did not come to read them */
	uint64_t packets_out, bytes_out;
	uint64_t sends; /* system calls */
	uint64_t send_again; /* runs refused because the socket was full */
	uint64_t send_errors;
	uint64_t stun_bad; /* malformed, or MESSAGE-INTEGRITY wrong */
	uint64_t stun_unknown; /* no session of that ufrag */
	uint64_t foreign; /* DTLS, SRTP from no validated address; checks from that of another */
	uint64_t moves; /* of sessions, to another address */
	uint64_t garbage; /* none of the kinds we know, or too long */
	uint64_t hellos_kept;
	uint64_t dtls_repeats; /* flights of a handshake that were sent again */
	uint64_t handshakes_waiting, handshakes_us; /* in line now; time spent on them so far */
	uint64_t sessions; /* now */
	bool gso;
	struct ice_tcp_stats tcp;
};
void udp_port_stats(const struct udp_port *port, struct udp_port_stats *out);

/* All sessions must have been ended. Takes NULL. Not inside a callback of a session. */
void udp_port_destroy(struct udp_port *port);

/* ---- For sessions ---- */

struct ice_agent *udp_port_ice(const struct udp_port *port);
const struct log *udp_port_log(const struct udp_port *port);
/* UDP_RUN_BYTES bytes to build packets in; whatever the port sends next may overwrite it. */
uint8_t *udp_port_buffer(const struct udp_port *port);
/* stun_bad, moves and dtls_repeats are counted by the sessions. */
struct udp_port_stats *udp_port_counts(struct udp_port *port);

/* 0, -EAGAIN (the socket is full; nothing was sent) or another error, counted. Never blocks. Over
 * TCP it goes before media that waits is allowed to grow. */
int udp_port_send(struct udp_port *port, const struct udp_path *path, const void *data, size_t len);

/* `len` bytes as packets of `segment` bytes, the last one may be shorter: at most UDP_RUN_SEGMENTS
 * of them. One system call where the kernel can segment, else one a packet. */
int udp_port_send_run(struct udp_port *port, const struct udp_path *path, const uint8_t *data,
		      size_t len, size_t segment);

#endif
