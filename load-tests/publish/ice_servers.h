/*
 * STUN and TURN servers as libnice wants them: by address. Names are looked up here, which blocks;
 * so once for each server and not in the middle of a show. One owner.
 */
#ifndef SOUK_LOAD_TESTS_PUBLISH_ICE_SERVERS_H
#define SOUK_LOAD_TESTS_PUBLISH_ICE_SERVERS_H

#include "load-tests/publish/link_header.h"
#include "signaling/ice_full.h"

struct ice_servers {
	struct link_server links[ICE_SERVERS_MAX]; /* own the strings */
	struct ice_server servers[ICE_SERVERS_MAX];
	unsigned count;
};

/* Adds what is found; returns how many were added. Servers by TLS are left out. */
unsigned ice_servers_add(struct ice_servers *servers, const struct link_server *links,
			 unsigned count);

#endif
