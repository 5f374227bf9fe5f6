/*
 * One source being given out in another codec: decode, put on the time line, resample, encode. The
 * time of a frame out says where its first decoded sample belongs, so the delay that an encoder
 * adds is already taken off. Works inside the sandbox. One owner, one thread.
 */
#ifndef SOUK_MEDIA_TRANSCODER_SESSION_H
#define SOUK_MEDIA_TRANSCODER_SESSION_H

#include "media/transcoder/protocol.h"

struct session;

/* A frame out; valid during the call. */
typedef void (*session_fn)(const struct protocol_frame *frame, void *arg);

struct session_params {
	const struct protocol_config *config;
	int64_t not_before_us; /* no frame out starts earlier; INT64_MIN: whatever comes */
	struct protocol_progress *progress; /* counted up; outlives the session */
	session_fn fn;
	void *arg;
};

int session_create(struct session **out, const struct session_params *params)
	__attribute__((warn_unused_result));

/* Calls back for what it completes. A frame that cannot be decoded is counted and becomes silence.
 * An error means that this process cannot go on. */
int session_push(struct session *session, const struct protocol_frame *frame)
	__attribute__((warn_unused_result));

/* Where the last frame out ended: what follows this session must not start before. */
int64_t session_end_us(const struct session *session);

/* Takes NULL. */
void session_destroy(struct session *session);

#endif
