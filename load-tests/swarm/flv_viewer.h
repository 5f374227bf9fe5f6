/* One HTTP-FLV viewer: reads the stream as fast as it comes and counts. Owner thread: the scene's
 * loop. */
#ifndef SOUK_LOAD_TESTS_SWARM_FLV_VIEWER_H
#define SOUK_LOAD_TESTS_SWARM_FLV_VIEWER_H

#include "load-tests/swarm/flv_reader.h"
#include "load-tests/swarm/join_times.h"

struct flv_viewer;
struct scene;

/* Begins at once; failures go to the scene. */
void flv_viewer_create(struct flv_viewer **out, struct scene *scene, struct join_times *times);

struct flv_figures {
	bool ended; /* the stream stopped */
	uint64_t bytes;
	int64_t silence_us; /* the longest time without a byte, after the first video */
	const struct flv_reader *reader;
};
void flv_viewer_figures(const struct flv_viewer *viewer, struct flv_figures *out);

void flv_viewer_destroy(struct flv_viewer *viewer); /* takes NULL */

#endif
