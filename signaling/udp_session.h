/*
 * A port's end of one WebRTC session: by what its packets are known, and when its turn comes.
 * Struct peer embeds one. It may be ended inside any of its callbacks; the port frees it in the
 * next turn. Port's thread.
 */
#ifndef SOUK_SIGNALING_UDP_SESSION_H
#define SOUK_SIGNALING_UDP_SESSION_H

#include "server/core/list.h"
#include "signaling/udp_key.h"
#include "signaling/udp_sender.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ice_packet;
struct udp_packet;
struct udp_port;
struct udp_session;

enum { UDP_SESSION_PATHS = 4 };

struct udp_session_ops {
	/* A check or an answer for this session, already scanned, not yet authenticated. */
	void (*stun)(struct udp_session *session, const struct ice_packet *packet,
		     const struct udp_path *path);
	void (*dtls)(struct udp_session *session, const uint8_t *data, size_t len);
	/* SRTP, which may be changed in place, or SRTCP. -EBADMSG: does not authenticate. */
	int (*srtp)(struct udp_session *session, const struct udp_packet *packet);
	/* SRTP or SRTCP from an address that nobody has now. -ESRCH: certainly not mine (cheap);
	 * -EBADMSG: does not authenticate; 0: mine, and handled. */
	int (*claim)(struct udp_session *session, const struct udp_packet *packet);
	/* Whether it lives on this path now: others' checks from there are forged. */
	bool (*holds)(const struct udp_session *session, const struct udp_path *path);
	/* Every 100 ms until udp_session_settle(), then once a second. */
	void (*tick)(struct udp_session *session, int64_t now_us);
	void (*free)(struct udp_session *session);
};

struct udp_session {
	const struct udp_session_ops *ops;
	struct udp_port *port;
	struct list link; // port->young, port->wheel[] or port->ended
	struct list hello_link; // port->handshakes
	struct list inbox; // handshake datagrams that wait for their turn
	unsigned inbox_count;
	bool settled;
	bool prompt; /* its handshake does not wait for a turn, as a client has no others */
	bool ended;
	struct udp_key paths[UDP_SESSION_PATHS]; /* validated, the oldest is replaced */
	unsigned path_next;
};

void udp_session_init(struct udp_session *session, struct udp_port *port,
		      const struct udp_session_ops *ops);
/* Packets with this ufrag are the session's. -EEXIST when it is taken on this port. */
int udp_session_add_ufrag(struct udp_session *session, const char *ufrag)
	__attribute__((warn_unused_result));
void udp_session_drop_ufrag(struct udp_session *session, const char *ufrag);
/* Packets over this path are the session's from now on (and of nobody else); of its older ones
 * `keep` is not given up. Kept ClientHellos of the address follow. */
void udp_session_add_path(struct udp_session *session, const struct udp_path *path,
			  const struct udp_path *keep);
/* The handshake is over: ticks get rare, DTLS is delivered at once. */
void udp_session_settle(struct udp_session *session);
/* Ufrags must have been dropped. No callback after this but free(), in the next turn. */
void udp_session_end(struct udp_session *session);

#endif
