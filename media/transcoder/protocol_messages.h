/*
 * What the messages of protocol.h hold, and how much at most. Pointers are borrowed from what a
 * message was parsed from.
 */
#ifndef SOUK_MEDIA_TRANSCODER_PROTOCOL_MESSAGES_H
#define SOUK_MEDIA_TRANSCODER_PROTOCOL_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PROTOCOL_VERSION = 3,
	PROTOCOL_HEADER_LEN = 5,
	PROTOCOL_DATA_MAX = 16 * 1024, /* one frame of sound; AAC is at most 6144 bits a channel */
	PROTOCOL_ASC_MAX = 64,
	PROTOCOL_PICTURE_MAX = 4 * 1024 * 1024, /* as long as an RTMP message */
	PROTOCOL_AVCC_MAX = 17 * 1024, /* 16 parameter sets of 1 KiB */
	PROTOCOL_MESSAGE_MAX = PROTOCOL_HEADER_LEN + 64 + PROTOCOL_AVCC_MAX + PROTOCOL_PICTURE_MAX,
	PROTOCOL_JPEG_MAX = 1024 * 1024,
	PROTOCOL_SLOTS = 4, /* rungs at a time */
	PROTOCOL_SIDE_MAX = 8192, /* of a rung's picture */
	PROTOCOL_FD = 3, /* the child's end */
};

enum protocol_type {
	PROTOCOL_HELLO = 1,
	PROTOCOL_CONFIG = 2,
	PROTOCOL_FRAME = 3,
	PROTOCOL_PROGRESS = 4,
	PROTOCOL_VIDEO = 5,
	PROTOCOL_RUNGS = 6,
	PROTOCOL_PICTURE = 7,
	PROTOCOL_RUNG_CONFIG = 8,
	PROTOCOL_RUNG_FRAME = 9,
	PROTOCOL_STILL = 10,
	PROTOCOL_JPEG = 11,
};

enum protocol_codec { PROTOCOL_AAC = 1, PROTOCOL_OPUS = 2 };

struct protocol_hello {
	uint8_t version;
	bool video; /* it has the encoder that it was told to use */
};

/* Starts a session. `resume` continues the time line of a session that was cut off. */
struct protocol_config {
	enum protocol_codec from;
	enum protocol_codec to;
	uint32_t sample_rate; /* as declared; 0 when unknown */
	uint8_t channels;
	bool resume;
	int64_t resume_us; /* where the next frame out has to start */
	const uint8_t *asc; /* AudioSpecificConfig, for AAC */
	size_t asc_len; /* at most PROTOCOL_ASC_MAX */
};

struct protocol_frame {
	int64_t media_us;
	uint32_t duration_us;
	uint32_t epoch;
	const uint8_t *data;
	size_t len; /* 1..PROTOCOL_DATA_MAX */
};

/* Totals of the child's life. */
struct protocol_progress {
	uint64_t frames_in;
	uint64_t decode_errors;
	uint64_t silence_us;
	uint64_t cpu_us;
};

/* An AVCDecoderConfigurationRecord: the source's from now on, or that of the rung in `slot`. */
struct protocol_avcc {
	uint8_t slot; /* RUNG_CONFIG only */
	const uint8_t *data;
	size_t len; /* 1..PROTOCOL_AVCC_MAX */
};

struct protocol_rung {
	uint8_t slot;
	uint16_t width, height; /* even */
	uint32_t bps;
};

/* All rungs that shall run. One that ran as it is now is not disturbed. */
struct protocol_rungs {
	uint32_t frame_us; /* from a picture to the next */
	uint8_t count;
	struct protocol_rung rungs[PROTOCOL_SLOTS]; /* slots in rising order */
};

/* An access unit of the source, with NAL units after 4-byte lengths. */
struct protocol_picture {
	int64_t media_us;
	uint32_t epoch;
	bool key; /* becomes a keyframe in every rung */
	bool decode_only; /* others refer to it, but nobody is to see it */
	uint8_t force; /* bits 1 << slot: a keyframe of these, as soon as possible */
	const uint8_t *data;
	size_t len; /* 1..PROTOCOL_PICTURE_MAX */
};

/* The picture of the same media_us and epoch; framed as it. */
struct protocol_rung_frame {
	uint8_t slot;
	bool key;
	int64_t media_us;
	uint32_t epoch;
	const uint8_t *data;
	size_t len; /* 1..PROTOCOL_PICTURE_MAX */
};

/* A keyframe of which a JPEG is wanted, its longer side at most `side` (even). */
struct protocol_still {
	uint16_t side;
	const uint8_t *avcc;
	size_t avcc_len; /* 1..PROTOCOL_AVCC_MAX */
	const uint8_t *data; /* as of a PICTURE */
	size_t len;
};

/* The answer to a STILL; empty when there is nothing to be seen. */
struct protocol_jpeg {
	uint16_t width, height;
	const uint8_t *data;
	size_t len; /* 0..PROTOCOL_JPEG_MAX */
};

#endif
