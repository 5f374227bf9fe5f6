/*
 * What the crowd knows of a viewer, whatever its kind: it comes, is asked for its figures, and
 * goes. One table of functions a kind. One thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_VIEWER_H
#define SOUK_LOAD_TESTS_SWARM_VIEWER_H

#include "load-tests/swarm/scene.h"

/* Sums over viewers; each adds its own. */
struct viewer_figures {
	uint64_t asked, joined, ended, refused;
	uint64_t waiting; /* for their first picture, and not too long yet */
	uint64_t units; /* RTP packets, FLV video tags, or live messages */
	uint64_t bytes;
	uint64_t lost; /* packets, or gaps in the video's time */
	uint64_t expected; /* what `lost` is a share of */
	uint64_t misordered; /* repeated packets, or times that went back */
	uint64_t messages; /* live messages as they came, a batch is one */
	uint64_t events, event_gaps;
	uint64_t frames;
	uint64_t freezes;
	int64_t frozen_us, watched_us;
	uint64_t nacked, repaired; /* packets */
	uint64_t receive_drops; /* by our own sockets: the swarm was too slow */
	struct histogram silence; /* each viewer's longest gap between frames */
	struct histogram key_join; /* request to first keyframe, of those who can tell */
};

enum { VIEWER_WAIT_US = 10 * 1000000 }; /* for a first picture */

/* The two ways of counting, of one viewer that decrypts. */
struct viewer_proof {
	uint64_t packets, lost, frames, keyframes, freezes; /* packets: expected */
	int64_t frozen_us, watched_us;
	uint64_t broken, undecodable, number_gaps, malformed; /* full alone */
};

struct viewer_ops {
	enum client_kind kind;
	/* Begins at once; what fails goes to the scene. */
	void *(*create)(struct scene *scene, const struct place *place);
	/* Once a second: measures that belong to the second are handed to the scene. */
	void (*second)(void *viewer, int64_t now_us);
	void (*add_figures)(const void *viewer, struct viewer_figures *sum, int64_t now_us);
	/* False when it does not decrypt. NULL: this kind never does. */
	bool (*proof)(const void *viewer, struct viewer_proof *cheap, struct viewer_proof *full,
		      int64_t now_us);
	uint16_t (*udp_port)(const void *viewer); /* NULL: none */
	bool (*ended)(const void *viewer); /* it is only to be destroyed */
	/* In good order, or (`vanish`) without a word. Not inside its own callbacks. */
	void (*destroy)(void *viewer, bool vanish);
};

extern const struct viewer_ops whep_viewer_ops, flv_viewer_ops, ws_viewer_ops;

#endif
