#include "load-tests/swarm/ws_reader.h"

#include "server/core/crypto.h"

#include <string.h>

enum {
	FIN = 0x80,
	RESERVED = 0x70,
	OPCODE = 0x0f,
	MASKED = 0x80,
	LENGTH = 0x7f,
	LENGTH_16 = 126,
	LENGTH_64 = 127,
	MASK = 4,
};

void ws_reader_init(struct ws_reader *reader, ws_message_fn fn, void *arg)
{
	*reader = (struct ws_reader){ .fn = fn, .arg = arg, .head_want = 2 };
	bytes_init(&reader->message, WS_READER_MESSAGE_MAX);
	bytes_init(&reader->control, WS_READER_CONTROL_MAX);
}

void ws_reader_finish(struct ws_reader *reader)
{
	bytes_finish(&reader->message);
	bytes_finish(&reader->control);
}

static bool is_control(enum ws_opcode opcode)
{
	return opcode >= WS_CLOSE;
}

/* §5.2 and §5.4: what may follow what. */
static bool head_is_good(const struct ws_reader *reader)
{
	const bool open = reader->message_opcode != WS_CONTINUATION;
	switch (reader->opcode) {
	case WS_CONTINUATION:
		return open;
	case WS_TEXT:
	case WS_BINARY:
		return !open;
	case WS_CLOSE:
	case WS_PING:
	case WS_PONG:
		return reader->final && reader->left <= WS_READER_CONTROL_MAX;
	default:
		return false;
	}
}

static void take_head(struct ws_reader *reader)
{
	const uint8_t *head = reader->head;
	const uint8_t length = head[1] & LENGTH;
	const size_t want = 2u + (length == LENGTH_16 ? 2u : length == LENGTH_64 ? 8u : 0u);
	if (reader->head_len < want) {
		reader->head_want = want;
		return;
	}
	reader->left = want == 2 ? length : 0;
	for (size_t i = 2; i < want; i++)
		reader->left = reader->left << 8 | head[i];
	reader->final = head[0] & FIN;
	reader->opcode = (enum ws_opcode)(head[0] & OPCODE);
	reader->bad = head[0] & RESERVED || head[1] & MASKED || !head_is_good(reader) ||
		      reader->left > WS_READER_MESSAGE_MAX;
	if (!is_control(reader->opcode) && reader->opcode != WS_CONTINUATION)
		reader->message_opcode = reader->opcode;
	reader->in_payload = true;
}

static void end_frame(struct ws_reader *reader)
{
	reader->in_payload = false;
	reader->head_len = 0;
	reader->head_want = 2;
	if (is_control(reader->opcode)) {
		reader->fn(reader->arg, reader->opcode, reader->control.data, reader->control.len);
		bytes_clear(&reader->control);
	} else if (reader->final) {
		const enum ws_opcode opcode = reader->message_opcode;
		reader->message_opcode = WS_CONTINUATION;
		reader->fn(reader->arg, opcode, reader->message.data, reader->message.len);
		bytes_clear(&reader->message);
	}
}

/* A message that lies whole in the input is told from there. */
static bool tell_in_place(struct ws_reader *reader, const uint8_t *data, size_t len)
{
	if (is_control(reader->opcode) || !reader->final || reader->message.len ||
	    len < reader->left)
		return false;
	const enum ws_opcode opcode = reader->message_opcode;
	reader->message_opcode = WS_CONTINUATION;
	reader->in_payload = false;
	reader->head_len = 0;
	reader->head_want = 2;
	reader->fn(reader->arg, opcode, data, (size_t)reader->left);
	return true;
}

static size_t take_payload(struct ws_reader *reader, const uint8_t *data, size_t len)
{
	struct bytes *to = is_control(reader->opcode) ? &reader->control : &reader->message;
	if (tell_in_place(reader, data, len))
		return (size_t)reader->left;
	const size_t part = len < reader->left ? len : (size_t)reader->left;
	bytes_put(to, data, part);
	reader->left -= part;
	if (!bytes_ok(to))
		reader->bad = true;
	else if (!reader->left)
		end_frame(reader);
	return part;
}

void ws_reader_feed(struct ws_reader *reader, const uint8_t *data, size_t len)
{
	while (!reader->bad && (len || (reader->in_payload && !reader->left))) {
		size_t part;
		if (reader->in_payload) {
			part = take_payload(reader, data, len);
		} else {
			const size_t want = reader->head_want - reader->head_len;
			part = len < want ? len : want;
			memcpy(reader->head + reader->head_len, data, part);
			reader->head_len += part;
			if (reader->head_len == reader->head_want)
				take_head(reader);
		}
		data += part;
		len -= part;
	}
}

void ws_frame_write(struct bytes *out, enum ws_opcode opcode, const void *data, size_t len)
{
	uint8_t mask[MASK];
	crypto_random(mask, sizeof(mask));
	bytes_u8(out, (uint8_t)(FIN | opcode));
	if (len < LENGTH_16) {
		bytes_u8(out, (uint8_t)(MASKED | len));
	} else {
		bytes_u8(out, MASKED | LENGTH_16);
		bytes_be16(out, (uint16_t)len);
	}
	bytes_put(out, mask, sizeof(mask));
	uint8_t *payload = bytes_extend(out, len);
	const uint8_t *from = data;
	for (size_t i = 0; payload && i < len; i++)
		payload[i] = from[i] ^ mask[i % MASK];
}
