/*
 * A rung at work: a thread of its own that scales pictures and encodes them. The thread is started
 * before the sandbox, which allows none later; an encoder is there only while the rung runs. At
 * most LANE_WAITING pictures wait, then who brings the next one does: so a slow rung holds up the
 * decoder, and that the parent, which knows what to leave out. Owner: the decoding thread.
 */
#ifndef SOUK_MEDIA_TRANSCODER_LANE_H
#define SOUK_MEDIA_TRANSCODER_LANE_H

#include "media/transcoder/encoder.h"
#include "media/transcoder/protocol.h"

struct gate;
struct lane;

enum { LANE_WAITING = 3 };

struct lane_params {
	uint8_t slot;
	const struct encoder_kind *kind;
	const char *preset;
	struct gate *gate; /* of all lanes; outlives them */
	/* A RUNG_CONFIG or RUNG_FRAME of the slot; on the lane's thread, valid during the call. */
	void (*out)(const struct protocol_message *message, void *arg);
	void *arg;
};

int lane_create(struct lane **out, const struct lane_params *params)
	__attribute__((warn_unused_result));

struct lane_picture {
	GstBuffer *buffer; /* with its pts; borrowed, never written to */
	GstCaps *caps; /* of the buffer; borrowed */
	int64_t media_us;
	uint32_t epoch;
	bool key;
};

/* What the pictures from now on become. NULL: none come, the encoder is given up. */
void lane_set_rung(struct lane *lane, const struct protocol_rung *rung, uint32_t frame_us);

bool lane_runs(const struct lane *lane); /* it has a rung */

/* Waits while the lane is full. An error says that its encoder failed: the process is to end. */
int lane_push(struct lane *lane, const struct lane_picture *picture)
	__attribute__((warn_unused_result));

/* Waits for the thread's end. Takes NULL. */
void lane_destroy(struct lane *lane);

#endif
