/*
 * What appsinks hand out, as frames: H.264 with 4-byte lengths and its configuration, or Opus. One
 * for each appsink. Inner part of source.c; the source's thread.
 */
#ifndef SOUK_LOAD_TESTS_PUBLISH_SOURCE_FRAME_H
#define SOUK_LOAD_TESTS_PUBLISH_SOURCE_FRAME_H

#include <gst/gst.h>
#include <stdbool.h>

struct frame;
struct media_config;

struct source_track {
	bool video;
	GstCaps *caps; /* that `config` was made from */
	struct media_config *config;
};

/* What an appsink must be set to. */
const char *source_track_caps(bool video);

/* NULL when the sample holds no frame, or one that is not what source_track_caps() says. */
struct frame *source_track_frame(struct source_track *track, GstSample *sample);
void source_track_finish(struct source_track *track);

#endif
