/*
 * Who publishes into a broadcast. The inside of struct publisher, for broadcast.c alone: guarded by
 * the broadcast's lock unless it says otherwise.
 */
#ifndef SOUK_MEDIA_PUBLISHER_H
#define SOUK_MEDIA_PUBLISHER_H

#include "media/broadcast.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Two owners: its user until broadcast_publish_end(), and a keyframe request on its way. */
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

/* Takes a reference to the broadcast. */
struct publisher *publisher_create(struct broadcast *broadcast,
				   const struct publisher_params *params);
struct publisher *publisher_ref(struct publisher *publisher);
void publisher_unref(struct publisher *publisher);

/* Runs request_key() on the publisher's thread, unless it has ended by then. Takes over the
 * reference. Without the broadcast's lock. */
void publisher_ask_key(struct publisher *publisher, unsigned slot);

#endif
