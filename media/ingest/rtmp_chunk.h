/*
 * RTMP chunk stream (Adobe RTMP 1.0 §5.3): messages cut into interleaved chunks. The reader
 * collects what the peer sends, under caps; the writer appends to a buffer. No sockets. One thread.
 */
#ifndef SOUK_MEDIA_RTMP_CHUNK_H
#define SOUK_MEDIA_RTMP_CHUNK_H

#include "server/core/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RTMP_CHUNK_SIZE_FIRST = 128, /* §5.4.1 */
	RTMP_CHUNK_SIZE_MIN = 128, /* ours: a smaller one only burns time */
	RTMP_CHUNK_SIZE_MAX = 65536,
	RTMP_MESSAGE_MAX = 4 * 1024 * 1024,
	RTMP_STREAMS_MAX = 64,
	RTMP_MEMORY_MAX = 8 * 1024 * 1024, /* all messages in the making */
};

/* §5.4, §6, §7.1 */
enum rtmp_type {
	RTMP_SET_CHUNK_SIZE = 1,
	RTMP_ABORT = 2,
	RTMP_ACKNOWLEDGEMENT = 3,
	RTMP_USER_CONTROL = 4,
	RTMP_WINDOW_ACK_SIZE = 5,
	RTMP_SET_PEER_BANDWIDTH = 6,
	RTMP_AUDIO = 8,
	RTMP_VIDEO = 9,
	RTMP_DATA_AMF3 = 15,
	RTMP_COMMAND_AMF3 = 17,
	RTMP_DATA_AMF0 = 18,
	RTMP_COMMAND_AMF0 = 20,
	RTMP_AGGREGATE = 22,
};

struct rtmp_message {
	uint8_t type;
	uint32_t stream_id;
	uint32_t timestamp; /* ms, absolute, modulo 2^32 */
	const uint8_t *data; /* valid during the call */
	size_t len;
};

struct rtmp_chunk_stream; /* one of the peer's chunk streams */

/* 0, or -errno which ends the reading. */
typedef int (*rtmp_message_fn)(void *arg, const struct rtmp_message *message);

struct rtmp_chunk_reader {
	struct bytes in;
	struct rtmp_chunk_stream *streams[RTMP_STREAMS_MAX];
	size_t stream_count;
	uint32_t chunk_size;
	size_t memory; /* bytes held for messages in the making */
	size_t memory_max; /* lowered while the peer is unknown */
	bool held; /* by rtmp_chunk_hold() */
	rtmp_message_fn fn;
	void *arg;
};

void rtmp_chunk_reader_init(struct rtmp_chunk_reader *reader, rtmp_message_fn fn, void *arg);
void rtmp_chunk_reader_finish(struct rtmp_chunk_reader *reader);

/* Reads on; fn is called for each whole message (set chunk size and abort are obeyed here and are
 * not passed on). -EPROTO: malformed; -EMSGSIZE, -ENOBUFS: a cap; or what fn answered. After an
 * error nothing more is read. */
int rtmp_chunk_feed(struct rtmp_chunk_reader *reader, const uint8_t *data, size_t len)
	__attribute__((warn_unused_result));

/* From within fn: what comes next waits, up to a chunk and a little (then -ENOBUFS), until
 * rtmp_chunk_resume(), which answers as feed does. */
void rtmp_chunk_hold(struct rtmp_chunk_reader *reader);
int rtmp_chunk_resume(struct rtmp_chunk_reader *reader) __attribute__((warn_unused_result));

/* Appends one message on chunk stream `id` (2..63) with a full header, cut at `chunk_size`. */
void rtmp_chunk_write(struct bytes *out, unsigned id, const struct rtmp_message *message,
		      uint32_t chunk_size);

#endif
