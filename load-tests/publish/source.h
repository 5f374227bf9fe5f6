/*
 * Where pictures and sound come from: a file, decoded and encoded again in real time, or any
 * GStreamer pipeline of the user's. Hands over frames as media/ knows them, each with the time it
 * was captured at on the monotonic clock.
 *
 * GStreamer's own threads work inside; everything here and all callbacks belong to the thread that
 * makes the source and to its GLib main context, which must be the default one.
 */
#ifndef SOUK_LOAD_TESTS_PUBLISH_SOURCE_H
#define SOUK_LOAD_TESTS_PUBLISH_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

struct frame;
struct source;

struct source_ops {
	/* What there is to publish is known; source_start() lets it run. */
	void (*ready)(void *arg, bool video, bool audio);
	/* The callee owns the frame. */
	void (*frame)(void *arg, struct frame *frame, int64_t capture_us);
	/* No more comes: the end of the file (`error` NULL), or what went wrong. Not in a frame's
	 * callback. */
	void (*ended)(void *arg, const char *error);
};

struct source_options {
	const char *file; /* one of the two */
	/* Has an appsink `picture` (H.264) or `sound` (Opus) or both; an encoder called `video`
	 * follows the path. */
	const char *pipeline;
	int64_t video_bps; /* to begin with */
	int64_t key_interval_s; /* of the file's encoder */
	const struct source_ops *ops;
	void *arg;
};

/* -EINVAL and `error` (to be freed) when the pipeline cannot be built. */
int source_create(struct source **out, const struct source_options *options, char **error)
	__attribute__((warn_unused_result));

void source_start(struct source *source);
/* False: the pipeline has no encoder that can be told. */
bool source_set_bitrate(struct source *source, int64_t video_bps);
void source_request_key(struct source *source);

/* No callback comes after this. Takes NULL. */
void source_destroy(struct source *source);

#endif
