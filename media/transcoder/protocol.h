/*
 * What soukd and souk-transcoder say to each other over a socketpair: messages of one type byte,
 * a 32-bit big-endian length and that many bytes. Both sides read it as hostile: bounded, and any
 * deviation ends the connection. No GStreamer in here. One owner, one thread.
 *
 *   parent -> child   sound: CONFIG, then FRAMEs; a CONFIG in between starts a new session
 *                     video: VIDEO and RUNGS, each again when it changes, then PICTUREs
 *                     stills: STILLs, each answered by one JPEG
 *   child -> parent   HELLO once, in the sandbox and ready; FRAMEs, or RUNG_FRAMEs after the
 *                     RUNG_CONFIG of their slot; JPEGs; PROGRESS after each FRAME, PICTURE
 *                     and STILL taken
 *
 * A child works for sound, for video or for stills; its first message says for which.
 */
#ifndef SOUK_MEDIA_TRANSCODER_PROTOCOL_H
#define SOUK_MEDIA_TRANSCODER_PROTOCOL_H

#include "media/transcoder/protocol_messages.h"
#include "server/core/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One message; pointers point into what it was parsed from. */
struct protocol_message {
	enum protocol_type type;
	union {
		struct protocol_hello hello;
		struct protocol_config config;
		struct protocol_frame frame;
		struct protocol_progress progress;
		struct protocol_avcc avcc; /* VIDEO, RUNG_CONFIG */
		struct protocol_rungs rungs;
		struct protocol_picture picture;
		struct protocol_rung_frame rung_frame;
		struct protocol_still still;
		struct protocol_jpeg jpeg;
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
