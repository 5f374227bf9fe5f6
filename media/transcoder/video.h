/*
 * Rungs of one source: its pictures are decoded once, then each lane that has a rung encodes them.
 * The time of a picture is carried through as it is. Lanes are started with the object, so before
 * the sandbox. Owner: the thread that reads the socket; `out` is called on it and on the lanes'.
 */
#ifndef SOUK_MEDIA_TRANSCODER_VIDEO_H
#define SOUK_MEDIA_TRANSCODER_VIDEO_H

#include "media/transcoder/protocol.h"

struct encoder_kind;
struct video;

struct video_params {
	const struct encoder_kind *kind;
	const char *preset;
	struct protocol_progress *progress; /* counted up; outlives the object */
	/* RUNG_CONFIGs and RUNG_FRAMEs, valid during the call. Any thread, several at a time. */
	void (*out)(const struct protocol_message *message, void *arg);
	void *arg;
};

int video_create(struct video **out, const struct video_params *params)
	__attribute__((warn_unused_result));

/* The source, or its parameter sets from now on. */
int video_configure(struct video *video, const struct protocol_avcc *avcc)
	__attribute__((warn_unused_result));

void video_set_rungs(struct video *video, const struct protocol_rungs *rungs);

/* One that cannot be decoded is counted, and nothing comes until the next keyframe. An error means
 * that this process cannot go on. */
int video_push(struct video *video, const struct protocol_picture *picture)
	__attribute__((warn_unused_result));

/* Waits for the lanes. Takes NULL. */
void video_destroy(struct video *video);

#endif
