/*
 * What a WebSocket server sends (RFC 6455 §5): frames into messages, incrementally. Bytes may come
 * in any cut. No extensions, so reserved bits are refused, as are masked frames. One owner.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_WS_READER_H
#define SOUK_LOAD_TESTS_SWARM_WS_READER_H

#include "server/core/bytes.h"

enum {
	WS_READER_MESSAGE_MAX = 128 * 1024,
	WS_READER_HEAD = 10,
	WS_READER_CONTROL_MAX = 125, /* §5.5 */
};

enum ws_opcode { WS_CONTINUATION, WS_TEXT, WS_BINARY, WS_CLOSE = 8, WS_PING, WS_PONG };

/* A whole message, or a control frame. */
typedef void (*ws_message_fn)(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len);

struct ws_reader {
	ws_message_fn fn;
	void *arg;
	bool bad; /* against the protocol; nothing more is read */

	/* private */
	uint8_t head[WS_READER_HEAD];
	size_t head_len, head_want;
	bool in_payload, final;
	enum ws_opcode opcode; /* of the frame */
	enum ws_opcode message_opcode; /* WS_CONTINUATION: no message is open */
	uint64_t left;
	struct bytes message, control;
};

void ws_reader_init(struct ws_reader *reader, ws_message_fn fn, void *arg);
void ws_reader_finish(struct ws_reader *reader);
/* The callback must not finish the reader. */
void ws_reader_feed(struct ws_reader *reader, const uint8_t *data, size_t len);

/* A frame from a client: masked (§5.3), at most 64 KiB. Appends to `out`. */
void ws_frame_write(struct bytes *out, enum ws_opcode opcode, const void *data, size_t len);

#endif
