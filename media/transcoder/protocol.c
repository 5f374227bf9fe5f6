#include "media/transcoder/protocol.h"

#include "server/core/bits.h"

#include <errno.h>

enum {
	CONFIG_LEN = 17, /* without the AudioSpecificConfig */
	FRAME_LEN = 16, /* without the data */
	PROGRESS_LEN = 24,
};

/* The least and the most that a message of a type may hold. */
static const struct {
	size_t min, max;
} lengths[] = {
	[PROTOCOL_HELLO] = { 1, 1 },
	[PROTOCOL_CONFIG] = { CONFIG_LEN, CONFIG_LEN + PROTOCOL_ASC_MAX },
	[PROTOCOL_FRAME] = { FRAME_LEN + 1, FRAME_LEN + PROTOCOL_DATA_MAX },
	[PROTOCOL_PROGRESS] = { PROGRESS_LEN, PROGRESS_LEN },
};

static bool known(uint8_t type)
{
	return type >= PROTOCOL_HELLO && type <= PROTOCOL_PROGRESS;
}

static int parse_config(struct bits *bits, struct protocol_config *config)
{
	const uint8_t from = bits_u8(bits);
	const uint8_t to = bits_u8(bits);
	const uint8_t resume = bits_u8(bits);
	const bool other = (from == PROTOCOL_AAC && to == PROTOCOL_OPUS) ||
			   (from == PROTOCOL_OPUS && to == PROTOCOL_AAC);
	if (!other || resume > 1)
		return -EPROTO;
	config->from = from;
	config->to = to;
	config->resume = resume;
	config->resume_us = (int64_t)bits_be64(bits);
	config->sample_rate = bits_be32(bits);
	config->channels = bits_u8(bits);
	/* One byte of the fixed part says how long the AudioSpecificConfig is; all of the rest. */
	config->asc_len = bits_u8(bits);
	if (config->asc_len != bits_left(bits) || (from == PROTOCOL_AAC) != (config->asc_len > 0))
		return -EPROTO;
	config->asc = bits_bytes(bits, config->asc_len);
	return 0;
}

static void parse_frame(struct bits *bits, struct protocol_frame *frame)
{
	frame->media_us = (int64_t)bits_be64(bits);
	frame->duration_us = bits_be32(bits);
	frame->epoch = bits_be32(bits);
	frame->len = bits_left(bits);
	frame->data = bits_bytes(bits, frame->len);
}

static int parse_body(struct bits *bits, struct protocol_message *out)
{
	switch (out->type) {
	case PROTOCOL_HELLO:
		out->version = bits_u8(bits);
		return 0;
	case PROTOCOL_CONFIG:
		return parse_config(bits, &out->config);
	case PROTOCOL_FRAME:
		parse_frame(bits, &out->frame);
		return 0;
	case PROTOCOL_PROGRESS:
		out->progress.frames_in = bits_be64(bits);
		out->progress.decode_errors = bits_be64(bits);
		out->progress.silence_us = bits_be64(bits);
		return 0;
	}
	return -EPROTO;
}

int protocol_parse(const void *data, size_t len, struct protocol_message *out)
{
	struct bits bits;
	bits_init(&bits, data, len);
	if (len == 0)
		return 0;
	const uint8_t type = bits_u8(&bits);
	if (!known(type))
		return -EPROTO;
	const uint32_t body_len = bits_be32(&bits);
	if (!bits_ok(&bits))
		return 0;
	if (body_len < lengths[type].min || body_len > lengths[type].max)
		return -EPROTO;
	struct bits body = bits_sub(&bits, body_len);
	if (!bits_ok(&bits))
		return 0;
	*out = (struct protocol_message){ .type = type };
	const int err = parse_body(&body, out);
	if (err || !bits_ok(&body))
		return -EPROTO;
	return PROTOCOL_HEADER_LEN + (int)body_len;
}

static size_t body_len(const struct protocol_message *message)
{
	switch (message->type) {
	case PROTOCOL_CONFIG:
		return CONFIG_LEN + message->config.asc_len;
	case PROTOCOL_FRAME:
		return FRAME_LEN + message->frame.len;
	default:
		return lengths[message->type].min;
	}
}

static void write_body(struct bytes *bytes, const struct protocol_message *message)
{
	switch (message->type) {
	case PROTOCOL_HELLO:
		bytes_u8(bytes, message->version);
		break;
	case PROTOCOL_CONFIG:
		bytes_u8(bytes, (uint8_t)message->config.from);
		bytes_u8(bytes, (uint8_t)message->config.to);
		bytes_u8(bytes, message->config.resume);
		bytes_be64(bytes, (uint64_t)message->config.resume_us);
		bytes_be32(bytes, message->config.sample_rate);
		bytes_u8(bytes, message->config.channels);
		bytes_u8(bytes, (uint8_t)message->config.asc_len);
		bytes_put(bytes, message->config.asc, message->config.asc_len);
		break;
	case PROTOCOL_FRAME:
		bytes_be64(bytes, (uint64_t)message->frame.media_us);
		bytes_be32(bytes, message->frame.duration_us);
		bytes_be32(bytes, message->frame.epoch);
		bytes_put(bytes, message->frame.data, message->frame.len);
		break;
	case PROTOCOL_PROGRESS:
		bytes_be64(bytes, message->progress.frames_in);
		bytes_be64(bytes, message->progress.decode_errors);
		bytes_be64(bytes, message->progress.silence_us);
		break;
	}
}

int protocol_write(struct bytes *bytes, const struct protocol_message *message)
{
	const size_t len = body_len(message);
	if (len < lengths[message->type].min || len > lengths[message->type].max)
		return -EINVAL;
	if (bytes->cap - bytes->len < PROTOCOL_HEADER_LEN + len)
		return -ENOBUFS;
	bytes_u8(bytes, (uint8_t)message->type);
	bytes_be32(bytes, (uint32_t)len);
	write_body(bytes, message);
	return bytes_ok(bytes) ? 0 : -ENOBUFS;
}
