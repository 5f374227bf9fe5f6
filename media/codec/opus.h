/*
 * What stands in an Opus packet (RFC 6716) and in its identification header (RFC 7845), as far as
 * somebody who does not decode needs it. Bounded; any thread.
 */
#ifndef SOUK_MEDIA_OPUS_H
#define SOUK_MEDIA_OPUS_H

#include <stddef.h>
#include <stdint.h>

struct media_config;

enum { OPUS_RATE = 48000, OPUS_PACKET_MAX = 1500 };

/* How long a packet sounds; 0 for an empty one or one that says so. */
int64_t opus_packet_us(const uint8_t *data, size_t len);

struct opus_packet {
	const uint8_t *data;
	size_t len;
};

/* Writes `count` packets (2 to OPUS_JOIN_MAX) of one frame each as one of as many frames into `out`
 * (of `cap` bytes) and returns its length; 0 when they are no such packets, not of one mode, or do
 * not fit. How long it may sound (120 ms at most, RFC 6716 §3.2.5) is up to the caller. */
enum { OPUS_JOIN_MAX = 6 };
size_t opus_join(uint8_t *out, size_t cap, const struct opus_packet *packets, unsigned count);

/* Mono or stereo; always with the rate that Opus counts in. */
struct media_config *opus_media_config_create(unsigned channels);

/* The channels that an "OpusHead" tells, 1 or 2; -EINVAL for a malformed one, or more of them. */
int opus_head_channels(const uint8_t *data, size_t len) __attribute__((warn_unused_result));

#endif
