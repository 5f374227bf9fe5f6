/*
 * Messages that either side of an RTMP connection sends, appended to a buffer as chunks: commands
 * in AMF0, control messages and events. No state; one thread.
 */
#ifndef SOUK_MEDIA_RTMP_COMMAND_H
#define SOUK_MEDIA_RTMP_COMMAND_H

#include "server/core/bytes.h"

#include <stdint.h>

enum {
	RTMP_OUR_CHUNK_SIZE = 4096, /* what OBS takes, so that everybody has met it */
	RTMP_OUR_WINDOW = 2500000,
	/* Chunk streams; §5.4 asks for 2 */
	RTMP_CS_CONTROL = 2,
	RTMP_CS_COMMAND = 3,
	RTMP_CS_MEDIA = 5,
};

/* §7.1.7 */
enum rtmp_event {
	RTMP_EVENT_STREAM_BEGIN = 0,
	RTMP_EVENT_PING_REQUEST = 6,
	RTMP_EVENT_PING_RESPONSE = 7,
};

/* A command is begun, its values are appended, and it is sent, which finishes the body. */
void rtmp_command_begin(struct bytes *body, const char *name, double transaction);
void rtmp_command_send(struct bytes *out, unsigned chunk_stream, uint32_t stream_id,
		       struct bytes *body);

/* §5.4: a control message of one number. */
void rtmp_control_send(struct bytes *out, uint8_t type, uint32_t value);
void rtmp_event_send(struct bytes *out, enum rtmp_event event, uint32_t value);

#endif
