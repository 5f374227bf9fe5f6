/*
 * What soukd and souk-transcoder say to each other over a socketpair: messages of one type byte,
 * a 32-bit big-endian length and that many bytes. Both sides read it as hostile: bounded, and any
 * deviation ends the connection. No GStreamer in here. One owner, one thread.
 *
 *   parent -> child   CONFIG, then FRAMEs; a CONFIG in between starts a new session
 *   child -> parent   HELLO once, in the sandbox and ready; FRAMEs; PROGRESS after each frame taken
 */
#ifndef SOUK_MEDIA_TRANSCODER_PROTOCOL_H
#define SOUK_MEDIA_TRANSCODER_PROTOCOL_H

#include "server/core/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PROTOCOL_VERSION = 1,
	PROTOCOL_HEADER_LEN = 5,
	PROTOCOL_DATA_MAX = 16 * 1024, /* one frame of sound; AAC is at most 6144 bits a channel */
	PROTOCOL_ASC_MAX = 64,
	PROTOCOL_MESSAGE_MAX = PROTOCOL_HEADER_LEN + 64 + PROTOCOL_DATA_MAX,
	PROTOCOL_FD = 3, /* the child's end */
};

enum protocol_type {
	PROTOCOL_HELLO = 1,
	PROTOCOL_CONFIG = 2,
	PROTOCOL_FRAME = 3,
	PROTOCOL_PROGRESS = 4,
};

enum protocol_codec { PROTOCOL_AAC = 1, PROTOCOL_OPUS = 2 };

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
};

/* One message; `data` and `asc` point into what it was parsed from. */
struct protocol_message {
	enum protocol_type type;
	union {
		uint8_t version; /* HELLO */
		struct protocol_config config;
		struct protocol_frame frame;
		struct protocol_progress progress;
	};
};

/* The length of the first message in `data` including its header, 0 when there is not all of it
 * yet, or -EPROTO. On a length the message is in *out. */
int protocol_parse(const void *data, size_t len, struct protocol_message *out)
	__attribute__((warn_unused_result));

/* Appends the message. Nothing of it is written when it does not fit under the buffer's cap:
 * -ENOBUFS, or when it is longer than its type may be: -EINVAL. */
int protocol_write(struct bytes *bytes, const struct protocol_message *message)
	__attribute__((warn_unused_result));

#endif
