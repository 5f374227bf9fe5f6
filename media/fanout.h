/*
 * From the buses to the viewers of one worker: one wake-up a frame, then every sink of the
 * broadcast gets it, in slices of at most 2 ms between which the loop serves sockets. The order
 * rotates, so that nobody is always last. Nothing is allocated, locked or logged per viewer and
 * frame. Belongs to its loop's thread.
 */
#ifndef SOUK_MEDIA_FANOUT_H
#define SOUK_MEDIA_FANOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broadcast;
struct fanout;
struct loop;
struct rendition_table;
struct sink;

enum {
	FANOUT_SLICE_US = 2000,
	/* How long Opus that was made here waits for a picture or more of it, so that each viewer
	 * gets them in one send. Much longer costs viewers twice that in their jitter buffers
	 * (decision 0004). A host's own Opus comes evenly and goes at once (decision 0023). */
	FANOUT_SOUND_WAIT_US = 8000,
	/* A worker with little time left waits for the next picture: half of its sends are sound.
	 */
	FANOUT_SOUND_WAIT_BUSY_US = 40000,
	FANOUT_BUSY_FROM = 30, /* percent of a second spent on the fan-out, */
	FANOUT_BUSY_TO = 15, /* until it falls to this */
	FANOUT_SOUND_ALONE_US = 100000, /* no picture for so long: sound does not wait for one */
	/* How long a picture waits for the Opus that is being made of the sound that came with it,
	 * and how long none does after one that waited in vain (decision 0019). */
	FANOUT_PICTURE_WAIT_US = 2000,
	FANOUT_SOUND_LATE_US = 1000000,
	FANOUT_GATHER_US = 80000, /* how long sinks that gather wait for a picture that is due: two
				     of 25 a second, for they do not come on the dot */
};

int fanout_create(struct fanout **out, struct loop *loop) __attribute__((warn_unused_result));

/* The sink's start() comes later, never inside this call. Keeps a reference to the broadcast while
 * a sink of it is registered. */
int fanout_add(struct fanout *fanout, struct broadcast *broadcast, struct sink *sink)
	__attribute__((warn_unused_result));

/* No call of the sink's ops starts after this. Harmless for a sink that is not registered. */
void fanout_remove(struct fanout *fanout, struct sink *sink);

/* From now on the sink is to be shown this rendition (which counts as its reader and so has a rung
 * started); `slot` -1: the largest there is. It changes at a keyframe. Allowed inside the sink's
 * calls; harmless for a sink that is not registered. */
void fanout_want(struct sink *sink, int slot);

/* What the sink's broadcast has to show; NULL for a sink that is not registered. */
const struct rendition_table *fanout_renditions(const struct sink *sink);

/* How many sinks its worker serves; 0 for one that is not registered. */
size_t fanout_audience(const struct sink *sink);

/* A walk over the sinks goes on in the next slice. */
bool fanout_is_walking(const struct fanout *fanout);

struct fanout_stats {
	size_t sinks;
	uint64_t frames; /* frame() calls */
	uint64_t slices;
	uint64_t skips; /* times this worker lost frames and continued at a keyframe */
	bool busy; /* sound waits for pictures */
	int64_t longest_us; /* from the wake-up to the last sink, since the last call */
};
void fanout_stats(struct fanout *fanout, struct fanout_stats *out);

void fanout_destroy(struct fanout *fanout); /* no sink may be left; takes NULL */

#endif
