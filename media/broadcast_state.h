/*
 * The inside of struct broadcast and of struct publisher: for broadcast.c, whose the room is and
 * who reads, and publish.c, what goes in.
 */
#ifndef SOUK_MEDIA_BROADCAST_STATE_H
#define SOUK_MEDIA_BROADCAST_STATE_H

#include "media/broadcast.h"
#include "media/clock_map.h"
#include "media/publish.h"
#include "server/core/list.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { BROADCAST_SOUNDS = FRAME_TRACKS - TRACK_AAC };

struct sound {
	struct bus *bus;
	/* Guarded by lock. */
	struct media_config *config;
	int64_t end_us; /* media time, of the newest frame */
};

struct broadcast {
	atomic_uint refs;
	const struct clock *clock;
	pthread_mutex_t ops_lock; /* guards ops; held while a callback runs, never with `lock` */
	const struct broadcast_ops *ops;
	void *arg;
	/* Guards everything below but the buses, which guard themselves, and the order of pushes.
	 * Taken before a bus's own lock, never the other way round. */
	pthread_mutex_t lock;
	struct publisher *publisher;
	struct clock_map map;
	int64_t epoch_began_us; /* media time */
	struct renditions video;
	unsigned told; /* waiters know of this change of the renditions */
	struct sound sound[BROADCAST_SOUNDS];
	unsigned readers[FRAME_TRACKS];
	struct list waiters; // broadcast_waiter.link
	unsigned ends;
	int64_t newest_capture_us;
	int64_t former_gap_us; /* of the epoch before this one, for transcoded latecomers */
	bool pushed;
	struct broadcast_stats stats;
};

/* Two owners: its user until broadcast_publish_end(), and a keyframe request on its way. Guarded by
 * the broadcast's lock but for `ended`. */
struct publisher {
	atomic_uint refs;
	struct broadcast *broadcast;
	struct publisher_params params;
	uint32_t epoch;
	bool ended; /* publisher's thread */
	bool began; /* it has pushed */
	unsigned keyed; /* renditions that began, bits 1 << slot */
	bool promised_video, promised_audio;
	struct media_config *promised_aac; /* or NULL */
};

static inline void broadcast_lock(struct broadcast *broadcast)
{
	pthread_mutex_lock(&broadcast->lock);
}

static inline void broadcast_unlock(struct broadcast *broadcast)
{
	pthread_mutex_unlock(&broadcast->lock);
}

struct sound *broadcast_sound(struct broadcast *broadcast, enum codec codec);

struct publisher *publisher_ref(struct publisher *publisher);
/* Runs request_key() on the publisher's thread, unless it has ended by then. Takes over the
 * reference. Without the broadcast's lock. */
void publisher_ask_key(struct publisher *publisher, unsigned slot);

#endif
