/*
 * ICE for one session: a lite agent that answers checks and follows the client (RFC 8445 §2.5,
 * design "a session moves"), or a controlling client with one candidate. Authentication and
 * messages are libnice's; transactions, paths and consent are kept here. No sockets: replies and
 * checks are written into the caller's buffer. Owned by the thread of the session's port.
 */
#ifndef SOUK_SIGNALING_ICE_H
#define SOUK_SIGNALING_ICE_H

#include "signaling/ice_packet.h"
#include "signaling/ice_seen.h"
#include "signaling/udp_sender.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ICE_CREDENTIAL_MAX = 256, /* RFC 8839 §5.4 */
	ICE_UFRAG_MIN = 4,
	ICE_PWD_MIN = 22,
	ICE_REPLY_MAX = 640, /* USERNAME comes back in it */
	ICE_CONSENT_US = 30 * 1000000, /* RFC 7675 §5.1 */
	ICE_SILENT_US = 3 * 1000000, /* an old path that is silent this long may be left */
};

struct ice_credentials {
	char *ufrag;
	char *pwd;
};

/* libnice's StunAgent: 13 KiB, so one a port (or one for all ports of a thread). */
struct ice_agent;
int ice_agent_create(struct ice_agent **out) __attribute__((warn_unused_result));
void ice_agent_destroy(struct ice_agent *agent); /* takes NULL */

struct ice {
	struct ice_agent *agent;
	bool client;
	struct ice_credentials local;
	struct ice_credentials next; /* after a restart, until the first check that uses them */
	struct ice_credentials remote; /* client only */
	struct udp_path path; /* where to send; remote.len 0: nowhere yet */
	int64_t last_check_us; /* authenticated check (lite) or answer (client); 0: none */
	int64_t path_heard_us; /* something authenticated came over `path` */
	uint64_t moves;
	struct ice_seen seen; /* checks that were taken */
	/* client */
	struct udp_path candidate;
	uint8_t *check; /* sent again until it is answered */
	size_t check_len;
	unsigned tries;
	int64_t next_check_us;
};

struct ice_options {
	bool client;
	const char *local_ufrag, *local_pwd;
	const char *remote_ufrag, *remote_pwd; /* a lite agent needs none */
	struct addr candidate; /* client */
};

/* -EINVAL for bad credentials. ice_finish() also takes a zeroed object. */
int ice_init(struct ice *ice, struct ice_agent *agent, const struct ice_options *options)
	__attribute__((warn_unused_result));
void ice_finish(struct ice *ice);

/* Second credentials for a restart; replaces earlier ones that were not used yet. */
int ice_restart(struct ice *ice, const char *ufrag, const char *pwd)
	__attribute__((warn_unused_result));

struct ice_result {
	bool valid; /* a check or answer that authenticates */
	bool restarted; /* the second credentials became the first */
	bool moved; /* `path` changed */
	size_t reply_len; /* to be sent back over the path it came from */
	uint8_t reply[ICE_REPLY_MAX];
};

/* A packet for this session. Invalid ones change nothing and get no reply; so do copies of checks
 * that came from another address before. */
void ice_receive(struct ice *ice, const struct ice_packet *packet, const struct udp_path *from,
		 int64_t now_us, struct ice_result *result);

/* Authenticated SRTP or SRTCP came over this path. One that is newer than all before (`fresh`)
 * moves the session: nobody can have heard it earlier and sent it again. True when it moved. */
bool ice_heard(struct ice *ice, const struct udp_path *from, bool fresh, int64_t now_us);

/* The session's media runs over this path, and something came from it lately: nobody else can
 * have it. */
bool ice_holds(const struct ice *ice, const struct udp_path *path, int64_t now_us);

/* Client: writes the check that is due now, if any, to be sent to `candidate`. Returns its size or
 * 0. */
size_t ice_check(struct ice *ice, int64_t now_us, uint8_t out[ICE_REPLY_MAX]);

/* No authenticated check (answer) for 30 s; false before the first. */
bool ice_consent_lost(const struct ice *ice, int64_t now_us);

#endif
