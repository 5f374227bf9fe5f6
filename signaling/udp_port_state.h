/*
 * The inside of struct udp_port: for udp_port.c, packets in and out, and udp_session.c, whose they
 * are and whose turn it is. Port's thread.
 */
#ifndef SOUK_SIGNALING_UDP_PORT_STATE_H
#define SOUK_SIGNALING_UDP_PORT_STATE_H

#include "server/core/log.h"
#include "server/core/loop.h"
#include "server/core/map.h"
#include "signaling/udp_hello.h"
#include "signaling/udp_port.h"
#include "signaling/udp_session.h"

struct buf;
struct event;

enum { UDP_WHEEL = 10 }; /* a tick is one list's: a settled session has one a second */

struct udp_port {
	struct loop *loop;
	struct dtls_context *dtls;
	struct udp_scratch *scratch;
	struct udp_scratch *own_scratch; /* NULL when it is shared */
	struct log log;
	int fd;
	struct ice_tcp *tcp; /* NULL: UDP alone */
	struct event *readable;
	struct addr addr;
	struct udp_sender sender;
	struct udp_hellos hellos;
	struct map by_ufrag;
	struct map by_path;
	struct udp_key recent_key; /* of the last look-up; len 0: none */
	struct udp_session *recent;
	struct timer tick;
	struct deferred soon; /* frees ended sessions, runs handshakes */
	struct list young; // udp_session.link
	struct list wheel[UDP_WHEEL]; // udp_session.link
	struct list ended; // udp_session.link
	struct list handshakes; // udp_session.hello_link
	unsigned wheel_at;
	unsigned wheel_next; /* where the next settled session goes */
	unsigned claims_left[2]; /* of SRTP, of SRTCP */
	unsigned tries_left[2];
	uint32_t dropped; /* by the kernel */
	struct udp_port_stats stats;
};

void udp_sessions_init(struct udp_port *port);

/* The session of packets over this path, or NULL. */
struct udp_session *udp_sessions_find(struct udp_port *port, const struct udp_path *path);

/* A datagram of a handshake waits for the session's turn. Takes over the reference. */
void udp_session_keep(struct udp_session *session, struct buf *datagram);

/* Both from the loop alone, never inside a callback of a session. */
void udp_sessions_free_ended(struct udp_port *port);
void udp_sessions_run_handshakes(struct udp_port *port); /* a few; the others soon */

void udp_sessions_tick(struct udp_port *port, int64_t now_us);

#endif
