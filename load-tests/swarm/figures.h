/* The sums over all viewers of a run at one moment, and what the program itself used. Values. */
#ifndef SOUK_LOAD_TESTS_SWARM_FIGURES_H
#define SOUK_LOAD_TESTS_SWARM_FIGURES_H

#include "load-tests/swarm/histogram.h"

#include <stddef.h>
#include <stdint.h>

struct flv_viewer;
struct whep_viewer;

struct viewer_figures {
	uint64_t asked, joined, ended;
	uint64_t units; /* RTP packets, or FLV video frames */
	uint64_t bytes;
	uint64_t lost; /* packets, or gaps in the video's time */
	uint64_t misordered; /* repeated packets, or times that went back */
	uint64_t messages; /* of data channels, or script tags */
	uint64_t receive_drops; /* by our own sockets: the swarm was too slow */
	struct histogram silence; /* each viewer's longest wait for video */
};

void figures_of_whep(struct viewer_figures *out, struct whep_viewer *const *viewers, size_t count);
void figures_of_flv(struct viewer_figures *out, struct flv_viewer *const *viewers, size_t count);

/* User and system time of this process. */
int64_t figures_cpu_us(void);

#endif
