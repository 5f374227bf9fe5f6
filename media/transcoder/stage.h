/*
 * A chain of GStreamer elements driven by hand: a buffer pushed in runs through all of them before
 * the call returns, and what comes out arrives in a callback meanwhile. No pipeline, no bus, no
 * threads, so it works in the sandbox and its order is certain. One owner, one thread.
 */
#ifndef SOUK_MEDIA_TRANSCODER_STAGE_H
#define SOUK_MEDIA_TRANSCODER_STAGE_H

#include <stddef.h>
#include <stdint.h>

struct stage;

/* `rate` is that of the caps in force, 0 when they have none. */
typedef void (*stage_fn)(const uint8_t *data, size_t len, uint32_t rate, void *arg);

/* Loads the plugins that stages are made of. Once a process, before the sandbox. */
int stage_load_plugins(void) __attribute__((warn_unused_result));

struct stage_params {
	const char *elements; /* as for gst-launch */
	const char *in; /* caps of what is pushed */
	const uint8_t *codec_data; /* joins `in`; may be NULL */
	size_t codec_data_len;
	const char *out; /* caps that may come out */
};

int stage_create(struct stage **out, const struct stage_params *params, stage_fn fn, void *arg)
	__attribute__((warn_unused_result));

/* Copies `data`; NULL stands for zeros. `at_us` only has to grow by `duration_us` each time.
 * -EBADMSG when an element refused it: then the stage is of no use any more. */
int stage_push(struct stage *stage, const uint8_t *data, size_t len, int64_t at_us,
	       int64_t duration_us) __attribute__((warn_unused_result));

/* Takes NULL. */
void stage_destroy(struct stage *stage);

#endif
