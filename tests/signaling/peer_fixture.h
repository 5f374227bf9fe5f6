/*
 * Two ports on one loop with a peer each, over real loopback sockets. The clock is the machine's
 * own plus what a test adds, because OpenSSL and usrsctp have clocks of their own.
 */
#ifndef SOUK_TESTS_PEER_FIXTURE_H
#define SOUK_TESTS_PEER_FIXTURE_H

#include "server/core/loop.h"
#include "signaling/peer.h"
#include "signaling/udp_port.h"

enum { SIDE_PACKETS = 256, SIDE_PACKET_MAX = 1500 };

struct jump_clock {
	struct clock clock; /* give &jump.clock to loop_create() */
	int64_t ahead_us;
};
void jump_clock_init(struct jump_clock *jump);

struct packet {
	size_t len;
	uint8_t data[SIDE_PACKET_MAX];
};

/* One end; `peer` is NULL once it was closed. */
struct side {
	struct udp_port *port;
	struct dtls_context *dtls;
	struct peer *peer;
	char ufrag[PEER_UFRAG_LEN + 1], pwd[PEER_PWD_LEN + 1];
	int connected, closed;
	enum peer_reason reason;
	bool close_in_callback; /* peer_close() inside of closed() */
	struct peer *close_when_connected; /* peer_close() of this one inside of connected() */
	int rtp, rtcp, sctp;
	struct packet packets[SIDE_PACKETS]; /* the last RTP packets */
	int64_t arrived_us; /* of the last RTP or RTCP */
	struct packet last; /* RTCP or SCTP */
};

struct pair {
	struct jump_clock clock;
	struct loop *loop;
	struct loop *client_loop; /* the same, unless a test wants the client to fall silent */
	struct side server, client;
};

/* Ports on 127.0.0.1, no peers yet. */
void pair_init(struct pair *pair, bool two_loops);
void pair_finish(struct pair *pair);

/* The server's options as both sides know them; change and hand to peer_create(). */
struct peer_options pair_server_options(struct pair *pair);
struct peer_options pair_client_options(struct pair *pair);
/* Creates both peers and waits until both are connected. */
void pair_connect(struct pair *pair);

/* Serves the loops until `*counter` is at least `want`; false after 5 s. */
bool pair_wait(struct pair *pair, const int *counter, int want);
/* Serves the loops for this long. */
void pair_serve(struct pair *pair, int64_t us);

/* A plain UDP socket on loopback, and what it gets within 50 ms (0: nothing). */
int stranger_open(struct addr *addr);
void stranger_send(int fd, const struct udp_port *port, const void *data, size_t len);
size_t stranger_receive(struct pair *pair, int fd, void *out, size_t size);

#endif
