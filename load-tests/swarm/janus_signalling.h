/*
 * How a viewer of Janus' streaming plugin gets its session, over Janus' own HTTP API: session,
 * handle, `watch`, the server's offer by a long poll, `start` with our answer. For comparisons; it
 * is told that a viewer goes by the end of its DTLS alone. Owner thread: the scene's loop.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_JANUS_SIGNALLING_H
#define SOUK_LOAD_TESTS_SWARM_JANUS_SIGNALLING_H

#include "server/core/bytes.h"
#include "signaling/sdp_agreement.h"

struct addr;
struct janus_signalling;
struct loop;

struct janus_signalling_ops {
	/* Once. janus_signalling_answer() follows, in here or later. */
	void (*offer)(void *arg, const char *sdp, size_t len);
	/* No session will come about. Once; destroy it, not in here. */
	void (*failed)(void *arg, const char *why);
};

/* Begins at once. `path`: of the API, "/janus"; copied. `server` and `ops` outlive it. */
void janus_signalling_create(struct janus_signalling **out, struct loop *loop,
			     const struct addr *server, const char *path,
			     const struct janus_signalling_ops *ops, void *arg);
void janus_signalling_answer(struct janus_signalling *signalling, const char *sdp);
void janus_signalling_destroy(struct janus_signalling *signalling); /* takes NULL */

/* What a viewer says to such an offer: recvonly, full ICE, DTLS active. */
int janus_signalling_agree(struct sdp_agreement *out, struct bytes *answer, const char *offer,
			   size_t len, const struct sdp_local *local, struct sdp_error *error)
	__attribute__((warn_unused_result));

#endif
