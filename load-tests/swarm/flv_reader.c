#include "load-tests/swarm/flv_reader.h"

#include "media/ingest/amf0.h"
#include "server/core/alloc.h"
#include "server/core/bits.h"

#include <stdlib.h>
#include <string.h>

enum { TAG_AUDIO = 8, TAG_VIDEO = 9, TAG_SCRIPT = 18, KEYFRAME = 1, AVC_NALU = 1, BACK_SIZE = 4 };

static const struct flv_reader_ops no_ops;

void flv_reader_init(struct flv_reader *reader, const struct flv_reader_ops *ops, void *arg)
{
	memset(reader, 0, sizeof(*reader));
	reader->ops = ops ? ops : &no_ops;
	reader->arg = arg;
	reader->want = FLV_READER_HEADER;
}

void flv_reader_finish(struct flv_reader *reader)
{
	free(reader->script);
	reader->script = NULL;
}

static void take_time(struct flv_reader *reader, unsigned kind, uint32_t ms)
{
	const int32_t step = (int32_t)(ms - reader->last_ms[kind]);
	if (reader->timed[kind] && step < 0)
		reader->backward++;
	if (reader->timed[kind] && !kind && step > FLV_READER_GAP_MS)
		reader->gaps++;
	reader->timed[kind] = true;
	reader->last_ms[kind] = ms;
}

static void take_video(struct flv_reader *reader, struct bits *body, uint32_t ms)
{
	const uint8_t kind = bits_u8(body) >> 4;
	if (bits_u8(body) != AVC_NALU)
		return;
	if (!reader->video)
		reader->began_with_key = kind == KEYFRAME;
	reader->video++;
	reader->keyframes += kind == KEYFRAME;
	take_time(reader, 0, ms);
	if (reader->ops->frame)
		reader->ops->frame(reader->arg, ms, kind == KEYFRAME);
}

/* Two AMF0 strings: the name, and the message as text (docs/api.md section 3). */
static void take_script(struct flv_reader *reader)
{
	struct bits bits;
	struct amf0_text name, text;
	bits_init(&bits, reader->script, reader->script_len);
	if (!amf0_string(&bits, &name) && amf0_text_is(&name, "onSouk") &&
	    !amf0_string(&bits, &text))
		reader->ops->message(reader->arg, text.data, text.len);
	flv_reader_finish(reader);
}

/* Its first bytes were read with the header. */
static void begin_script(struct flv_reader *reader, size_t size)
{
	reader->scripts++;
	if (!reader->ops->message || size > FLV_READER_SCRIPT_MAX)
		return;
	reader->script = xcalloc(1, size);
	reader->script_len = size;
	reader->script_have = FLV_READER_PEEK;
	memcpy(reader->script, reader->head + FLV_READER_TAG, FLV_READER_PEEK);
}

/* The tag's header and the first two bytes of its body are there. */
static void take_tag(struct flv_reader *reader)
{
	struct bits bits;
	bits_init(&bits, reader->head, reader->have);
	const uint8_t type = bits_u8(&bits) & 0x1f;
	const uint32_t size = bits_be24(&bits);
	uint32_t ms = bits_be24(&bits);
	ms |= (uint32_t)bits_u8(&bits) << 24;
	bits_skip(&bits, 3);
	if (size < FLV_READER_PEEK ||
	    (type != TAG_AUDIO && type != TAG_VIDEO && type != TAG_SCRIPT)) {
		reader->bad = true;
	} else if (type == TAG_VIDEO) {
		take_video(reader, &bits, ms);
	} else if (type == TAG_AUDIO) {
		reader->audio++;
		take_time(reader, 1, ms);
	} else {
		begin_script(reader, size);
	}
	reader->skip = size - FLV_READER_PEEK + BACK_SIZE;
	reader->have = 0;
}

static void take_head(struct flv_reader *reader)
{
	if (reader->headed) {
		take_tag(reader);
		return;
	}
	/* E.2: signature, version 1, flags, header size, then the size of the tag before: 0. */
	reader->bad = memcmp(reader->head, "FLV\1", 4) != 0;
	reader->headed = true;
	reader->have = 0;
	reader->want = FLV_READER_TAG + FLV_READER_PEEK;
}

static void collect(struct flv_reader *reader, const uint8_t *data, size_t len)
{
	const size_t left = reader->script_len - reader->script_have;
	const size_t part = len < left ? len : left;
	memcpy(reader->script + reader->script_have, data, part);
	reader->script_have += part;
	if (reader->script_have == reader->script_len)
		take_script(reader);
}

void flv_reader_feed(struct flv_reader *reader, const uint8_t *data, size_t len)
{
	while (len && !reader->bad) {
		size_t part = reader->want - reader->have;
		if (reader->skip) {
			part = reader->skip < len ? reader->skip : len;
			reader->skip -= (uint32_t)part;
			if (reader->script)
				collect(reader, data, part);
		} else {
			part = part < len ? part : len;
			memcpy(reader->head + reader->have, data, part);
			reader->have += part;
		}
		data += part;
		len -= part;
		if (reader->have == reader->want)
			take_head(reader);
	}
}
