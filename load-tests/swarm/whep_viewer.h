/*
 * One WebRTC viewer: WHEP over HTTP, then ICE, DTLS and SRTP on a socket of its own. Counts what
 * comes, answers with receiver reports. Owner thread: the scene's loop.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_WHEP_VIEWER_H
#define SOUK_LOAD_TESTS_SWARM_WHEP_VIEWER_H

#include "load-tests/swarm/join_times.h"
#include "load-tests/swarm/rtp_track.h"

struct scene;
struct whep_viewer;

/* Begins at once; failures go to the scene. `times` must outlive the viewer. */
void whep_viewer_create(struct whep_viewer **out, struct scene *scene, struct join_times *times,
			bool decrypt);

struct whep_figures {
	bool joined; /* got video */
	bool ended; /* was connected and is no more */
	uint64_t packets, bytes; /* RTP */
	uint64_t messages; /* of the data channel */
	uint16_t port; /* UDP, ours; 0: none */
	struct rtp_track video, audio;
};
void whep_viewer_figures(const struct whep_viewer *viewer, struct whep_figures *out);

/* Leaves orderly. Not inside a callback of the viewer's peer. Takes NULL. */
void whep_viewer_destroy(struct whep_viewer *viewer);

#endif
