/*
 * One generation of a full, controlling ICE agent over libnice's NiceAgent, for programs that are
 * clients: souk-publish, the studio, a node that pulls from another. It gathers, trickles, checks,
 * nominates and keeps consent fresh (RFC 7675). A restart is a second generation beside the first:
 * new sockets too, so that it also helps after a change of network.
 *
 * Runs in the GLib main context that is the default of the thread that makes it; that thread owns
 * it and gets all callbacks. In a callback anything may be called, ice_full_destroy() included.
 */
#ifndef SOUK_SIGNALING_ICE_FULL_H
#define SOUK_SIGNALING_ICE_FULL_H

#include "signaling/sdp_agreement.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ice_full;

enum { ICE_SERVERS_MAX = 8 };

/* RFC 7064, RFC 7065. Strings are borrowed. */
struct ice_server {
	struct addr addr;
	bool relay; /* TURN; else STUN */
	bool tcp; /* TURN by TCP */
	const char *username; /* TURN */
	const char *credential;
};

struct ice_full_ops {
	/* One of ours: "a=candidate:…\r\n". Comes inside ice_full_gather() for host candidates. */
	void (*candidate)(void *arg, const char *line);
	void (*gathered)(void *arg);
	/* A pair is nominated: ice_full_send() works. */
	void (*ready)(void *arg);
	/* No pair left, or consent is gone. It may become ready again. */
	void (*failed)(void *arg);
	void (*packet)(void *arg, uint8_t *data, size_t len); /* may be changed in place */
};

struct ice_full_options {
	const struct ice_server *servers; /* the first STUN server, and all TURN servers are used */
	unsigned server_count;
	const struct addr *bind; /* only this address of ours; NULL: all but loopback */
	const struct ice_full_ops *ops;
	void *arg;
};

int ice_full_create(struct ice_full **out, const struct ice_full_options *options)
	__attribute__((warn_unused_result));

/* Ours, for the SDP; live as long as the agent. */
const char *ice_full_ufrag(const struct ice_full *ice);
const char *ice_full_pwd(const struct ice_full *ice);

int ice_full_gather(struct ice_full *ice) __attribute__((warn_unused_result));

/* The other side, whose candidates are complete; checks begin. -EINVAL: nothing usable in it. */
int ice_full_remote(struct ice_full *ice, const struct sdp_ice *credentials,
		    const struct sdp_candidate *candidates, unsigned count)
	__attribute__((warn_unused_result));

/* -ENOTCONN before it is ready, -EAGAIN when the socket is full. */
int ice_full_send(struct ice_full *ice, const uint8_t *data, size_t len);

/* Addresses of the nominated pair as "ip:port"; false before it is ready. */
bool ice_full_pair(const struct ice_full *ice, char local[ADDR_TEXT], char remote[ADDR_TEXT]);

/* No callback comes after this. Takes NULL. */
void ice_full_destroy(struct ice_full *ice);

#endif
