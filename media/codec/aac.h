/*
 * AudioSpecificConfig (ISO 14496-3 §1.6.2.1), the decoder configuration of AAC. Bounded; any
 * thread.
 */
#ifndef SOUK_MEDIA_AAC_H
#define SOUK_MEDIA_AAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct media_config;

enum { AAC_LC = 2, AAC_SBR = 5, AAC_PS = 29, AAC_CONFIG_MAX = 64, AAC_FRAME_SAMPLES = 1024 };

struct aac_config {
	uint8_t object_type; /* of the core: AAC_LC when SBR or PS wraps it */
	uint32_t sample_rate; /* of the core */
	uint8_t channels; /* 1..8 */
	bool short_frames; /* 960 samples a frame */
};

/* -EINVAL: malformed, or channels described by a program element (not seen live). */
int aac_config_parse(struct aac_config *out, const void *data, size_t len)
	__attribute__((warn_unused_result));

/* AAC-LC in its two bytes; -EINVAL for a rate or channel count that has no index. */
int aac_config_build(uint8_t out[2], uint32_t sample_rate, unsigned channels)
	__attribute__((warn_unused_result));

/* One AAC-LC frame of silence, of any rate; NULL for more than two channels. */
struct buf *aac_silence(unsigned channels) __attribute__((warn_unused_result));

/* A media_config with a copy of the bytes; NULL when they do not parse. */
struct media_config *aac_media_config_create(const void *data, size_t len)
	__attribute__((warn_unused_result));

#endif
