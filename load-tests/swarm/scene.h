/*
 * What all viewers and buyers of a run share: the loop, the server's address, DTLS and receive
 * buffers, and the account of what went wrong. One thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_SCENE_H
#define SOUK_LOAD_TESTS_SWARM_SCENE_H

#include "load-tests/swarm/options.h"
#include "server/core/loop.h"

struct dtls_context;
struct sctp_hub;
struct udp_scratch;

struct scene {
	const struct swarm_options *options;
	struct clock clock;
	struct loop *loop;
	struct addr local; /* ours towards the server; port 0 */
	struct dtls_context *dtls; /* the same certificate for all */
	struct udp_scratch *scratch;
	struct sctp_hub *sctp; /* NULL: no data channels */
	uint64_t failures;
};

/* Also raises the limit of open files. `options` must outlive the scene. */
int scene_init(struct scene *scene, const struct swarm_options *options)
	__attribute__((warn_unused_result));
void scene_finish(struct scene *scene); /* also of a scene half made */

/* Counts; the first few are printed to stderr. `what` is "whep", "flv" or "buyer". */
void scene_failed(struct scene *scene, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
