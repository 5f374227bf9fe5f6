/*
 * H.264 from pictures, one stream: constrained baseline, no B-frames, one slice a picture, so that
 * each picture comes out within the call that put it in. Keyframes come when asked for and never
 * otherwise. Which element does the work is chosen by name from a table. One thread at a time.
 */
#ifndef SOUK_MEDIA_TRANSCODER_ENCODER_H
#define SOUK_MEDIA_TRANSCODER_ENCODER_H

#include <gst/gst.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct encoder;
struct encoder_kind; /* a row of the table */

/* NULL: no element of that name is known. */
const struct encoder_kind *encoder_kind(const char *name);

/* It works with a video device, so in another sandbox. */
bool encoder_has_device(const struct encoder_kind *kind);

/* Before the sandbox. */
int encoder_load_plugins(const struct encoder_kind *kind) __attribute__((warn_unused_result));

struct encoder_params {
	const struct encoder_kind *kind;
	const char *preset; /* of x264 */
	GstCaps *pictures; /* raw, I420, with size and frame rate; borrowed */
	uint32_t bps;
	/* An AVCDecoderConfigurationRecord; before the first frame, and again when it changed. */
	void (*config)(const uint8_t *data, size_t len, void *arg);
	/* NAL units after 4-byte lengths; `pts` is that of the picture. */
	void (*frame)(const uint8_t *data, size_t len, GstClockTime pts, bool key, void *arg);
	void *arg;
};

int encoder_create(struct encoder **out, const struct encoder_params *params)
	__attribute__((warn_unused_result));

/* Takes the picture over. Its pts is larger than the one before, and than ENCODER_PTS_MIN. */
int encoder_push(struct encoder *encoder, GstBuffer *picture, bool key)
	__attribute__((warn_unused_result));

/* x264enc moves streams that start earlier, to have room for decoding times before 0. */
#define ENCODER_PTS_MIN (2000UL * 3600 * GST_SECOND)

/* Takes NULL. */
void encoder_destroy(struct encoder *encoder);

#endif
