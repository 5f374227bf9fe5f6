#include "media/transcoder/protocol.h"

#include "server/core/bits.h"

#include <errno.h>

enum {
	HELLO_LEN = 2,
	CONFIG_LEN = 17, /* without the AudioSpecificConfig */
	FRAME_LEN = 16, /* without the data, here and below */
	PROGRESS_LEN = 32,
	RUNGS_LEN = 5,
	RUNG_LEN = 9,
	PICTURE_LEN = 14,
	RUNG_CONFIG_LEN = 1,
	RUNG_FRAME_LEN = 14,
	STILL_LEN = 4,
	JPEG_LEN = 4,
};

/* Of a picture and of a frame of a rung. */
enum { FLAG_KEY = 1, FLAG_DECODE_ONLY = 2 };

static int parse_flag(struct bits *bits, bool *out)
{
	const uint8_t value = bits_u8(bits);
	*out = value == 1;
	return value > 1 ? -EPROTO : 0;
}

static int parse_slot(struct bits *bits, uint8_t *out)
{
	*out = bits_u8(bits);
	return *out < PROTOCOL_SLOTS ? 0 : -EPROTO;
}

static const uint8_t *parse_rest(struct bits *bits, size_t *len)
{
	*len = bits_left(bits);
	return bits_bytes(bits, *len);
}

static int parse_hello(struct bits *bits, struct protocol_message *out)
{
	out->hello.version = bits_u8(bits);
	return parse_flag(bits, &out->hello.video);
}

static void write_hello(struct bytes *bytes, const struct protocol_message *message)
{
	bytes_u8(bytes, message->hello.version);
	bytes_u8(bytes, message->hello.video);
}

static int parse_config(struct bits *bits, struct protocol_message *out)
{
	struct protocol_config *config = &out->config;
	const uint8_t from = bits_u8(bits);
	const uint8_t to = bits_u8(bits);
	const bool other = (from == PROTOCOL_AAC && to == PROTOCOL_OPUS) ||
			   (from == PROTOCOL_OPUS && to == PROTOCOL_AAC);
	if (parse_flag(bits, &config->resume) || !other)
		return -EPROTO;
	config->from = from;
	config->to = to;
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

static void write_config(struct bytes *bytes, const struct protocol_message *message)
{
	const struct protocol_config *config = &message->config;
	bytes_u8(bytes, (uint8_t)config->from);
	bytes_u8(bytes, (uint8_t)config->to);
	bytes_u8(bytes, config->resume);
	bytes_be64(bytes, (uint64_t)config->resume_us);
	bytes_be32(bytes, config->sample_rate);
	bytes_u8(bytes, config->channels);
	bytes_u8(bytes, (uint8_t)config->asc_len);
	bytes_put(bytes, config->asc, config->asc_len);
}

static int parse_frame(struct bits *bits, struct protocol_message *out)
{
	struct protocol_frame *frame = &out->frame;
	frame->media_us = (int64_t)bits_be64(bits);
	frame->duration_us = bits_be32(bits);
	frame->epoch = bits_be32(bits);
	frame->data = parse_rest(bits, &frame->len);
	return 0;
}

static void write_frame(struct bytes *bytes, const struct protocol_message *message)
{
	const struct protocol_frame *frame = &message->frame;
	bytes_be64(bytes, (uint64_t)frame->media_us);
	bytes_be32(bytes, frame->duration_us);
	bytes_be32(bytes, frame->epoch);
	bytes_put(bytes, frame->data, frame->len);
}

static int parse_progress(struct bits *bits, struct protocol_message *out)
{
	out->progress.frames_in = bits_be64(bits);
	out->progress.decode_errors = bits_be64(bits);
	out->progress.silence_us = bits_be64(bits);
	out->progress.cpu_us = bits_be64(bits);
	return 0;
}

static void write_progress(struct bytes *bytes, const struct protocol_message *message)
{
	bytes_be64(bytes, message->progress.frames_in);
	bytes_be64(bytes, message->progress.decode_errors);
	bytes_be64(bytes, message->progress.silence_us);
	bytes_be64(bytes, message->progress.cpu_us);
}

static int parse_video(struct bits *bits, struct protocol_message *out)
{
	out->avcc.data = parse_rest(bits, &out->avcc.len);
	return 0;
}

static void write_video(struct bytes *bytes, const struct protocol_message *message)
{
	bytes_put(bytes, message->avcc.data, message->avcc.len);
}

static bool usable_side(uint16_t side)
{
	return side > 0 && side % 2 == 0 && side <= PROTOCOL_SIDE_MAX;
}

static int parse_rungs(struct bits *bits, struct protocol_message *out)
{
	struct protocol_rungs *rungs = &out->rungs;
	rungs->frame_us = bits_be32(bits);
	rungs->count = bits_u8(bits);
	if (rungs->frame_us == 0 || rungs->count > PROTOCOL_SLOTS ||
	    bits_left(bits) != (size_t)rungs->count * RUNG_LEN)
		return -EPROTO;
	for (unsigned i = 0; i < rungs->count; i++) {
		struct protocol_rung *rung = &rungs->rungs[i];
		if (parse_slot(bits, &rung->slot) ||
		    (i > 0 && rung->slot <= rungs->rungs[i - 1].slot))
			return -EPROTO;
		rung->width = (uint16_t)bits_be16(bits);
		rung->height = (uint16_t)bits_be16(bits);
		rung->bps = bits_be32(bits);
		if (!usable_side(rung->width) || !usable_side(rung->height) || rung->bps == 0)
			return -EPROTO;
	}
	return 0;
}

static void write_rungs(struct bytes *bytes, const struct protocol_message *message)
{
	bytes_be32(bytes, message->rungs.frame_us);
	bytes_u8(bytes, message->rungs.count);
	for (unsigned i = 0; i < message->rungs.count; i++) {
		const struct protocol_rung *rung = &message->rungs.rungs[i];
		bytes_u8(bytes, rung->slot);
		bytes_be16(bytes, rung->width);
		bytes_be16(bytes, rung->height);
		bytes_be32(bytes, rung->bps);
	}
}

static int parse_picture(struct bits *bits, struct protocol_message *out)
{
	struct protocol_picture *picture = &out->picture;
	picture->media_us = (int64_t)bits_be64(bits);
	picture->epoch = bits_be32(bits);
	const uint8_t flags = bits_u8(bits);
	picture->key = flags & FLAG_KEY;
	picture->decode_only = flags & FLAG_DECODE_ONLY;
	picture->force = bits_u8(bits);
	picture->data = parse_rest(bits, &picture->len);
	return flags > (FLAG_KEY | FLAG_DECODE_ONLY) || picture->force >> PROTOCOL_SLOTS ? -EPROTO
											 : 0;
}

static void write_picture(struct bytes *bytes, const struct protocol_message *message)
{
	const struct protocol_picture *picture = &message->picture;
	bytes_be64(bytes, (uint64_t)picture->media_us);
	bytes_be32(bytes, picture->epoch);
	bytes_u8(bytes, (uint8_t)((picture->key ? FLAG_KEY : 0) |
				  (picture->decode_only ? FLAG_DECODE_ONLY : 0)));
	bytes_u8(bytes, picture->force);
	bytes_put(bytes, picture->data, picture->len);
}

static int parse_rung_config(struct bits *bits, struct protocol_message *out)
{
	const int err = parse_slot(bits, &out->avcc.slot);
	out->avcc.data = parse_rest(bits, &out->avcc.len);
	return err;
}

static void write_rung_config(struct bytes *bytes, const struct protocol_message *message)
{
	bytes_u8(bytes, message->avcc.slot);
	bytes_put(bytes, message->avcc.data, message->avcc.len);
}

static int parse_rung_frame(struct bits *bits, struct protocol_message *out)
{
	struct protocol_rung_frame *frame = &out->rung_frame;
	if (parse_slot(bits, &frame->slot) || parse_flag(bits, &frame->key))
		return -EPROTO;
	frame->media_us = (int64_t)bits_be64(bits);
	frame->epoch = bits_be32(bits);
	frame->data = parse_rest(bits, &frame->len);
	return 0;
}

static void write_rung_frame(struct bytes *bytes, const struct protocol_message *message)
{
	const struct protocol_rung_frame *frame = &message->rung_frame;
	bytes_u8(bytes, frame->slot);
	bytes_u8(bytes, frame->key);
	bytes_be64(bytes, (uint64_t)frame->media_us);
	bytes_be32(bytes, frame->epoch);
	bytes_put(bytes, frame->data, frame->len);
}

static int parse_still(struct bits *bits, struct protocol_message *out)
{
	struct protocol_still *still = &out->still;
	still->side = bits_be16(bits);
	still->avcc_len = bits_be16(bits);
	still->avcc = bits_bytes(bits, still->avcc_len);
	still->data = parse_rest(bits, &still->len);
	return usable_side(still->side) && still->avcc_len > 0 &&
			       still->avcc_len <= PROTOCOL_AVCC_MAX && still->len > 0 &&
			       still->len <= PROTOCOL_PICTURE_MAX
		       ? 0
		       : -EPROTO;
}

static void write_still(struct bytes *bytes, const struct protocol_message *message)
{
	const struct protocol_still *still = &message->still;
	bytes_be16(bytes, still->side);
	bytes_be16(bytes, (uint16_t)still->avcc_len);
	bytes_put(bytes, still->avcc, still->avcc_len);
	bytes_put(bytes, still->data, still->len);
}

static int parse_jpeg(struct bits *bits, struct protocol_message *out)
{
	out->jpeg.width = bits_be16(bits);
	out->jpeg.height = bits_be16(bits);
	out->jpeg.data = parse_rest(bits, &out->jpeg.len);
	return 0;
}

static void write_jpeg(struct bytes *bytes, const struct protocol_message *message)
{
	bytes_be16(bytes, message->jpeg.width);
	bytes_be16(bytes, message->jpeg.height);
	bytes_put(bytes, message->jpeg.data, message->jpeg.len);
}

/* The least and the most that a message of a type may hold, and how it is read and written. */
static const struct {
	size_t min, max;
	int (*parse)(struct bits *bits, struct protocol_message *out);
	void (*write)(struct bytes *bytes, const struct protocol_message *message);
} types[] = {
	[PROTOCOL_HELLO] = { HELLO_LEN, HELLO_LEN, parse_hello, write_hello },
	[PROTOCOL_CONFIG] = { CONFIG_LEN, CONFIG_LEN + PROTOCOL_ASC_MAX, parse_config,
			      write_config },
	[PROTOCOL_FRAME] = { FRAME_LEN + 1, FRAME_LEN + PROTOCOL_DATA_MAX, parse_frame,
			     write_frame },
	[PROTOCOL_PROGRESS] = { PROGRESS_LEN, PROGRESS_LEN, parse_progress, write_progress },
	[PROTOCOL_VIDEO] = { 1, PROTOCOL_AVCC_MAX, parse_video, write_video },
	[PROTOCOL_RUNGS] = { RUNGS_LEN, RUNGS_LEN + PROTOCOL_SLOTS *RUNG_LEN, parse_rungs,
			     write_rungs },
	[PROTOCOL_PICTURE] = { PICTURE_LEN + 1, PICTURE_LEN + PROTOCOL_PICTURE_MAX, parse_picture,
			       write_picture },
	[PROTOCOL_RUNG_CONFIG] = { RUNG_CONFIG_LEN + 1, RUNG_CONFIG_LEN + PROTOCOL_AVCC_MAX,
				   parse_rung_config, write_rung_config },
	[PROTOCOL_RUNG_FRAME] = { RUNG_FRAME_LEN + 1, RUNG_FRAME_LEN + PROTOCOL_PICTURE_MAX,
				  parse_rung_frame, write_rung_frame },
	[PROTOCOL_STILL] = { STILL_LEN + 2, STILL_LEN + PROTOCOL_AVCC_MAX + PROTOCOL_PICTURE_MAX,
			     parse_still, write_still },
	[PROTOCOL_JPEG] = { JPEG_LEN, JPEG_LEN + PROTOCOL_JPEG_MAX, parse_jpeg, write_jpeg },
};

static bool known(uint8_t type)
{
	return type >= PROTOCOL_HELLO && type <= PROTOCOL_JPEG;
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
	if (body_len < types[type].min || body_len > types[type].max)
		return -EPROTO;
	struct bits body = bits_sub(&bits, body_len);
	if (!bits_ok(&bits))
		return 0;
	*out = (struct protocol_message){ .type = type };
	if (types[type].parse(&body, out) || !bits_ok(&body))
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
	case PROTOCOL_VIDEO:
		return message->avcc.len;
	case PROTOCOL_RUNGS:
		return RUNGS_LEN + (size_t)message->rungs.count * RUNG_LEN;
	case PROTOCOL_PICTURE:
		return PICTURE_LEN + message->picture.len;
	case PROTOCOL_RUNG_CONFIG:
		return RUNG_CONFIG_LEN + message->avcc.len;
	case PROTOCOL_RUNG_FRAME:
		return RUNG_FRAME_LEN + message->rung_frame.len;
	case PROTOCOL_STILL:
		return STILL_LEN + message->still.avcc_len + message->still.len;
	case PROTOCOL_JPEG:
		return JPEG_LEN + message->jpeg.len;
	default:
		return types[message->type].min;
	}
}

int protocol_write(struct bytes *bytes, const struct protocol_message *message)
{
	const size_t len = body_len(message);
	if (len < types[message->type].min || len > types[message->type].max)
		return -EINVAL;
	if (bytes->cap - bytes->len < PROTOCOL_HEADER_LEN + len)
		return -ENOBUFS;
	bytes_u8(bytes, (uint8_t)message->type);
	bytes_be32(bytes, (uint32_t)len);
	types[message->type].write(bytes, message);
	return bytes_ok(bytes) ? 0 : -ENOBUFS;
}
