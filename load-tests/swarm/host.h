/*
 * A host of a room: publishes a file in real time, over and over. Connects again when it is thrown
 * out, as an encoder does. One table of functions a protocol. Owner thread: the scene's loop.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_HOST_H
#define SOUK_LOAD_TESTS_SWARM_HOST_H

#include "load-tests/swarm/scene.h"

struct media_file;

enum { HOST_AGAIN_US = 1000000, HOST_LAYERS_MAX = 4 };

/* What hosts send: the picture with its sound, and smaller layers of the picture. */
struct host_media {
	struct media_file *files[HOST_LAYERS_MAX];
	unsigned count;
};

struct host_figures {
	uint64_t wanted, live; /* publishing now */
	uint64_t frames; /* pictures sent */
	uint64_t bytes;
	uint64_t connections; /* that came to publish */
	uint64_t nacked; /* packets that the server asked for again; WHIP */
};

struct host_ops {
	/* `media` outlives the host. */
	void *(*create)(struct scene *scene, const struct place *place,
			const struct host_media *media);
	void (*add_figures)(const void *host, struct host_figures *sum);
	void (*destroy)(void *host);
};

extern const struct host_ops rtmp_host_ops, whip_host_ops;

#endif
