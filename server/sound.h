/*
 * Sound for everybody: while somebody listens to an audio codec that the source does not bring, a
 * transcoder makes it from the other one. One direction of one room, in its home worker's thread.
 */
#ifndef SOUK_SERVER_SOUND_H
#define SOUK_SERVER_SOUND_H

#include "media/frame.h"
#include "media/sink.h"

struct broadcast;
struct fanout;
struct transcode;
struct transcode_pool;

struct sound {
	struct sink sink; /* hears the source's codec */
	struct broadcast *broadcast;
	struct fanout *fanout;
	struct transcode_pool *pool;
	uint32_t made_epoch; /* the last one that it made sound for */
	enum codec to;
	struct transcode *transcode; /* NULL: not needed, or the source is not known yet */
	uint64_t told_cpu_us; /* of `transcode` */
	bool running;
};

void sound_init(struct sound *sound, enum codec to, struct broadcast *broadcast,
		struct fanout *fanout, struct transcode_pool *pool);

/* Starts or stops by what the source brings and whether somebody listens. */
void sound_update(struct sound *sound);

/* CPU time that the transcoder took since the last call. */
uint64_t sound_cpu_us(struct sound *sound);

void sound_finish(struct sound *sound);

#endif
