/*
 * A chain of GStreamer elements driven by hand: a buffer pushed in runs through all of them before
 * the call returns, and what comes out arrives in a callback meanwhile. No pipeline, no bus, no
 * threads, so it works in the sandbox and its order is certain. One owner, one thread at a time.
 */
#ifndef SOUK_MEDIA_TRANSCODER_STAGE_H
#define SOUK_MEDIA_TRANSCODER_STAGE_H

#include <gst/gst.h>
#include <stddef.h>
#include <stdint.h>

struct stage;

/* What is passed is valid during the call; who keeps it takes a reference. */
struct stage_ops {
	void (*caps)(GstCaps *caps, void *arg); /* of the buffers from now on; may be NULL */
	void (*buffer)(GstBuffer *buffer, void *arg);
};

/* Loads a plugin of GStreamer's own folder, "opus". Before the sandbox. */
int stage_load_plugin(const char *name) __attribute__((warn_unused_result));

/* Caps from text, with codec_data unless that is NULL. NULL when the text does not parse. */
GstCaps *stage_caps(const char *text, const uint8_t *codec_data, size_t len);

struct stage_params {
	const char *elements; /* as for gst-launch */
	GstCaps *in; /* of what is pushed; borrowed */
	const char *out; /* caps that may come out */
	const struct stage_ops *ops;
	void *arg;
};

int stage_create(struct stage **out, const struct stage_params *params)
	__attribute__((warn_unused_result));

/* Other caps of the same kind from now on. What the elements hold comes out before. */
int stage_change(struct stage *stage, GstCaps *in) __attribute__((warn_unused_result));

/* Takes the buffer over. -EBADMSG when an element refused it: then the stage is of no use any more.
 */
int stage_push(struct stage *stage, GstBuffer *buffer) __attribute__((warn_unused_result));

/* What the elements still hold comes out; nothing may be pushed any more. */
void stage_drain(struct stage *stage);

/* An encoder makes the next buffer a keyframe. */
void stage_force_key(struct stage *stage);

/* Takes NULL. */
void stage_destroy(struct stage *stage);

#endif
